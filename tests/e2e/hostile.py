"""What strangers send: a table of inputs, and what the RFCs say becomes of the connection.

HTTP/1.1 is RFC 9112, HTTP/2 RFC 9113, WebSocket RFC 6455.
"""

from enum import Enum, auto
from typing import Final, NamedTuple

from .raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, closing, frame, upgrade


class Where(Enum):
    """What is on the connection before the input comes."""

    PLAIN = auto()
    """Nothing yet, on the plain port."""
    TLS_PORT = auto()
    """Nothing yet, not even a handshake, on the TLS port."""
    TLS = auto()
    """A TLS handshake."""
    HTTP2 = auto()
    """A TLS handshake in which HTTP/2 was chosen, the preface and settings."""
    CLIENT = auto()
    """The opening handshake of a WebSocket at `/client`."""
    PROCESSOR = auto()
    """Likewise at `/processor`."""


class Hostile(NamedTuple):
    """One input.

    Attributes:
        name: what is wrong with it.
        where: where it comes.
        data: the bytes.
        answer: the status or closing code that the server ends the connection with; 0 where it just ends it; None
            where whatever comes will do, the beginning of an answer or the end.
        resets: whether it does not stay to see but resets the connection.
    """

    name: str
    where: Where
    data: bytes
    answer: int | None
    resets: bool = False


_ASK: Final = b"GET /objectIds HTTP/1.1\r\nHost: x\r\n"
_LIMIT: Final = 10_485_760

