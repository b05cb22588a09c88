"""The head of an HTTP/1.1 request, as the bytes it is: what the door must know of it before an engine reads it.

Anybody may write a head. So whatever looks at one, here or in an engine, must take time that grows as the head does and
no faster: no expression has two parts side by side that take the same characters.
"""

import re
from email.utils import formatdate
from typing import Final, Protocol

END: Final = b"\r\n\r\n"
EMPTY_LINE: Final = b"\r\n"
"""What some clients send behind a body, where no head has begun (RFC 9112, section 2.2)."""

# The method, the target, and the version (RFC 9112, section 3).
_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/([0-9])\.([0-9])\r\n")
_ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?#]*)((?:[/?][^#]*)?)", re.IGNORECASE)
_PATH: Final = re.compile(rb"/[!-~]*")
_SLASH_IN_DISGUISE: Final = re.compile(rb"[^?]*%2f", re.IGNORECASE)
_HOST: Final = re.compile(rb"\r\nhost:([^\r\n]*)", re.IGNORECASE)
# A name, or an address in brackets, and a port; no user (RFC 9110, sections 4.2.4 and 7.2; RFC 3986, section 3.2.2).
_AUTHORITY: Final = re.compile(rb"(\[[\w.:%~-]+\]|[\w.~%!$&'()*+,;=-]*)(?::[0-9]*)?")
_WEBSOCKET_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:[^\r\n]*\bwebsocket\b", re.IGNORECASE)
# What the WebSocket engine reads as ASCII, besides the request line and Host.
_UNREADABLE: Final = re.compile(
    rb"\r\n(?:(?:connection|upgrade)[ \t]*|sec-websocket-[^:\r\n]*):[^\r\n]*[\x80-\xff]", re.IGNORECASE
)
# NUL, a carriage return alone, vertical tab and form feed stand in no head (RFC 9110, section 5.5). h11, beneath both
# engines, finds them only after it has tried every way to divide the blanks before them: 0.7 s for 16 KB of blanks.
# A line feed alone it takes for the end of a line (RFC 9112, section 2.2), and so finds headers, and the end of a head,
# where the expressions here do not.
_CONTROLS: Final = re.compile(rb"[\0\v\f]|\r(?!\n)|(?<!\r)\n")
_FOLDED_LINE: Final = re.compile(rb"\r\n[ \t]")
_CHUNKS: Final = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_BODY: Final = re.compile(rb"\r\ncontent-length[ \t]*:[^\r\n]*[1-9]", re.IGNORECASE)

_ANSWER_HEADERS: Final = (
    "Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: 0\r\n"
)


class Source(Protocol):
    """Where bytes come from."""

    async def receive_some(self) -> bytes:
        """Wait for bytes; none at the end."""

    def read_again(self, data: bytes) -> None:
        """Let the next read begin with `data`."""


async def read(source: Source, max_bytes: int, begun: bytes = b"") -> bytes:
    """What comes up to the end of the head, of which `begun` has come already; what came behind it is read again.

    It does not end with `END` where the peer says no more, and is longer than `max_bytes` where the head is. An empty
    line before it is left out.
    """
    received = bytearray(begun)
    searched = 0
    may_be_empty = True
    while True:
        if may_be_empty and len(received) >= len(EMPTY_LINE):
            may_be_empty = False
            if received.startswith(EMPTY_LINE):
                del received[: len(EMPTY_LINE)]
        end = received.find(END, searched)
        if end >= 0:
            break
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
    line = _REQUEST_LINE.match(head)
    # HTTP/2 begins so where it has not been agreed on (RFC 9113, section 3.4).
    if line is not None and line[3] != b"1":
        return "505 HTTP Version Not Supported"
    # A server refuses folded lines, or unfolds them first (RFC 9112, section 5.2).
    if line is None or any(expression.search(head) for expression in (_CONTROLS, _FOLDED_LINE)):
        return "400 Bad Request"
    if not is_method(line[1]):
        return "501 Not Implemented"
    if not (_has_a_host(head, line[4]) and _is_a_target(line[1], line[2])):
        return "400 Bad Request"
    # What follows a WebSocket's head are frames, and no body (RFC 9110, section 7.8).
    if is_websocket(head) and (_UNREADABLE.search(head) or _BODY.search(head)):
        return "400 Bad Request"
    # Behind the last chunk there may be more headers, which nobody has looked at; and nothing here takes a body.
    if _CHUNKS.search(head):
        return "411 Length Required"
    return None


