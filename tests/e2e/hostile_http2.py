"""What strangers send in HTTP/2 (RFC 9113), behind TLS."""

from typing import Final

from hpack import Encoder

from .hostile import Hostile, Where
from .raw import http2_frame

_GOOD: Final = [(":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", "/objectIds")]
_STOPS_READING: Final = {"half a frame", "a frame too long"}


def _asking(*headers: tuple[str | bytes, str | bytes], stream: int = 1, flags: int = 5) -> bytes:
    return http2_frame(1, flags, stream, Encoder().encode(list(headers)))


def _asking_at(path: str | bytes) -> bytes:
    return _asking(*_GOOD[:3], (":path", path))


HTTP2: Final = [
    Hostile(f"HTTP/2: {name}", Where.HTTP2, data, None, name in _STOPS_READING)
    for name, data in (
        ("garbage", bytes(range(256)) * 100),
        ("a path over 0x7f", _asking_at(b"/\xff\xfe")),
        ("a path with a NUL", _asking_at("/object\0Ids")),
        ("an empty path", _asking_at("")),
        ("a path that is no URL", _asking_at("//[")),
        ("no path", _asking(*_GOOD[:3])),
        ("two paths", _asking(*_GOOD, (":path", "/"))),
        ("an asterisk", _asking((":method", "OPTIONS"), *_GOOD[1:3], (":path", "*"))),
        ("a path of an absolute URL", _asking_at("https://x/objectIds")),
        ("no method", _asking(*_GOOD[1:])),
        ("a method over 0x7f", _asking((":method", b"\xff"), *_GOOD[1:])),
        ("an authority over 0x7f", _asking(*_GOOD[:2], (":authority", b"\xff"), _GOOD[3])),
        ("capitals in a header", _asking(*_GOOD, ("X-Y", "z"))),
        ("a header over 0x7f", _asking(*_GOOD, (b"x-\xff", b"\xff"))),
        ("a pseudo-header that is none", _asking(*_GOOD, (":x", "y"))),
        ("a header of HTTP/1", _asking(*_GOOD, ("connection", "close"))),
        ("a length that is none", _asking(*_GOOD, ("content-length", "x"))),
        ("CONNECT", _asking((":method", "CONNECT"), (":authority", "x:1"), flags=4)),
        (
            "a WebSocket (RFC 8441)",
            _asking((":method", "CONNECT"), (":protocol", "websocket"), *_GOOD[1:3], (":path", "/client"), flags=4),
        ),
        (
            "a WebSocket with a byte over 0x7f",
            _asking(
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                *_GOOD[1:3],
                (":path", "/client"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-protocol", b"\xff"),
                flags=4,
            ),
        ),
        ("a huge header", _asking(*_GOOD, *[("x", "~" * 4000)] * 3)),
        ("compression that is none", http2_frame(1, 5, 1, b"\xff" * 50)),
        ("data for nobody", http2_frame(0, 0, 1, b"x")),
        ("data for stream 0", http2_frame(0, 0, 0, b"x")),
        ("a stream of the server's", _asking(*_GOOD, stream=2)),
        ("a stream twice", _asking(*_GOOD) + _asking(*_GOOD)),
        ("a window of nothing", http2_frame(8, 0, 0, bytes(4))),
        ("a window too wide", http2_frame(8, 0, 0, b"\x7f\xff\xff\xff") * 2),
        ("a priority of itself", http2_frame(2, 0, 1, b"\0\0\0\1\x10")),
        ("a priority of nobody", http2_frame(2, 0, 1, b"\0\0\0\x09\x10") + _asking(*_GOOD)),
        ("a priority in a circle", http2_frame(2, 0, 1, b"\0\0\0\3\1") + http2_frame(2, 0, 3, b"\0\0\0\1\1")),
        ("a thousand priorities", b"".join(http2_frame(2, 0, 2 * i + 1, b"\0\0\0\0\1") for i in range(2000))),
        ("settings that are none", http2_frame(4, 0, 0, b"\0\5\0\0\0\1")),
        ("settings of odd length", http2_frame(4, 0, 0, b"\0")),
        ("half a frame", b"\0\x40\0\1"),
        ("a frame too long", b"\xff\xff\xff\0\0\0\0\0\1"),
        ("an unknown frame", http2_frame(0xEE, 0xFF, 7, b"x")),
        ("a push by a client", http2_frame(5, 4, 1, b"\0\0\0\2")),
        ("a reset of nobody", http2_frame(3, 0, 9, bytes(4))),
        (
            "five hundred streams, each reset at once",
            b"".join(_asking(*_GOOD, stream=2 * i + 1) + http2_frame(3, 0, 2 * i + 1, bytes(4)) for i in range(500)),
        ),
        ("a thousand pings", http2_frame(6, 0, 0, bytes(8)) * 1000),
        ("going away, then a request", http2_frame(7, 0, 0, bytes(8)) + _asking(*_GOOD)),
    )
]
