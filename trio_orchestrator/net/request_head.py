"""The head of an HTTP/1.1 request, as the bytes it is: what the door must know of it before an engine reads it.

Anybody may write a head. So whatever looks at one, here or in an engine, must take time that grows as the head does and
no faster: no expression has two parts side by side that take the same characters.
"""

import re
from typing import Final, Protocol

END: Final = b"\r\n\r\n"

_HTTP2_PREFACE: Final = b"PRI * HTTP/2"
_WEBSOCKET_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:[^\r\n]*\bwebsocket\b", re.IGNORECASE)
# What the WebSocket engine reads as ASCII: the request line, and these headers.
_UNREADABLE: Final = re.compile(
    rb"(?:\A|\r\n(?:(?:host|connection|upgrade)[ \t]*|sec-websocket-[^:\r\n]*):)[^\r\n]*[\x80-\xff]", re.IGNORECASE
)
# NUL, a carriage return alone, vertical tab and form feed stand in no head (RFC 9110, section 5.5). h11, beneath both
# engines, finds them only after it has tried every way to divide the blanks before them: 0.7 s for 16 KB of blanks.
# A line feed alone it takes for the end of a line (RFC 9112, section 2.2), and so finds headers, and the end of a head,
# where the expressions here do not.
_CONTROLS: Final = re.compile(rb"[\0\v\f]|\r(?!\n)|(?<!\r)\n")
_FOLDED_LINE: Final = re.compile(rb"\r\n[ \t]")
_CHUNKS: Final = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)


class Source(Protocol):
    """Where bytes come from."""

    async def receive_some(self) -> bytes:
        """Wait for bytes; none at the end."""

    def read_again(self, data: bytes) -> None:
        """Let the next read begin with `data`."""


async def read(source: Source, max_bytes: int, begun: bytes = b"") -> bytes:
    """What comes up to the end of the head, of which `begun` has come already; what came behind it is read again.

    It does not end with `END` where the peer says no more, and is longer than `max_bytes` where the head is.
    """
    received = bytearray(begun)
    searched = 0
    while (end := received.find(END, searched)) < 0:
        if len(received) > max_bytes:
            return bytes(received)
        searched = max(0, len(received) + 1 - len(END))  # a head may come byte by byte, and is searched but once
        data = await source.receive_some()
        if not data:
            return bytes(received)
        received += data
    end += len(END)
    if rest := bytes(received[end:]):
        source.read_again(rest)
    return bytes(received[:end])


def is_whole(head: bytes, max_bytes: int) -> bool:
    """Whether `read` has come to an end of it: the head's own, or what is too long."""
    return head.endswith(END) or len(head) > max_bytes


def refusal(head: bytes, max_bytes: int) -> str | None:
    """The HTTP status by which no request with this head is taken; None where one is."""
    if len(head) > max_bytes:
        return "431 Request Header Fields Too Large"
    # How HTTP/2 begins where it has not been agreed on (RFC 9113, section 3.4).
    if head.startswith(_HTTP2_PREFACE):
        return "505 HTTP Version Not Supported"
    # A server refuses folded lines, or unfolds them first (RFC 9112, section 5.2).
    if any(expression.search(head) for expression in (_CONTROLS, _FOLDED_LINE)):
        return "400 Bad Request"
    if is_websocket(head) and _UNREADABLE.search(head):
        return "400 Bad Request"
    # Behind the last chunk there may be more headers, which nobody has looked at; and nothing here takes a body.
    if _CHUNKS.search(head):
        return "411 Length Required"
    return None


def answer(status: str) -> bytes:
    """The whole answer to a request that is not taken, behind which the connection ends."""
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()


def is_websocket(head: bytes) -> bool:
    """Whether a WebSocket is asked for."""
    return _WEBSOCKET_UPGRADE.search(head) is not None


def is_plain(head: bytes, max_bytes: int) -> bool:
    """Whether it may be given to Hypercorn: it is taken, and asks for no WebSocket."""
    return refusal(head, max_bytes) is None and not is_websocket(head)
