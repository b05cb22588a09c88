"""Bytes that no library would send, and the connections that carry them."""

import socket
import struct
from typing import Final

from .peers import PATIENCE

KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="
MASK: Final = b"\x37\xfa\x21\x3d"
CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


def upgrade(
    path: bytes = b"/client",
    *more: bytes,
    request: bytes = b"GET %s HTTP/1.1",
    host: bytes = b"Host: x",
    key: bytes = b"Sec-WebSocket-Key: " + KEY,
    version: bytes = b"Sec-WebSocket-Version: 13",
) -> bytes:
    """The head of a request for a WebSocket, any line of which may be another; an empty one is left out."""
    lines = [request.replace(b"%s", path), host, b"Upgrade: websocket", b"Connection: Upgrade", key, version, *more]
    return b"\r\n".join(line for line in lines if line) + b"\r\n\r\n"


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    announced: int | None = None,
    width: int | None = None,
) -> bytes:
    """One frame of a client (RFC 6455, section 5.2).

    Args:
        opcode: what kind it is.
        payload: what it carries.
        fin: whether it ends its message.
        reserved: the three reserved bits, 0 to 7.
        masked: as a client must.
        announced: the length that its head tells, where that is to be wrong.
        width: bytes that the length takes, 0, 2 or 8, where that is to be more than it needs.
    """
    length = len(payload) if announced is None else announced
    if width is None:
        width = 0 if length < 126 else 2 if length < 1 << 16 else 8
    short = {0: length, 2: 126, 8: 127}[width]
    head = bytes((fin << 7 | reserved << 4 | opcode, masked << 7 | short))
    if width:
        head += length.to_bytes(width, "big")
    if not masked:
        return head + payload
    key = MASK * (len(payload) // 4) + MASK[: len(payload) % 4]
    masked_payload = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return head + MASK + masked_payload.to_bytes(len(payload), "big")


def closing(code: int, reason: bytes = b"") -> bytes:
    """A closing frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def http2_frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame of HTTP/2 (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def dial(address: tuple[str, int]) -> socket.socket:
    """A connection on which nothing takes longer than it may."""
    return socket.create_connection(address, timeout=PATIENCE)


def dial_websocket(address: tuple[str, int], path: bytes = b"/client") -> socket.socket:
    """A connection after the opening handshake."""
    connection = dial(address)
    connection.sendall(upgrade(path))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return connection


def reset(connection: socket.socket) -> None:
    """End it with RST, as a machine does that has crashed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_to_end(connection: socket.socket, last: bytes = b"") -> bytes:
    """All that still comes until the other side has ended it, one way or the other, or until `last` has come."""
    received = bytearray()
    try:
        while data := connection.recv(65536):
            received += data
            if last and last in received:
                break
    except ConnectionResetError:
        pass
    return bytes(received)


def closing_code(received: bytes | bytearray) -> int | None:
    """The code of the closing frame among what a server sent; None where there is none."""
    position = 0
    while position + 2 <= len(received):
        opcode, length = received[position] & 0xF, received[position + 1]
        size = {126: 4, 127: 10}.get(length, 2)
        if size > 2:
            length = int.from_bytes(received[position + 2 : position + size], "big")
        if opcode == CLOSE:
            return int.from_bytes(received[position + size : position + size + 2], "big")
        position += size + length
    return None


def read_to_closing_frame(connection: socket.socket) -> int | None:
    """Read until the server says why it closes the WebSocket; the code, None where it ends it without a word."""
    received = bytearray()
    try:
        while data := connection.recv(1 << 20):
            received += data
            if (code := closing_code(received)) is not None:
                return code
    except ConnectionResetError:
        pass
    return None


def status(received: bytes) -> int | None:
    """The status of the HTTP/1.1 answer that a server sent; None where it sent none."""
    return int(received[9:12]) if received.startswith(b"HTTP/1.1 ") else None
