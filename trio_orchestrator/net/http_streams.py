"""A connection as Hypercorn wants it: a stream that knows whether anything moves, and can be let go."""

import contextlib
from collections.abc import Iterator
from typing import Final

import trio

from .transport import Transport

_SEND_SECONDS: Final = 30
"""How long the peer may take nothing of what it is sent, a piece at a time."""

_QUIET_SECONDS: Final = 90
_QUIET_SECONDS_AT_END: Final = 2
_CLOSE_SECONDS: Final = 2


class Stream(trio.abc.Stream):
    """The transport as Hypercorn wants it.

    Args:
        transport: carries the bytes.
        quiet: cancelled once nothing has moved for too long.

    Attributes:
        socket: has the addresses of both ends.
        is_answering: over HTTP/1.1, whether an answer has begun and has not ended.
        is_let_go: whether the transport is somebody else's from now on.
    """

    def __init__(self, transport: Transport, quiet: trio.CancelScope) -> None:
        self._transport = transport
        self.socket = transport.socket
        self._quiet = quiet
        self._ended = False
        self._has_finished = False
        self._reading = False
        self._under_way = 0
        self._end = trio.lowlevel.ParkingLot()
        self.is_answering = False
        self.is_let_go = False
        self._moved()

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """While the application has a request of this connection."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._moved()
            if not self._under_way:
                self._end.unpark_all()

    async def wait_answered(self) -> None:
        """Wait until no request is under way."""
        while self._under_way:
            await self._end.park()

    def look(self) -> bool:
        """Notice that the peer has gone while Hypercorn does not read, as it does not behind half a request.

        Whether the connection is broken, as it may be though the peer has said before that it says no more.
        """
        is_broken = self._transport.is_broken()
        if not self._ended and not self._reading and (is_broken or self._transport.has_hung_up()):
            self._ended = True
            self._moved()
        return is_broken

    @property
    def has_ended(self) -> bool:
        """Whether the peer says no more."""
        return self._ended

    def let_go(self, head: bytes) -> None:
        """Leave the transport to somebody else, who reads `head` again, though Hypercorn closes this stream."""
        self._transport.read_again(head)
        self.is_let_go = True

    def read_again(self, data: bytes) -> None:
        """Let the next read begin with `data`."""
        self._transport.read_again(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Wait for bytes; none at the end."""
        self._reading = True
        try:
            data = await self._transport.receive_some(max_bytes)
            self._ended = not data
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._ended = True
            raise
        finally:
            self._reading = False
            self._moved()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`; raises trio.BrokenResourceError also where the peer takes none of it for too long."""
        # Hypercorn shields its sends from whoever cancels, but not from this.
        with trio.move_on_after(_SEND_SECONDS) as sending:
            try:
                await self._transport.send_all(data)
            except trio.BusyResourceError:
                # Hypercorn sends one piece at a time, but closes whenever it wants to.
                raise trio.BrokenResourceError("the connection is being closed") from None
        if sending.cancelled_caught:
            self._quiet.cancel()
            raise trio.BrokenResourceError("the peer takes nothing")
        self._moved()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until sending might not wait."""
        await self._transport.wait_send_all_might_not_block()

    async def finish(self) -> None:
        """Say that nothing more will be sent, and leave it to the peer to close, which it is to do soon."""
        self._has_finished = True
        self._moved()
        await self.send_eof()

    async def send_eof(self) -> None:
        """Say that nothing more will be sent, unless that is for somebody else to say."""
        if not self.is_let_go:
            await self._transport.send_eof()

    async def aclose(self) -> None:
        """Close the transport, unless it is somebody else's."""
        if self.is_let_go:
            return
        # Hypercorn shields this, too.
        with trio.move_on_after(_CLOSE_SECONDS):
            await self._transport.aclose()

    def _moved(self) -> None:
        # Who reads what he asked for has not gone, though he says no more; in HTTP/2 he would have to say something.
        has_gone = self._ended and (not self._under_way or self._transport.protocol == "h2")
        is_over = has_gone or self._has_finished
        self._quiet.deadline = trio.current_time() + (_QUIET_SECONDS_AT_END if is_over else _QUIET_SECONDS)


class SecureStream(Stream):
    """What Hypercorn knows TLS by, and asks of it."""

    @property
    def transport_stream(self) -> Stream:
        """The stream that has the socket."""
        return self

    async def do_handshake(self) -> None:
        """It has been done at the door."""
        await trio.lowlevel.checkpoint()

    def selected_alpn_protocol(self) -> str | None:
        """The protocol that was chosen in it."""
        return self._transport.protocol
