"""HTTP/1.1 and HTTP/2 on a connection that the front door has accepted; the only import of Hypercorn, and of h11."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any, Final, cast

import h11
import structlog
import trio
from h2.errors import ErrorCodes
from h2.events import RequestReceived
from h2.settings import SettingCodes
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h2 import BUFFER_LOW_WATER, H2Protocol, StreamBuffer
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from trio_orchestrator.logs import Complaints

from . import request_head
from .transport import Transport

_KEEP_ALIVE_SECONDS: Final = 75
_SEND_SECONDS: Final = 30
"""How long the peer may take nothing of what it is sent, a piece at a time."""

_PIECE_BYTES: Final = 65536
"""How much of an answer Hypercorn is given at once: it would keep all of it until the peer has taken the last of it."""

_HTTP2_READ_BYTES: Final = 1024
"""How much HTTP/2 is understood before others get their turn: nine bytes may be a frame, and take Hypercorn 40 µs."""

_REQUESTS_AT_A_TIME: Final = 8
"""How many one connection of HTTP/2 may have under way. What is answered to each may take MAX_IMAGE_BYTES."""

_WAITING_BODY_PIECES: Final = 2
"""How much of a request's body may wait for the application, beside the piece that waits to be added to it."""

_UNANSWERED_SECONDS: Final = 90
"""How long a connection may last on which nothing is answered: neither a body that drips nor pings keep it."""

_QUIET_SECONDS: Final = 90
_QUIET_SECONDS_AT_END: Final = 2
_CLOSE_SECONDS: Final = 2
_LOOK_SECONDS: Final = 2
"""How often it is looked whether the peer of a connection that Hypercorn does not read is still there."""

_REFUSING_SECONDS: Final = 2
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
# GOAWAY with PROTOCOL_ERROR; any of the requests that came may have been answered (RFC 9113, section 6.8).
_HTTP2_PROTOCOL_ERROR: Final = bytes.fromhex("0000080700000000007fffffff00000001")


_log = structlog.get_logger(__name__)


class NotServable(Exception):
    """The peer's bytes are no HTTP that can be served; it has been told, as far as it could be.

    Its cause is what Hypercorn, or a library beneath it, made of them.
    """


class HeadTooSlow(Exception):
    """The head of a request has not been complete in time."""


