import ipaddress

import pytest

from trio_orchestrator.net.forwarded import Proxies, headers_of

PROXIES = Proxies([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")])


@pytest.mark.parametrize("host", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"])
def test_known(host: str) -> None:
    assert PROXIES.knows(host)


@pytest.mark.parametrize("host", ["11.0.0.1", "2001:db9::1", "localhost", "", None])
def test_not_known(host: str | None) -> None:
    assert not PROXIES.knows(host)


def test_by_default_nobody_is() -> None:
    assert not Proxies(()).knows("127.0.0.1")


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([], "10.0.0.1"),
        ([(b"x-forwarded-for", b"203.0.113.7")], "203.0.113.7"),
        # What a stranger wrote stands in front of what the proxy heard.
        ([(b"x-forwarded-for", b"1.1.1.1, 203.0.113.7")], "203.0.113.7"),
        ([(b"x-forwarded-for", b"1.1.1.1"), (b"X-Forwarded-For", b"203.0.113.7")], "203.0.113.7"),
        ([(b"x-forwarded-for", b"203.0.113.7, 10.9.9.9")], "203.0.113.7"),
        ([(b"x-forwarded-for", b"10.8.8.8, 10.9.9.9")], "10.8.8.8"),
        ([(b"x-forwarded-for", b"203.0.113.7:4711")], "203.0.113.7"),
        ([(b"x-forwarded-for", b"[2a00::1]:4711")], "2a00::1"),
        ([(b"x-forwarded-for", b"2a00::1")], "2a00::1"),
        ([(b"x-forwarded-for", b"::ffff:203.0.113.7")], "203.0.113.7"),
        # Nothing that stands before nonsense is believed.
        ([(b"x-forwarded-for", b"203.0.113.7, unknown")], "10.0.0.1"),
        ([(b"x-forwarded-for", b"203.0.113.7, evil\x1b[31m, 10.9.9.9")], "10.9.9.9"),
        ([(b"x-forwarded-for", b"")], "10.0.0.1"),
        ([(b"x-forwarded-for", b"," * 5000)], "10.0.0.1"),
        ([(b"forwarded", b"for=203.0.113.7;proto=https")], "203.0.113.7"),
        ([(b"forwarded", b'For="[2a00::1]:4711"')], "2a00::1"),
        ([(b"forwarded", b"for=1.1.1.1, for=203.0.113.7;by=10.0.0.1")], "203.0.113.7"),
        ([(b"forwarded", b'for="_hidden", for=203.0.113.7')], "203.0.113.7"),
        ([(b"forwarded", b"for=_hidden")], "10.0.0.1"),
        ([(b"forwarded", b"proto=https")], "10.0.0.1"),
        # A proxy that writes only the one passes on what a stranger wrote into the other.
        ([(b"forwarded", b"for=1.1.1.1"), (b"x-forwarded-for", b"203.0.113.7")], "203.0.113.7"),
    ],
)
def test_client(headers: list[tuple[bytes, bytes]], client: str) -> None:
    assert PROXIES.client("10.0.0.1", headers) == client


def test_headers_of_a_head() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a:80\r\nX-FORWARDED-for:  203.0.113.7 \r\nodd\r\n\r\n"
    assert list(headers_of(head)) == [(b"host", b"a:80"), (b"x-forwarded-for", b"203.0.113.7")]
