"""What the door finds in the head of a request, and that nobody can make it think about one for long."""

import subprocess
import sys

import pytest

from trio_orchestrator.net import request_head

# A line that makes an expression quadratic costs seconds at 16 KB, and an hour at 1 MB: it does not get there in time.
PATIENCE = 60.0
SLOW_THINKERS = r"""
import ipaddress
import sys

import h11

from trio_orchestrator.net import request_head
from trio_orchestrator.net.forwarded import Proxies, headers_of

NAMES = [b"Upgrade", b"Upgrade:", b"Upgrade: h2c", b"Upgrade: websocket\r\nSec-WebSocket-", b"Connection", b"X:",
         b"Upgrade: websocket\r\nHost", b"Host:", b"Content-Length:", b"X-Forwarded-For:", b"Forwarded: ",
         b'Forwarded: "', b"Forwarded: for"]
FILLINGS = [b" ", b"\t", b"a", b"a ", b":", b" :", b"\r\nUpgrade ", b"websocket ", b"h2c ", b",", b'"', b'",', b'a"',
            b";", b'for="', b'for="a"', b";for=a", b"; for = ", b'";for="a" ', b"=", b'\\"',
            b"\r\nHost:", b"1"]
TARGETS = [b"http://", b"http://h/"]
ENDS = [b"", b"\0", b"\v", b"\f", b"\r", b"\n", b"\x80", b"z", b'"']
PROXIES = Proxies([ipaddress.ip_network("127.0.0.0/8")])

def think(head):
    request_head.is_plain(head, len(head))
    request_head.is_websocket(head)
    PROXIES.client("127.0.0.1", headers_of(head))
    if request_head.refusal(head, len(head)) is None:
        head = request_head.in_origin_form(head)
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * len(head))
        parser.receive_data(head)
        try:
            parser.next_event()
        except h11.RemoteProtocolError:
            pass

length, fillings, ends = {
    "short": (16_384, FILLINGS, ENDS),
    "long": (131_072, FILLINGS, (b"z", b"\0")),
    "endless": (1_048_576, (b" ", b'"'), (b"z", b"\0")),
}[sys.argv[1]]
for filling in fillings:
    for end in ends:
        body = filling * (length // len(filling))
        for name in NAMES:
            think(b"GET /client HTTP/1.1\r\nHost: h\r\n" + name + body + end + b"\r\n\r\n")
        for target in TARGETS:
            think(b"GET " + target + body + end + b" HTTP/1.1\r\nHost: h\r\n\r\n")
sys.stdout.write("thought of all")
"""


@pytest.mark.parametrize("heads", ["short", "long", "endless"])
def test_no_head_takes_long_whatever_stands_in_it(heads: str) -> None:
    program = [sys.executable, "-c", SLOW_THINKERS, heads]
    done = subprocess.run(program, timeout=PATIENCE, capture_output=True, text=True)
    assert done.stdout == "thought of all", done.stderr


@pytest.mark.parametrize("character", [b"\0", b"\v", b"\f", b"\r", b"\n", b"\n\n", b"\r\n ", b"\r\n\t"])
def test_no_engine_gets(character: bytes) -> None:
    for line in (b"X: a%sb", b"X%s: a", b"X:%sa"):
        assert refused(b"GET / HTTP/1.1\r\nHost: h\r\n" + line % character + b"\r\n\r\n") == "400 Bad Request"


@pytest.mark.parametrize("name", [b"Connection", b"UPGRADE \t", b"Sec-WebSocket-Key"])
def test_what_the_websocket_engine_reads_as_ascii_must_be(name: bytes) -> None:
    asked = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nCookie: \xff\r\n"
    assert refused(asked + name + b": a\r\n\r\n") is None
    assert refused(asked + name + b": a\x80\r\n\r\n") == "400 Bad Request"
    asked = b"GET / HTTP/1.1\r\nHost: h\r\n"
    assert refused(asked + name + b": a\x80\r\n\r\n") is None, "Hypercorn reads them all"


