"""One accepted connection's bytes: a Trio stream that can also be written without waiting."""

import contextlib
import socket
import ssl
from typing import Final

import trio

_RECEIVE_BYTES: Final = 65536
_TLS_RECORD_BYTES: Final = 16384
"""A TLS record holds no more (RFC 8446, section 5.1)."""


class Transport(trio.abc.Stream):
    """A connection, in clear or, once `start_tls` has returned, in TLS.

    Args:
        accepted: the socket as `accept` gave it; owned by the transport from now on.

    Attributes:
        remote: who is at the other end, for people: `192.0.2.7:50123`.
        host: the IP address in it; None where it is not known.
    """

    def __init__(self, accepted: socket.socket) -> None:
        self._socket = accepted
        self._trio_socket = trio.socket.from_stdlib_socket(accepted)
        self._plain = trio.SocketStream(self._trio_socket)
        self._tls: trio.SSLStream[trio.SocketStream] | None = None
        self._read_again = b""
        self.host, self.remote = _address(accepted)

    def speaks_for(self, host: str) -> None:
        """The other end is a proxy; `host` is the address of whom it speaks for, from now on the remote end's."""
        self.host, self.remote = host, f"{host} via {self.remote}"

    async def start_tls(self, context: ssl.SSLContext) -> str | None:
        """Do the TLS handshake; the protocol that both ends chose for what follows (ALPN), if any.

        Raises:
            trio.BrokenResourceError: it failed.
        """
        self._tls = trio.SSLStream(self._plain, context, server_side=True)
        await self._tls.do_handshake()
        protocol: str | None = self._tls.selected_alpn_protocol()
        return protocol

    @property
    def stream(self) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
        """The stream beneath, without the bytes that are to be read again."""
        return self._plain if self._tls is None else self._tls

    @property
    def plain_socket(self) -> socket.socket | None:
        """The socket, where its bytes are the peer's own; None over TLS."""
        return self._socket if self._tls is None else None

    @property
    def has_read_again(self) -> bool:
        """Whether bytes wait that are to be read again."""
        return bool(self._read_again)

    def read_again(self, data: bytes) -> None:
        """Let the next read begin with `data`."""
        self._read_again = data + self._read_again

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for bytes; none at the end of the stream."""
        if self._read_again:
            data, self._read_again = self._read_again, b""
            await trio.lowlevel.checkpoint()
            return data
        return bytes(await self.stream.receive_some(max_bytes or _RECEIVE_BYTES))

    def receive_nowait(self) -> bytes | None:
        """What a plain socket has; none at the end of the stream or where it broke, None where nothing has come."""
        try:
            return self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def has_hung_up(self) -> bool:
        """Whether the end of the stream is what would be read next, or the connection is broken."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def send_nowait(self, data: bytes) -> int:
        """Give the socket what it takes without waiting; how many bytes that was. TLS takes nothing this way.

        Raises:
            OSError: the connection is broken.
        """
        if self._tls is not None:
            return 0
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def send_some(self, data: memoryview) -> int:
        """Wait until the socket takes something; how many bytes that was."""
        if self._tls is not None:
            record = data[:_TLS_RECORD_BYTES]
            await self._tls.send_all(record)
            return len(record)
        try:
            return await self._trio_socket.send(data)
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`."""
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until sending might not wait."""
        await self.stream.wait_send_all_might_not_block()

    async def send_eof(self) -> bool:
        """Say that nothing more will be sent, the peer's end of the stream staying open; whether that was possible."""
        if self._tls is not None:
            return False  # TLS can only be closed both ways
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._plain.send_eof()
        return True

    def cut(self) -> None:
        """Close the socket at once; whoever waits for it gets `trio.ClosedResourceError`."""
        self._trio_socket.close()

    async def aclose(self) -> None:
        """Close the connection."""
        await self.stream.aclose()


def _address(accepted: socket.socket) -> tuple[str | None, str]:
    try:
        host, port = accepted.getpeername()[:2]
    except (OSError, ValueError):  # it has gone already, or is no internet socket
        return None, "unknown"
    host = host.removeprefix("::ffff:")
    return host, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
