"""Hypercorn on one connection: what it does not notice of its peer, and what it must not see of a request."""

import contextlib
from typing import Final

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from . import request_head
from .http_protocols import Finished, Http2, Http11, Requests
from .http_streams import Stream

_HTTP2_READ_BYTES: Final = 1024
"""How much HTTP/2 is understood before others get their turn: nine bytes may be a frame, and take Hypercorn 40 µs."""

_LOOK_SECONDS: Final = 2
"""How often it is looked whether the peer of a connection that Hypercorn does not read is still there."""

_REFUSING_SECONDS: Final = 2
# GOAWAY with PROTOCOL_ERROR; any of the requests that came may have been answered (RFC 9113, section 6.8).
_HTTP2_PROTOCOL_ERROR: Final = bytes.fromhex("0000080700000000007fffffff00000001")


class NotServable(Exception):
    """The peer's bytes are no HTTP that can be served; it has been told, as far as it could be.

    Its cause is what Hypercorn, or a library beneath it, made of them.
    """


class HeadTooSlow(Exception):
    """The head of a request has not been complete in time."""


class Engine(TCPServer):
    """Hypercorn's server of one connection, which tells what peers' bytes make fail from what is a fault.

    Whatever it does with bytes that have come, it does within `_read_data`: those that it cannot bear are the peer's
    doing, and fail there. The application, and what is answered, have tasks of their own.

    Args:
        app: answers the requests.
        config: Hypercorn's.
        context: tells when it is to stop.
        stream: the connection.
        head: of the first request; nothing over HTTP/2.
        head_timeout: seconds in which the head of a further request must be complete.
    """

    stream: Stream  # type: ignore[assignment]
    _protocol: ProtocolWrapper | None = None
    _has_read_all = False

    def __init__(
        self,
        app: ASGIWrapper,
        config: Config,
        context: WorkerContext,
        stream: Stream,
        head: bytes,
        head_timeout: float,
    ) -> None:
        super().__init__(app, config, context, ConnectionState({}), stream)  # type: ignore[arg-type]
        self._head = head
        self._head_timeout = head_timeout

    @property
    def protocol(self) -> ProtocolWrapper:
        """What understands the bytes; Hypercorn sets it before it says anything."""
        assert self._protocol is not None
        return self._protocol

    @protocol.setter
    def protocol(self, wrapper: ProtocolWrapper) -> None:
        kind = Http2 if isinstance(wrapper.protocol, H2Protocol) else Http11
        wrapper.protocol = kind(
            wrapper.app,
            wrapper.config,
            wrapper.context,
            Requests(wrapper.task_group),  # type: ignore[arg-type]  # it is no context manager
            wrapper.state,
            wrapper.ssl,
            wrapper.client,
            wrapper.server,
            wrapper.send,
        )
        self._protocol = wrapper

    async def watch(self) -> None:
        """Notice what Hypercorn does not: peers that went meanwhile."""
        has_called = is_broken = False
        while not is_broken:
            await trio.sleep(_LOOK_SECONDS)
            is_broken = self.stream.look()
            has_called = has_called or await self._call()
        await self.protocol.handle(Closed())

    async def _call(self) -> bool:
        """Have a peer that says no more, and waits for its answer, show whether it is there; whether that was done.

        Where it closed but its own way it passes over a `100 Continue` (RFC 9110, section 15.2.1), and where it has
        gone its system says so. By nothing else the one can be told from the other.
        """
        protocol = self.protocol.protocol
        if not (self.stream.has_ended and isinstance(protocol, Http11) and protocol.can_be_told_to_continue):
            return False
        await protocol.tell_to_continue()
        return True

    async def protocol_send(self, event: Event) -> None:
        """See `TCPServer`; it would let a connection be idle on which nothing can come any more."""
        if isinstance(event, Finished):
            await self.idle_task.stop()
            async with self.send_lock:
                await self.stream.finish()
            return
        if isinstance(event, Updated) and event.idle:
            self._take_back()
        if not (self._has_read_all and isinstance(event, Updated)):
            # Starlette cancels who streams an answer once Hypercorn says that all is over, which is before the end.
            with trio.CancelScope(shield=isinstance(event, Closed)):
                await super().protocol_send(event)

    async def _initiate_server_close(self) -> None:
        """See `TCPServer`. Over HTTP/2 the peer is told up to which request all is answered (RFC 9113, section 6.8)."""
        if isinstance(protocol := self.protocol.protocol, Http2):
            await protocol.leave()
        else:
            await super()._initiate_server_close()

    async def _read_data(self) -> None:
        try:
            if self._head:
                await self.protocol.handle(RawData(self._head))
            data: bytes | None = b"?"
            while data:
                data = await self._receive()
                if data and self._is_between_requests():
                    if data == request_head.EMPTY_LINE:
                        continue  # with nothing behind it, it is no head that is late
                    data = await self._next_head(data)
                if data is not None:
                    await self.protocol.handle(RawData(data))
            await self.protocol.handle(Closed())
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, HeadTooSlow):
            raise
        except Exception as error:
            await self._refuse()
            raise NotServable(f"{type(error).__name__}: {error}") from error
        self._has_read_all = True
        await self.idle_task.stop()

    async def _receive(self) -> bytes | None:
        """What the peer has said; nothing at the end, None where the connection is broken.

        It may say no more and still read (RFC 9112, section 9.6). Hypercorn would take that for having gone, so it is
        told once all is answered; in HTTP/2 at once, where a peer must go on speaking to make room for what it reads.
        """
        is_http2 = isinstance(self.protocol.protocol, H2Protocol)
        try:
            data = await self.stream.receive_some(_HTTP2_READ_BYTES if is_http2 else None)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return None
        if not data and not is_http2:
            await self.stream.wait_answered()
        return data

    def _is_between_requests(self) -> bool:
        """Whether what comes is the head of a request; over HTTP/2 nobody here needs to know.

        Not so behind a body that was answered unread: what still comes of it is for nobody.
        """
        protocol = self.protocol.protocol
        return isinstance(protocol, H11Protocol) and protocol.connection.their_state is h11.IDLE

    async def _next_head(self, begun: bytes) -> bytes | None:
        """The head of the next request, which has begun to come, to its end and no further.

        None where the connection is broken; nothing, as at its end, where the head is never complete or not for
        Hypercorn, which then has nothing to do with the connection any more.

        Raises:
            HeadTooSlow: it has not been complete in time.
        """
        max_bytes = self.config.h11_max_incomplete_size
        head = b""
        with trio.move_on_after(self._head_timeout) as reading:
            try:
                head = await request_head.read(self.stream, max_bytes, begun)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
        if reading.cancelled_caught:
            raise HeadTooSlow
        if not request_head.is_whole(head, max_bytes):
            return b""
        if not request_head.is_plain(head, max_bytes):
            self.stream.let_go(head)
            return b""
        return request_head.in_origin_form(head)

    def _take_back(self) -> None:
        """Let what came early, behind a request that has just been answered, be read again: there is a head in it.

        h11 has it, and would go on with it once anything is awaited; a new one that has nothing takes its place.
        """
        protocol = self.protocol.protocol
        if isinstance(protocol, H11Protocol) and (early := protocol.connection.trailing_data[0]):
            protocol.connection = h11.Connection(
                h11.SERVER, max_incomplete_event_size=self.config.h11_max_incomplete_size
            )
            self.stream.read_again(early)

    async def _refuse(self) -> None:
        """Say that these bytes will not do, unless that would stand in the middle of an answer."""
        is_http2 = isinstance(self.protocol.protocol, H2Protocol)
        if not is_http2 and self.stream.is_answering:
            return
        with trio.move_on_after(_REFUSING_SECONDS):
            async with self.send_lock:
                with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await self.stream.send_all(
                        _HTTP2_PROTOCOL_ERROR if is_http2 else request_head.answer("400 Bad Request")
                    )
