"""The head of an HTTP/1.1 request, as the bytes it is: what the door must know of it before an engine reads it.

Anybody may write a head. So whatever looks at one, here or in an engine, must take time that grows as the head does and
no faster: no expression has two parts side by side that take the same characters.
"""

import re
from typing import Final

from .transport import Transport

END: Final = b"\r\n\r\n"

_HTTP2_PREFACE: Final = b"PRI * HTTP/2"
_WEBSOCKET_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:[^\r\n]*\bwebsocket\b", re.IGNORECASE)
# What the WebSocket engine reads as ASCII: the request line, and these headers.
_UNREADABLE: Final = re.compile(
    rb"(?:\A|\r\n(?:(?:host|connection|upgrade)[ \t]*|sec-websocket-[^:\r\n]*):)[^\r\n]*[\x80-\xff]", re.IGNORECASE
)
# NUL, a carriage return alone, vertical tab and form feed stand in no head (RFC 9110, section 5.5). h11, beneath both
# engines, finds them only after it has tried every way to divide the blanks before them: 0.7 s for 16 KB of blanks.
_CONTROLS: Final = re.compile(rb"[\0\v\f]|\r(?!\n)")
_FOLDED_LINE: Final = re.compile(rb"\r\n[ \t]")
_CLEARTEXT_HTTP2_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)


async def read(transport: Transport, max_bytes: int) -> bytes:
    """What comes up to the end of the head; what came behind it is read again.

    It does not end with `END` where the peer says no more, and is longer than `max_bytes` where the head is.
    """
    received = bytearray()
    searched = 0
    while (end := received.find(END, searched)) < 0:
        if len(received) > max_bytes:
            return bytes(received)
        searched = max(0, len(received) + 1 - len(END))  # a head may come byte by byte, and is searched but once
        data = await transport.receive_some()
        if not data:
            return bytes(received)
        received += data
    end += len(END)
    if rest := bytes(received[end:]):
        transport.read_again(rest)
    return bytes(received[:end])


def is_websocket(head: bytes) -> bool:
    """Whether a WebSocket is asked for."""
    return _WEBSOCKET_UPGRADE.search(head) is not None


def is_http2(head: bytes) -> bool:
    """Whether it is how HTTP/2 begins where it has not been agreed on (RFC 9113, section 3.4)."""
    return head.startswith(_HTTP2_PREFACE)


def is_unfit(head: bytes) -> bool:
    """Whether no engine can be given it."""
    # A server refuses folded lines, or unfolds them first (RFC 9112, section 5.2).
    return any(expression.search(head) for expression in (_CONTROLS, _FOLDED_LINE)) or (
        is_websocket(head) and _UNREADABLE.search(head) is not None
    )


def without_cleartext_http2(head: bytes) -> bytes:
    """The head without an upgrade to HTTP/2: it is not offered in clear, and may be ignored (RFC 9110, section 7.8)."""
    return _CLEARTEXT_HTTP2_UPGRADE.sub(b"", head)
