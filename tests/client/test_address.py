import pytest

from trio_orchestrator.client.address import Address, parse_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://localhost:8080", Address("localhost", 8080, "/processor", False)),
        ("ws://localhost:8080/", Address("localhost", 8080, "/processor", False)),
        ("ws://localhost/processor", Address("localhost", 80, "/processor", False)),
        ("ws://localhost/processor/", Address("localhost", 80, "/processor", False)),
        ("wss://example.org", Address("example.org", 443, "/processor", True)),
        ("wss://example.org/behind/a/proxy?x=1", Address("example.org", 443, "/behind/a/proxy/processor?x=1", True)),
        ("ws://[::1]:81", Address("::1", 81, "/processor", False)),
    ],
)
def test_the_endpoint_is_added_where_it_is_not_given(url: str, address: Address) -> None:
    assert parse_url(url, "/processor") == address


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost", "ws://"),
        ("localhost:8080", "ws://"),
        ("ws://", "host"),
        ("ws://localhost:port", "no URL"),
        ("ws://localhost:99999", "no URL"),
        ("ws://a host", "host"),
        ("ws://a\x00host", "host"),
        ("ws://\u202ehost", "host"),
        ("ws://localhost:0", "port"),
        ("ws://[::1", "no URL"),
        ("ws://me:secret@localhost", "token"),
        ("http://me:secret@localhost", "ws://"),
        ("me:secret@localhost:8080", "ws://"),
        ("ws://me:secret@", "host"),
        ("ws://me:secret@[::1", "no URL"),
        ("ws://me:secret@localhost:port", "no URL"),
        ("ws://localhost:0/é?of=me:secret@localhost", "port"),
        ("ws://localhost/é?of=me:secret@localhost", "percent"),
        ("ws://secret:se/cret@localhost", "no URL"),
        ("ws://secret\u2100@localhost", "no URL"),
        ("ws://localhost/a b", "percent"),
        ("ws://localhost/é", "percent"),
    ],
)
def test_a_wrong_url_is_told(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        parse_url(url, "/client")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (Address("localhost", 80, "/client", False), "localhost"),
        (Address("localhost", 443, "/client", False), "localhost:443"),
        (Address("localhost", 443, "/client", True), "localhost"),
        (Address("::1", 8080, "/client", False), "[::1]:8080"),
    ],
)
def test_the_host_header_leaves_out_the_usual_port_only(address: Address, host: str) -> None:
    assert address.host_header == host
