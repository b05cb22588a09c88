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
         b"Upgrade: websocket\r\nHost", b"X-Forwarded-For:", b"Forwarded: ", b'Forwarded: "', b"Forwarded: for"]
FILLINGS = [b" ", b"\t", b"a", b"a ", b":", b" :", b"\r\nUpgrade ", b"websocket ", b"h2c ", b",", b'"', b'",', b'a"',
            b";", b'for="', b'for="a"', b";for=a", b"; for = ", b'";for="a" ', b"=", b'\\"']
ENDS = [b"", b"\0", b"\v", b"\f", b"\r", b"\n", b"\x80", b"z", b'"']
PROXIES = Proxies([ipaddress.ip_network("127.0.0.0/8")])

def think(head):
    request_head.is_plain(head, len(head))
    request_head.is_websocket(head)
    PROXIES.client("127.0.0.1", headers_of(head))
    if request_head.refusal(head, len(head)) is None:
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * len(head))
        parser.receive_data(head)
        try:
            parser.next_event()
        except h11.RemoteProtocolError:
            pass

for length, fillings, ends in (
    (16_384, FILLINGS, ENDS), (131_072, FILLINGS, (b"z", b"\0")), (1_048_576, (b" ", b'"'), (b"z", b"\0"))
):
    for name in NAMES:
        for filling in fillings:
            for end in ends:
                body = filling * (length // len(filling))
                think(b"GET /client HTTP/1.1\r\n" + name + body + end + b"\r\n\r\n")
    sys.stdout.write(f"{length}\n")
"""


def test_no_head_takes_long_whatever_stands_in_it() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW_THINKERS], timeout=PATIENCE, capture_output=True, text=True)
    assert done.stdout.split() == ["16384", "131072", "1048576"], done.stderr


@pytest.mark.parametrize("character", [b"\0", b"\v", b"\f", b"\r", b"\n", b"\n\n", b"\r\n ", b"\r\n\t"])
def test_no_engine_gets(character: bytes) -> None:
    for line in (b"X: a%sb", b"X%s: a", b"X:%sa"):
        assert refused(b"GET / HTTP/1.1\r\nHost: h\r\n" + line % character + b"\r\n\r\n") == "400 Bad Request"


@pytest.mark.parametrize("name", [b"Host", b"host \t", b"Connection", b"UPGRADE", b"Sec-WebSocket-Key"])
def test_what_the_websocket_engine_reads_as_ascii_must_be(name: bytes) -> None:
    asked = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nCookie: \xff\r\n"
    assert refused(asked + name + b": a\r\n\r\n") is None
    assert refused(asked + name + b": a\x80\r\n\r\n") == "400 Bad Request"
    assert refused(b"GET / HTTP/1.1\r\n" + name + b": a\x80\r\n\r\n") is None, "Hypercorn reads them all"


@pytest.mark.parametrize("value", [b"websocket", b"WebSocket", b"\x85websocket\x85", b"h2c, websocket"])
def test_what_hypercorn_might_take_for_a_websockets_is_not_plain(value: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade:%s\r\n\r\n"
    assert not request_head.is_plain(head % value, 1000)
    assert request_head.is_plain(head % b"h2c", 1000)


def refused(head: bytes) -> str | None:
    return request_head.refusal(head, 1000)