class HttpServer:
    """Serves an ASGI application, each connection in the task that calls `serve`.

    Args:
        app: the application.
        max_head_bytes: longest head of a request.
        head_timeout: seconds in which the head of a request must be complete, counted from when it is looked for.
        answer_timeout: seconds a connection lasts from one piece of an answer to the next.
        complaints: logs the application's faults.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_head_bytes: int = 16384,
        head_timeout: float = 10,
        answer_timeout: float = _UNANSWERED_SECONDS,
        complaints: Complaints | None = None,
    ) -> None:
        self._app = app
        self._head_timeout = head_timeout
        self._answer_timeout = answer_timeout
        self._complaints = complaints or Complaints()
        self._context = WorkerContext(None)
        self._config = Config()
        self._config.h11_max_incomplete_size = max_head_bytes
        self._config.h2_max_header_list_size = max_head_bytes
        self._config.max_app_queue_size = _WAITING_BODY_PIECES
        self._config.include_server_header = False
        self._config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
        self._config.errorlog = logging.getLogger("hypercorn.error")

    async def serve(self, transport: Transport, head: bytes, number: int) -> bool:
        """Answer the requests of one connection until either side ends it, or one comes that Hypercorn must not see.

        Over HTTP/1.1 the head of each further request is read before Hypercorn gets it. One that is not plain is read
        again by whoever called, once all before it are answered: it may ask for a WebSocket, or be refused.

        Hypercorn is left waiting for good by some requests (`CONNECT` is one), even where the peer has gone; a
        connection on which nothing moves any more is ended.

        Args:
            transport: the connection.
            head: of the first request, which is for Hypercorn; nothing over HTTP/2.
            number: by which the log names it, whoever says something on behalf of its requests.

        Returns:
            Whether such a head comes next on the connection, which is as it was otherwise; else it has ended.

        Raises:
            NotServable: in a group, as the next; what the peer sent is at fault.
            HeadTooSlow: half of a request came, and then nothing.
        """
        with bound_contextvars(connection=number, remote=transport.remote):
            return await self._serve(transport, head)

    async def _serve(self, transport: Transport, head: bytes) -> bool:
        with trio.CancelScope() as quiet, trio.move_on_after(self._answer_timeout) as unanswered:
            stream = (_SecureStream if transport.is_secure else _Stream)(transport, quiet)
            # Both describe the same interface, Starlette with plain mappings and Hypercorn with typed ones.
            app = ASGIWrapper(cast("ASGIFramework", self._watched(unanswered, stream)))
            engine = _Engine(app, self._config, self._context, stream, head, self._head_timeout)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(engine.watch)
                    await engine
                    nursery.cancel_scope.cancel()
            finally:
                # Hypercorn's parts of a connection hold each other. Let go here, they need no garbage collector, for
                # which everybody would have to wait.
                vars(engine).clear()
        return stream.is_let_go

    def _watched(self, unanswered: trio.CancelScope, stream: "_Stream") -> ASGIApp:
        """The application; each piece of an answer that the peer took prolongs its connection, and its faults are told.

        Hypercorn would log them, too, every time and with a traceback. It answers 500 where nothing was answered yet.
        """

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def prolong(message: Message) -> None:
                for piece in _in_pieces(message):
                    stream.is_answering = piece["type"] != "http.response.body" or piece.get("more_body", False)
                    if not stream.is_answering:
                        nursery.start_soon(_throw_away, receive)
                    await send(piece)
                    unanswered.deadline = trio.current_time() + self._answer_timeout

            try:
                with stream.under_way():
                    async with trio.open_nursery() as nursery:
                        await self._app(scope, receive, prolong)
                        nursery.cancel_scope.cancel()
            except* (trio.BrokenResourceError, trio.ClosedResourceError) as group:
                _log.debug("connection broke", reason=str(group.exceptions[0]))
            except* Exception as group:
                self._complaints.fault(group, "a request ended by a fault", method=scope.get("method"))

        return app

    async def stop(self) -> None:
        """Finish the requests under way and take no more; `serve` returns for each connection."""
        await self._context.terminated.set()


async def _throw_away(receive: Receive) -> None:
    """Receive what is left of a request's body: Hypercorn, which wants to say that all is over, waits for room."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _in_pieces(message: Message) -> Iterator[Message]:
    """What the application says of its answer; bodies in pieces."""
    body = message.get("body", b"")
    start = 0
    while len(body) - start > _PIECE_BYTES:
        yield {**message, "body": body[start : start + _PIECE_BYTES], "more_body": True}
        start += _PIECE_BYTES
    yield {**message, "body": body[start:]} if start else message


