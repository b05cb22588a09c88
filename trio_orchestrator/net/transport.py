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
        self._stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = trio.SocketStream(self._trio_socket)
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
        assert isinstance(self._stream, trio.SocketStream)
        self._stream = trio.SSLStream(self._stream, context, server_side=True)
        await self._stream.do_handshake()
        protocol: str | None = self._stream.selected_alpn_protocol()
        return protocol

    @property
    def stream(self) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
        """The stream beneath, without the bytes that are to be read again."""
        return self._stream

    def read_again(self, data: bytes) -> None:
        """Let the next read begin with `data`."""
        self._read_again = data + self._read_again

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for bytes; none at the end of the stream."""
        if self._read_again:
            data, self._read_again = self._read_again, b""
            await trio.lowlevel.checkpoint()
            return data
        return bytes(await self._stream.receive_some(max_bytes or _RECEIVE_BYTES))

    def send_nowait(self, data: bytes) -> int:
        """Give the socket what it takes without waiting; how many bytes that was. TLS takes nothing this way.

        Raises:
            OSError: the connection is broken.
        """
        if isinstance(self._stream, trio.SSLStream):
            return 0
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def send_some(self, data: memoryview) -> int:
        """Wait until the socket takes something; how many bytes that was."""
        if isinstance(self._stream, trio.SSLStream):
            record = data[:_TLS_RECORD_BYTES]
            await self._stream.send_all(record)
            return len(record)
        try:
            return await self._trio_socket.send(data)
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until sending might not wait."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> bool:
        """Say that nothing more will be sent, the peer's end of the stream staying open; whether that was possible."""
        if isinstance(self._stream, trio.SSLStream):
            return False  # TLS can only be closed both ways
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self._stream.send_eof()
        return True

    def cut(self) -> None:
        """Close the socket at once; whoever waits for it gets `trio.ClosedResourceError`."""
        self._trio_socket.close()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()


def _address(accepted: socket.socket) -> tuple[str | None, str]:
    try:
        host, port = accepted.getpeername()[:2]
    except (OSError, ValueError):  # it has gone already, or is no internet socket
        return None, "unknown"
    host = host.removeprefix("::ffff:")
    return host, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