def test_what_follows_a_websockets_head_is_no_body() -> None:
    asked = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nContent-Length: %b\r\n\r\n"
    assert (refused(asked % b"0"), refused(asked % b"5"), refused(asked % b"010")) == (None, *2 * ["400 Bad Request"])


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET / HTTP/1.0", None),
        (b"GET / HTTP/1.2", None),
        (b"BREW /pot HTTP/1.1", None),
        (b"OPTIONS * HTTP/1.1", None),
        (b"GET http://h HTTP/1.1", None),
        (b"GET HTTPS://[::1]:8443?x HTTP/1.1", None),
        (b"GET /", "400"),
        (b"GET  / HTTP/1.1", "400"),
        (b"G(T / HTTP/1.1", "400"),
        (b"GET /\xff HTTP/1.1", "400"),
        (b"GET page HTTP/1.1", "400"),
        (b"GET * HTTP/1.1", "400"),
        (b"GET ftp://h/ HTTP/1.1", "400"),
        (b"GET http:/// HTTP/1.1", "400"),
        (b"GET /objects%2f1 HTTP/1.1", "400"),
        (b"GET http://h/objects%2F1 HTTP/1.1", "400"),
        (b"GET /objects?cameraId=hall%2F1 HTTP/1.1", None),
        (b"GET http://h?cameraId=hall%2F1 HTTP/1.1", None),
        (b"GET http://:80/ HTTP/1.1", "400"),
        (b"GET http://me@h/ HTTP/1.1", "400"),
        (b"GET http://h/# HTTP/1.1", "400"),
        (b"CONNECT h:443 HTTP/1.1", "501"),
        (b"delete / HTTP/1.1", "501"),
        (b"GET / HTTP/2.0", "505"),
        (b"GET / HTTP/0.9", "505"),
    ],
)
def test_a_request_line(line: bytes, status: str | None) -> None:
    told = refused(line + b"\r\nHost: h\r\n\r\n")
    assert told is status is None or (told or "").partition(" ")[0] == status


@pytest.mark.parametrize("host", [b"h", b"", b"\th:", b"192.0.2.1:80 ", b"[2001:db8::1]:443", b"my_house.example"])
def test_who_may_be_asked_for(host: bytes) -> None:
    for upgrade in (b"", b"Upgrade: websocket\r\n"):
        head = b"GET / HTTP/1.%d\r\n" + upgrade
        assert refused(head % 1 + b"HOST:" + host + b"\r\n\r\n") is None
        assert refused(head % 0 + b"\r\n") is None
        assert refused(head % 1 + b"\r\n") == "400 Bad Request"
        for minor in (0, 1):
            assert refused(head % minor + b"Host: h\r\nHost: h\r\n\r\n") == "400 Bad Request"


@pytest.mark.parametrize("host", [b"a b", b"me@h", b"h/", b"h:x", b"h, h", b"[::1", b"::1", b"\xff", b"http://h"])
def test_who_may_not(host: bytes) -> None:
    assert refused(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n") == "400 Bad Request"


@pytest.mark.parametrize(
    ("target", "origin"),
    [(b"/a?b", b"/a?b"), (b"?b=/", b"/?b=/"), (b"", b"/"), (b"//a/http://b", b"//a/http://b")],
)
def test_a_target_in_absolute_form_is_its_path_and_its_host(target: bytes, origin: bytes) -> None:
    head = b"GET http://h:80%b HTTP/1.1\r\nA: 1\r\nhost: other\r\nB: 2\r\n\r\n" % target
    assert refused(head) is None
    expected = b"GET %b HTTP/1.1\r\nHost: h:80\r\nA: 1\r\nB: 2\r\n\r\n" % origin
    assert request_head.in_origin_form(head) == expected
    assert request_head.in_origin_form(expected) == expected


@pytest.mark.parametrize("value", [b"websocket", b"WebSocket", b"\x85websocket\x85", b"h2c, websocket"])
def test_what_hypercorn_might_take_for_a_websockets_is_not_plain(value: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade:%s\r\n\r\n"
    assert not request_head.is_plain(head % value, 1000)
    assert request_head.is_plain(head % b"h2c", 1000)


def refused(head: bytes) -> str | None:
    return request_head.refusal(head, 1000)