class _Engine(TCPServer):
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

    stream: "_Stream"  # type: ignore[assignment]
    _protocol: ProtocolWrapper | None = None
    _has_read_all = False

    def __init__(
        self,
        app: ASGIWrapper,
        config: Config,
        context: WorkerContext,
        stream: "_Stream",
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
        kind = _Http2 if isinstance(wrapper.protocol, H2Protocol) else _Http11
        wrapper.protocol = kind(
            wrapper.app,
            wrapper.config,
            wrapper.context,
            wrapper.task_group,
            wrapper.state,
            wrapper.ssl,
            wrapper.client,
            wrapper.server,
            wrapper.send,
        )
        self._protocol = wrapper

    async def watch(self) -> None:
        """Notice what Hypercorn does not: peers that went meanwhile."""
        while True:
            await trio.sleep(_LOOK_SECONDS)
            self.stream.look()

    async def protocol_send(self, event: Event) -> None:
        """See `TCPServer`; it would let a connection be idle on which nothing can come any more."""
        if isinstance(event, Updated) and event.idle:
            self._take_back()
        if not (self._has_read_all and isinstance(event, Updated)):
            await super().protocol_send(event)

    async def _read_data(self) -> None:
        try:
            if self._head:
                await self.protocol.handle(RawData(self._head))
            data: bytes | None = b"?"
            while data:
                data = await self._receive()
                if data and self._is_between_requests():
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
        return head

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
                    await self.stream.send_all(_HTTP2_PROTOCOL_ERROR if is_http2 else _BAD_REQUEST)


class _Http11(H11Protocol):
    """HTTP/1.1, and nothing that it could become: a request for HTTP/2 is answered as if it had not been made."""

    async def _check_protocol(self, event: h11.Request) -> None:
        """See `H11Protocol`. An upgrade may be ignored (RFC 9110, section 7.8)."""


class _Http2(H2Protocol):
    """HTTP/2 as it is served here: with few requests at a time, and without WebSockets."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        # Hypercorn offers WebSockets (RFC 8441). A browser then asks for no others, and nobody serves those.
        del self.connection.local_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL]
        self.streams = _Streams()

    async def initiate(self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None) -> None:
        """See `H2Protocol`.

        That there may be no more requests is a change of what there may be at first: from the first, a peer that begins
        with more, as it cannot know, would have its connection ended.
        """
        await super().initiate(headers, settings)
        self.connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: _REQUESTS_AT_A_TIME})
        await self._flush()

    async def _create_stream(self, request: RequestReceived) -> None:
        """See `H2Protocol`. One request too many may be made again (RFC 9113, section 8.7)."""
        if len(self.streams) < _REQUESTS_AT_A_TIME:
            await super()._create_stream(request)
            # Its application has not had its turn yet.
            self.stream_buffers[request.stream_id] = _Buffer(self.context.event_class)
        else:
            self.connection.reset_stream(request.stream_id, ErrorCodes.REFUSED_STREAM)


class _Buffer(StreamBuffer):
    """What of an answer waits for its peer to make room (HTTP/2 has a window for each)."""

    async def pop(self, max_length: int) -> bytes:
        """See `StreamBuffer`, which goes on filling where little is taken, and not where little is left."""
        data = bytes(self.buffer[:max_length])
        del self.buffer[:max_length]
        if len(self.buffer) < BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data


class _Streams(dict[int, Any]):
    """The streams of one connection of HTTP/2 that are open, by their number.

    What still comes for one that has been answered already, the rest of a body, is for nobody; Hypercorn would fail.
    """

    def __missing__(self, _number: int) -> "_Nobody":
        return _Nobody()


class _Nobody:
    async def handle(self, _event: StreamEvent) -> None:
        """Take no notice."""


class _Stream(trio.abc.Stream):
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

    def look(self) -> None:
        """Notice that the peer has gone while Hypercorn does not read, as it does not behind half a request."""
        if not self._ended and not self._reading and self._transport.has_hung_up():
            self._ended = True
            self._moved()

    def let_go(self, head: bytes) -> None:
        """Leave the transport to somebody else, who reads `head` again, though Hypercorn closes this stream."""
        self._transport.read_again(head)
        self.is_let_go = True

    def read_again(self, data: bytes) -> None:
        """Let the next read begin with `data`."""
        self._transport.read_again(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
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
        await self._transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        if not self.is_let_go:
            await self._transport.send_eof()

    async def aclose(self) -> None:
        if self.is_let_go:
            return
        # Hypercorn shields this, too.
        with trio.move_on_after(_CLOSE_SECONDS):
            await self._transport.aclose()

    def _moved(self) -> None:
        # Who reads what he asked for has not gone, though he says no more; in HTTP/2 he would have to say something.
        is_over = self._ended and (not self._under_way or self._transport.protocol == "h2")
        self._quiet.deadline = trio.current_time() + (_QUIET_SECONDS_AT_END if is_over else _QUIET_SECONDS)


class _SecureStream(_Stream):
    """What Hypercorn knows TLS by, and asks of it."""

    @property
    def transport_stream(self) -> _Stream:
        """The stream that has the socket."""
        return self

    async def do_handshake(self) -> None:
        """It has been done at the door."""
        await trio.lowlevel.checkpoint()

    def selected_alpn_protocol(self) -> str | None:
        """The protocol that was chosen in it."""
        return self._transport.protocol
