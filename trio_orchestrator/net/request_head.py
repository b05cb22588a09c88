"""The head of an HTTP/1.1 request, as the bytes it is: what the door must know of it before an engine reads it."""

import re
from typing import Final

END: Final = b"\r\n\r\n"

_HTTP2_PREFACE: Final = b"PRI * HTTP/2"
_WEBSOCKET_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:[^\r\n]*\bwebsocket\b", re.IGNORECASE)
# What the WebSocket engine reads as ASCII: the request line, and these headers.
_UNREADABLE: Final = re.compile(
    rb"(?:\A|\r\n(?:host|connection|upgrade|sec-websocket-[^:\r\n]*)[ \t]*:)[^\r\n]*[\x80-\xff]", re.IGNORECASE
)
_FOLDED_LINE: Final = re.compile(rb"\r\n[ \t]")
_CLEARTEXT_HTTP2_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)


def is_websocket(head: bytes) -> bool:
    """Whether a WebSocket is asked for."""
    return _WEBSOCKET_UPGRADE.search(head) is not None


def is_http2(head: bytes) -> bool:
    """Whether it is how HTTP/2 begins where it has not been agreed on (RFC 9113, section 3.4)."""
    return head.startswith(_HTTP2_PREFACE)


def is_unfit(head: bytes) -> bool:
    """Whether no engine can be given it."""
    # A server refuses folded lines, or unfolds them first (RFC 9112, section 5.2).
    return bool(_FOLDED_LINE.search(head) or (is_websocket(head) and _UNREADABLE.search(head)))


def without_cleartext_http2(head: bytes) -> bytes:
    """The head without an upgrade to HTTP/2: it is not offered in clear, and may be ignored (RFC 9110, section 7.8)."""
    return _CLEARTEXT_HTTP2_UPGRADE.sub(b"", head)