HTTP: Final = [
    Hostile("nothing at all", Where.PLAIN, b"", None, resets=True),
    Hostile("garbage", Where.PLAIN, bytes(range(256)) * 4 + b"\r\n\r\n", 400),
    Hostile("garbage without an end", Where.PLAIN, bytes(range(128, 256)) * 4, None, resets=True),
    Hostile("half a head", Where.PLAIN, b"GET /objectIds HTTP/1.1\r\nHos", None, resets=True),
    Hostile("NULs", Where.PLAIN, bytes(100) + b"\r\n\r\n", 400),
    Hostile("NUL in a header", Where.PLAIN, _ASK + b"X: a\0b\r\n\r\n", 400),
    Hostile("NUL in the path", Where.PLAIN, b"GET /object\0Ids HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Hostile("a byte over 0x7f in the path", Where.PLAIN, b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Hostile("a byte over 0x7f in Host", Where.PLAIN, b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", 400),
    Hostile("no Host", Where.PLAIN, b"GET /objectIds HTTP/1.1\r\n\r\n", 400),
    Hostile("two Hosts", Where.PLAIN, _ASK + b"Host: y\r\n\r\n", 400),
    Hostile("a huge head", Where.PLAIN, _ASK + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    Hostile("a huge head without an end", Where.PLAIN, _ASK + b"X: " + b"a" * 20_000, 431),
    Hostile("many headers", Where.PLAIN, _ASK + b"a: b\r\n" * 4000 + b"\r\n", 431),
    Hostile("HTTP/2 in clear", Where.PLAIN, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0", 505),
    Hostile(
        "HTTP/2 in clear, second",
        Where.PLAIN,
        _ASK + b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0",
        None,
    ),
    Hostile(
        "an upgrade to h2c",
        Where.PLAIN,
        _ASK
        + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings, close\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        200,
    ),
    Hostile(
        "an upgrade to h2c on a folded line",
        Where.PLAIN,
        _ASK + b"Upgrade:\r\n h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: *\r\n\r\n",
        400,
    ),
    Hostile(
        "an upgrade to h2c, second",
        Where.PLAIN,
        _ASK + b"\r\n" + _ASK + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: \xff*\r\n\r\n",
        None,
        resets=True,
    ),
    Hostile("a WebSocket, second", Where.PLAIN, _ASK + b"\r\n" + upgrade(), None),
    Hostile(
        "a WebSocket, second, with a byte over 0x7f",
        Where.PLAIN,
        _ASK + b"\r\n" + upgrade(b"/client", b"Sec-WebSocket-Protocol: \xff"),
        None,
    ),
    Hostile("HTTP/9.9", Where.PLAIN, b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505),
    Hostile("HTTP/1.0", Where.PLAIN, b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    Hostile("HTTP/0.9", Where.PLAIN, b"GET /healthz\r\n\r\n", 400),
    Hostile(
        "both lengths",
        Where.PLAIN,
        b"POST /objectIds HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        None,
    ),
    Hostile(
        "two lengths",
        Where.PLAIN,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        400,
    ),
    Hostile("a length that is none", Where.PLAIN, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    Hostile("a length of many digits", Where.PLAIN, _ASK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", None),
    Hostile(
        "a coding that is none",
        Where.PLAIN,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x, chunked\r\n\r\n",
        None,
    ),
    Hostile(
        "a chunk that is none",
        Where.PLAIN,
        b"POST /objectIds HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
        None,
    ),
    Hostile("half a body", Where.PLAIN, b"POST /objectIds HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", None),
    Hostile("white space before the colon", Where.PLAIN, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    Hostile("a path that is no URL", Where.PLAIN, b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n", None),
    Hostile(
        "bad escapes in the query",
        Where.PLAIN,
        b"GET /timelines?%zz=%ff&objectId=%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        None,
    ),
    Hostile("many parameters", Where.PLAIN, b"GET /timelines?" + b"a&" * 7000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", None),
    Hostile("CONNECT", Where.PLAIN, b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    Hostile("a method in small letters", Where.PLAIN, b"delete /objects/1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    Hostile("no host in absolute form", Where.PLAIN, b"GET http:///objectIds HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Hostile("a user in absolute form", Where.PLAIN, b"GET http://a@b/objectIds HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Hostile("an asterisk", Where.PLAIN, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", None),
    Hostile("an odd method", Where.PLAIN, b"G\xc3\xa9T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Hostile(
        "Expect",
        Where.PLAIN,
        b"POST /objectIds HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        None,
    ),
    Hostile("a hundred requests at once", Where.PLAIN, (_ASK + b"\r\n") * 100, None),
    Hostile("a bad token", Where.PLAIN, _ASK + b"Authorization: Bearer \xff\xfe.\r\n\r\n", None),
    Hostile(
        "a TLS hello in clear", Where.PLAIN, bytes.fromhex("16030100c8010000c40303") + bytes(200), None, resets=True
    ),
    Hostile("HTTP on the TLS port", Where.TLS_PORT, _ASK + b"\r\n", 0),
    Hostile("garbage on the TLS port", Where.TLS_PORT, b"\xff" * 100, 0),
    Hostile("nothing on the TLS port", Where.TLS_PORT, b"", None, resets=True),
    Hostile("half a TLS hello", Where.TLS_PORT, bytes.fromhex("16030100c8010000c40303") + bytes(20), None),
    Hostile("garbage in TLS", Where.TLS, bytes(range(256)) + b"\r\n\r\n", 400),
    Hostile("HTTP/2 in TLS without ALPN", Where.TLS, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    Hostile("half a head in TLS", Where.TLS, b"GET / HT", None, resets=True),
]

OPENING: Final = [
    Hostile("no key", Where.PLAIN, upgrade(key=b""), 400),
    Hostile("an empty key", Where.PLAIN, upgrade(key=b"Sec-WebSocket-Key:"), None),
    Hostile("two keys", Where.PLAIN, upgrade(b"/client", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), None),
    Hostile("version 7", Where.PLAIN, upgrade(version=b"Sec-WebSocket-Version: 7"), 426),
    Hostile("no version", Where.PLAIN, upgrade(version=b""), 400),
    Hostile("a version that is none", Where.PLAIN, upgrade(version=b"Sec-WebSocket-Version: \xb2"), 400),
    Hostile("no Host for a WebSocket", Where.PLAIN, upgrade(host=b""), 400),
    Hostile("a byte over 0x7f in a WebSocket's Host", Where.PLAIN, upgrade(host=b"Host: \xff"), 400),
    Hostile("a byte over 0x7f in a WebSocket's path", Where.PLAIN, upgrade(b"/client\xff"), 400),
    Hostile("a subprotocol over 0x7f", Where.PLAIN, upgrade(b"/client", b"Sec-WebSocket-Protocol: \xff"), 400),
    Hostile("an extension over 0x7f", Where.PLAIN, upgrade(b"/client", b"Sec-WebSocket-Extensions: \xff"), 400),
    Hostile("an extension that is none", Where.PLAIN, upgrade(b"/client", b"Sec-WebSocket-Extensions: ;=,"), None),
    Hostile("an origin over 0x7f", Where.PLAIN, upgrade(b"/client", b"Origin: \xff"), None),
    Hostile("a header without a colon", Where.PLAIN, upgrade(b"/client", b"colonless"), 400),
    Hostile("a WebSocket by POST", Where.PLAIN, upgrade(request=b"POST %s HTTP/1.1"), 400),
    Hostile("a WebSocket by HTTP/1.0", Where.PLAIN, upgrade(request=b"GET %s HTTP/1.0"), None),
    Hostile("a WebSocket by HTTP/2", Where.PLAIN, upgrade(request=b"GET %s HTTP/2"), None),
    Hostile("a WebSocket elsewhere", Where.PLAIN, upgrade(b"/other"), 404),
    Hostile("a WebSocket at no URL", Where.PLAIN, upgrade(b"//["), 404),
    Hostile("a WebSocket at an odd URL", Where.PLAIN, upgrade(b"http://[::1/client"), 400),
    Hostile("a body with the upgrade", Where.PLAIN, upgrade(b"/client", b"Content-Length: 5") + b"abcde", 400),
    Hostile(
        "chunks with the upgrade", Where.PLAIN, upgrade(b"/client", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", None
    ),
    Hostile("one byte too many", Where.PLAIN, upgrade() + b"x", None),
    Hostile("a ping before the answer", Where.PLAIN, upgrade() + frame(PING, b"early"), None),
    Hostile("a closing frame before the answer", Where.PLAIN, upgrade() + closing(1000), None),
    Hostile("garbage before the answer", Where.PLAIN, upgrade() + b"\xff" * 50, 101),
    Hostile("reset before the answer", Where.PLAIN, upgrade(), None, resets=True),
    Hostile(
        "an upgrade without a WebSocket's Connection",
        Where.PLAIN,
        upgrade().replace(b"Connection: Upgrade\r\n", b""),
        400,
    ),
    Hostile("an upgrade with NULs", Where.PLAIN, upgrade(b"/client", b"X: \0"), 400),
]

FRAMES: Final = [
    Hostile("not masked", Where.CLIENT, frame(TEXT, b"{}", masked=False), 1002),
    Hostile("an unknown opcode", Where.CLIENT, frame(3, b"x"), 1002),
    Hostile("an unknown control opcode", Where.CLIENT, frame(0xB, b"x"), 1002),
    Hostile("reserved bit 1", Where.CLIENT, frame(TEXT, b"x", reserved=4), 1002),
    Hostile("reserved bit 3", Where.CLIENT, frame(PING, b"x", reserved=1), 1002),
    Hostile("a continuation of nothing", Where.CLIENT, frame(CONTINUATION, b"x"), 1002),
    Hostile("a message inside another", Where.CLIENT, frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    Hostile("a length wider than it needs", Where.CLIENT, frame(TEXT, b"x", width=2), 1002),
    Hostile("a length much wider than it needs", Where.CLIENT, frame(TEXT, b"x" * 300, width=8), 1002),
    Hostile("a length with its top bit", Where.CLIENT, frame(TEXT, announced=1 << 63, width=8), 1002),
    Hostile("a ping in pieces", Where.CLIENT, frame(PING, b"x", fin=False), 1002),
    Hostile("a long ping", Where.CLIENT, frame(PING, b"x" * 126), 1002),
    Hostile("no UTF-8", Where.CLIENT, frame(TEXT, b"\xff"), 1007),
    Hostile("half a character", Where.CLIENT, frame(TEXT, b"\xe2\x82"), 1007),
    Hostile("a surrogate", Where.CLIENT, frame(TEXT, b"\xed\xa0\x80"), 1007),
    Hostile("no UTF-8 in pieces", Where.CLIENT, frame(TEXT, b"\xe2", fin=False) + frame(CONTINUATION, b"("), 1007),
    Hostile("a closing frame of one byte", Where.CLIENT, frame(CLOSE, b"x"), 1002),
    Hostile("a closing code that is none", Where.CLIENT, closing(999), 1002),
    Hostile("a closing code never to be sent", Where.CLIENT, closing(1005), 1002),
    Hostile("a closing reason that is no UTF-8", Where.CLIENT, closing(1000, b"\xff"), 1007),
    Hostile("a closing frame, then data", Where.CLIENT, closing(1000) + frame(TEXT, b"{}") * 50, 1000),
    Hostile("a closing frame, then garbage", Where.CLIENT, closing(1001) + b"\xff" * 500, 1001),
    Hostile("two closing frames", Where.CLIENT, closing(4000) + closing(1000), 4000),
    Hostile("a closing frame without a code", Where.CLIENT, frame(CLOSE), None),
    Hostile("a pong nobody asked for", Where.CLIENT, frame(PONG, b"x") + closing(1000), 1000),
    Hostile("a message too long", Where.CLIENT, frame(TEXT, announced=_LIMIT + 1), 1009),
    Hostile("a message far too long", Where.CLIENT, frame(BINARY, announced=(1 << 63) - 1), 1009),
    Hostile("too long, a ping behind it", Where.CLIENT, frame(TEXT, b"x" * (_LIMIT + 1)) + frame(PING), 1009),
    Hostile(
        "too long, a message behind it", Where.PROCESSOR, frame(TEXT, b"x" * (_LIMIT + 1)) + frame(TEXT, b"{}"), 1009
    ),
    Hostile("half a message", Where.PROCESSOR, frame(TEXT, b"x" * 70_000, announced=100_000), None, resets=True),
    Hostile("half a head of a frame", Where.PROCESSOR, b"\x81", None),
    Hostile("ten thousand pings", Where.CLIENT, frame(PING, b"x" * 125) * 10_000 + closing(1000), 1000),
    Hostile("ten thousand pings nobody reads", Where.CLIENT, frame(PING, b"x" * 125) * 10_000, None, resets=True),
    Hostile("a hundred thousand empty messages", Where.CLIENT, frame(TEXT) * 100_000 + closing(1000), None),
    Hostile(
        "a hundred thousand empty pieces",
        Where.PROCESSOR,
        frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 100_000,
        None,
    ),
    Hostile("a reset in the middle of a message", Where.PROCESSOR, frame(TEXT, b"{", fin=False), None, resets=True),
    Hostile(
        "a lone surrogate in a name",
        Where.PROCESSOR,
        frame(TEXT, rb'{"type":"identifier","id":"\ud800"}') + closing(1000),
        1000,
    ),
    Hostile("a deep message", Where.PROCESSOR, frame(TEXT, b'{"type":' + b"[" * 200_000) + closing(1000), 1000),
    Hostile(
        "a number of many digits",
        Where.CLIENT,
        frame(TEXT, b'{"type":"stop","objectId":' + b"9" * 9000 + b"}") + closing(1000),
        1000,
    ),
    Hostile(
        "a thousand kinds of nonsense",
        Where.CLIENT,
        b"".join(frame(BINARY, bytes((i & 255, 255))) for i in range(1000)) + closing(1000),
        1000,
    ),
]