def in_origin_form(head: bytes) -> bytes:
    """A head that is not refused, its target as engines know it: a path, and perhaps a query.

    A target in absolute form, as proxies get it, is to be taken as well, and its host in place of `Host` (RFC 9112,
    section 3.2.2). Its scheme is taken for granted: a proxy may have ended the TLS, and nothing here depends on it.
    """
    line = _REQUEST_LINE.match(head)
    absolute = None if line is None else _ABSOLUTE_FORM.fullmatch(line[2])
    if line is None or absolute is None:
        return head
    authority, path = absolute.groups()
    origin = path if path.startswith(b"/") else b"/" + path
    others = _HOST.sub(b"", head[line.end() - len(EMPTY_LINE) :])
    return b"%b %b HTTP/%b.%b\r\nHost: %b%b" % (line[1], origin, line[3], line[4], authority, others)


def answer(status: str) -> bytes:
    """The whole answer to a request that is not taken, behind which the connection ends.

    It tells nothing but its status, and that to pages of every origin: some of them may ask.
    """
    return f"HTTP/1.1 {status}\r\nDate: {formatdate(usegmt=True)}\r\n{_ANSWER_HEADERS}\r\n".encode()


def is_method(method: bytes) -> bool:
    """Whether it may be given to Hypercorn, over either version of HTTP; a method that nobody knows may.

    Methods are told apart by the case of their letters (RFC 9110, section 9.1), and by Hypercorn they are not: what a
    proxy lets pass as `delete` must not become DELETE. Of CONNECT it makes a WebSocket, or a wait without an end.
    """
    return method.isascii() and method == method.upper() and method != b"CONNECT"


def is_path(method: bytes, target: bytes) -> bool:
    """Whether it is a path, and perhaps a query, that may be given to Hypercorn, over either version of HTTP.

    In a path `%2f` is not the slash that Hypercorn makes of it (RFC 3986, section 2.2): a proxy that keeps `/objects/`
    from somebody would pass `/objects%2f1` on. No path here has one.
    """
    if _PATH.fullmatch(target):
        return not _SLASH_IN_DISGUISE.match(target)
    return (method, target) == (b"OPTIONS", b"*")


def is_host(authority: bytes) -> bool:
    """Whether it names a host, and perhaps a port; nothing at all does."""
    return _AUTHORITY.fullmatch(authority) is not None


def is_websocket(head: bytes) -> bool:
    """Whether a WebSocket is asked for."""
    return _WEBSOCKET_UPGRADE.search(head) is not None


def is_plain(head: bytes, max_bytes: int) -> bool:
    """Whether it may be given to Hypercorn: it is taken, and asks for no WebSocket."""
    return refusal(head, max_bytes) is None and not is_websocket(head)


def _has_a_host(head: bytes, minor_version: bytes) -> bool:
    """Whether `Host` is there as often as it must, and is one (RFC 9112, section 3.2)."""
    hosts = _HOST.findall(head)
    if len(hosts) != 1:
        return not hosts and minor_version == b"0"
    return is_host(hosts[0].strip(b" \t"))


def _is_a_target(method: bytes, target: bytes) -> bool:
    """Whether it is in one of the forms that a server is asked in (RFC 9112, section 3.2)."""
    if absolute := _ABSOLUTE_FORM.fullmatch(target):
        authority = _AUTHORITY.fullmatch(absolute[1])
        return authority is not None and bool(authority[1]) and not _SLASH_IN_DISGUISE.match(absolute[2])
    return is_path(method, target)
