"""One accepted connection: a Trio stream, in clear or in TLS, that can also be read and written without waiting."""

import select
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

import trio
from trio.lowlevel import wait_readable, wait_writable

from trio_orchestrator.connections.shared_file import SharedFile

from .channels import Channel, ClearChannel
from .tls_channel import TlsBuffers, TlsChannel

_UNSENT_BYTES: Final = 16384
"""More than this in the kernel and not on its way makes a socket full: what waits there cannot give way any more."""

_T = TypeVar("_T")


class Transport(trio.abc.Stream):
    """A connection, in clear or, once `start_tls` has returned, in TLS.

    Args:
        accepted: the socket as `accept` gave it; owned by the transport from now on.

    Attributes:
        remote: who is at the other end, for people: `192.0.2.7:50123`.
        host: the IP address in it; None where it is not known.
        socket: the socket, for those who want to know when it is ready, or its addresses.
        is_secure: whether it is in TLS.
        protocol: what both ends chose to speak in it (ALPN), if they did.
    """

    def __init__(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        with suppress(OSError):  # it is no internet socket
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        self.socket = accepted
        self._channel: Channel = ClearChannel(accepted)
        self._read_again = b""
        self._torn = False
        self.is_secure = False
        self.protocol: str | None = None
        self.host, self.remote = _address(accepted)

    def speaks_for(self, host: str) -> None:
        """The other end is a proxy; `host` is the address of whom it speaks for, from now on the remote end's."""
        self.host, self.remote = host, f"{host} via {self.remote}"

    async def start_tls(self, context: ssl.SSLContext, buffers: TlsBuffers) -> str | None:
        """Do the TLS handshake; the protocol that both ends chose for what follows (ALPN), if any.

        `buffers` are those of all connections of this event loop.

        Raises:
            trio.BrokenResourceError: it failed.
        """
        channel = TlsChannel(self.socket, context, buffers)

        async def wait(connected: socket.socket) -> None:
            await (wait_writable if channel.unsent else wait_readable)(connected)

        self.read_again(await self._once_there(channel.shake_hands, wait))
        self._channel, self.is_secure, self.protocol = channel, True, channel.protocol
        return self.protocol

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
        else:
            data = await self._once_there(self._channel.receive_nowait, wait_readable)
        if max_bytes is not None and len(data) > max_bytes:
            data, self._read_again = data[:max_bytes], data[max_bytes:]
        return data

    def receive_nowait(self) -> bytes | None:
        """What has come; none at the end of the stream or where it broke, None where nothing has come."""
        try:
            return self._channel.receive_nowait()
        except OSError:
            return b""

    def has_hung_up(self) -> bool:
        """Whether the end of the stream is what would be read next, or the connection is broken."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def is_broken(self) -> bool:
        """Whether the connection is broken, whatever is left to be read; one that the peer closed its way is not."""
        if self.socket.fileno() < 0:
            return True
        asking = select.poll()
        asking.register(self.socket, 0)  # what is told in any case: an error, or that both ways are closed
        return bool(asking.poll(0))

    def send_nowait(self, data: bytes, file: SharedFile | None = None) -> int:
        """Give the socket what it takes without waiting; how many bytes that was (see `connections.wire.Wire`).

        Raises:
            OSError: the connection is broken.
        """
        return self._channel.send_nowait(data, file)

    async def send_some(self, data: bytes | memoryview) -> int:
        """Wait until the socket takes something; how many bytes that was (see `connections.wire.Wire`)."""

        def send() -> int | None:
            unsent = self._channel.unsent
            taken = self._channel.send_nowait(data)
            return taken if taken or self._channel.unsent < unsent else None

        return await self._once_there(send, wait_writable)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`; where that fails or is cancelled nothing can be sent behind it any more."""
        if self._torn:
            raise trio.BrokenResourceError("something was sent in part")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[await self.send_some(rest) :]
        finally:
            self._torn = bool(rest)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until sending might not wait."""
        await wait_writable(self.socket)

    async def send_eof(self) -> None:
        """Say that nothing more will be sent, unless somebody is about to; the peer's end of the stream stays open."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            await self._once_there(lambda: self._channel.finish_nowait() or None, wait_writable)

    def cut(self) -> None:
        """Close the socket at once; whoever waits for it gets `trio.ClosedResourceError`."""
        if self.socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()

    async def aclose(self) -> None:
        """Close the connection: in good order, unless what was sent before has not left."""
        try:
            if not (self._torn or self._channel.unsent):
                await self.send_eof()
        finally:
            self.cut()
        await trio.lowlevel.checkpoint()

    async def _once_there(
        self, attempt: Callable[[], _T | None], wait: Callable[[socket.socket], Awaitable[None]]
    ) -> _T:
        """What `attempt` gives, as soon as that is something; in between `wait` for the socket."""
        await trio.lowlevel.checkpoint()
        while True:
            try:
                result = attempt()
            except OSError as error:
                if self.socket.fileno() < 0:
                    raise trio.ClosedResourceError from None
                raise trio.BrokenResourceError from error
            if result is not None:
                return result
            await wait(self.socket)


def _address(accepted: socket.socket) -> tuple[str | None, str]:
    try:
        host, port = accepted.getpeername()[:2]
    except (OSError, ValueError):  # it has gone already, or is no internet socket
        return None, "unknown"
    host = host.removeprefix("::ffff:")
    return host, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
