"""Hypercorn's HTTP/1.1 and HTTP/2 as they are served here: what it would offer and nobody has, and bounds it lacks.

One of those is that it lets an application go on for whom has gone.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import h11
import trio
from h2.connection import ConnectionInputs, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event, RequestReceived
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hypercorn.config import Config
from hypercorn.events import Closed, RawData, Updated
from hypercorn.events import Event as ConnectionEvent
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.h2 import BUFFER_LOW_WATER, H2Protocol, StreamBuffer
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import AppWrapper, ASGIReceiveCallable, ASGIReceiveEvent, ASGISendEvent, Scope, TaskGroup

from . import request_head

_REQUESTS_AT_A_TIME: Final = 8
"""How many one connection of HTTP/2 may have under way. What is answered to each may take MAX_IMAGE_BYTES."""


# They change nothing (RFC 9110, section 9.2.1), so nothing is half done where they are left in the middle.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Requests:
    """Hypercorn's task group of one connection, in which an application goes on no longer than whoever asked waits.

    Hypercorn says that he has gone (the connection is broken, or HTTP/2 has reset the stream) to an application that
    asks it for more of the request's body, and none does while it works out its answer. So that is cancelled, unless
    the request is one to change something: that is carried out, as it was asked for.

    Args:
        tasks: the task group.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks

    def spawn(self, function: Callable[..., Any], *arguments: Any) -> None:
        """See `TaskGroup`."""
        self._tasks.spawn(function, *arguments)

    async def spawn_app(
        self,
        app: AppWrapper,
        config: Config,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        """See `TaskGroup`: start `app`; what it is told by is returned."""
        asking = trio.CancelScope()
        may_be_left = scope["type"] == "http" and scope["method"] in _SAFE_METHODS

        async def answering(
            scope: Scope, receive: ASGIReceiveCallable, send: Callable[[Any], Awaitable[None]], *ways: Any
        ) -> None:
            async def answer(message: Any) -> None:
                nonlocal may_be_left
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    may_be_left = False  # all is over soon, as it should be
                await send(message)

            with asking:
                await app(scope, receive, answer, *ways)

        tell = await self._tasks.spawn_app(answering, config, scope, send)  # type: ignore[arg-type]

        async def tell_or_leave(event: ASGIReceiveEvent) -> None:
            if may_be_left and event["type"] == "http.disconnect":
                asking.cancel()
            else:
                await tell(event)

        return tell_or_leave


class Http11(H11Protocol):
    """HTTP/1.1, and nothing that it could become: a request for HTTP/2 is answered as if it had not been made."""

    async def _check_protocol(self, event: h11.Request) -> None:
        """See `H11Protocol`. An upgrade may be ignored (RFC 9110, section 7.8)."""

    @property
    def can_be_told_to_continue(self) -> bool:
        """Whether there is a request that waits for its answer, of a peer that knows of such before it."""
        connection = self.connection
        return (
            isinstance(connection, h11.Connection)
            and connection.our_state is h11.SEND_RESPONSE
            and connection.their_http_version not in (None, b"1.0")
        )

    async def tell_to_continue(self) -> None:
        """Send a `100 Continue`."""
        await self._send_h11_event(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))


class Finished(ConnectionEvent):
    """All has been said, and the peer is to close the connection once it has taken that.

    Over HTTP/2 it speaks meanwhile, to make room. Were nobody there any more to hear that, its system would be told
    that the connection is broken, and what has not reached it yet would be lost.
    """


class Http2(H2Protocol):
    """HTTP/2 as it is served here: with few requests at a time, and without WebSockets.

    When no more requests are to come, as there were enough, the server stops, or the peer said so, those that came are
    answered (RFC 9113, section 6.8). Hypercorn would end the connection, or have h2 send nothing any more.
    """

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._is_leaving = False
        # Hypercorn offers WebSockets (RFC 8441). A browser then asks for no others, and nobody serves those.
        del self.connection.local_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL]
        self.connection.state_machine = _States()
        self.streams = _Streams()

    async def initiate(self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None) -> None:
        """See `H2Protocol`.

        That there may be no more requests is a change of what there may be at first: from the first, a peer that begins
        with more, as it cannot know, would have its connection ended.
        """
        await super().initiate(headers, settings)
        self.connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: _REQUESTS_AT_A_TIME})
        await self._flush()

    async def handle(self, event: ConnectionEvent) -> None:
        """See `H2Protocol`. What comes once all has been said is for nobody."""
        if not (self.closed and isinstance(event, RawData)):
            await super().handle(event)

    async def leave(self) -> None:
        """Take no more requests, and end the connection once those that came are answered."""
        self._is_leaving = True
        await self._end_when_over()

    async def _create_stream(self, request: RequestReceived) -> None:
        """See `H2Protocol`. One request too many may be made again (RFC 9113, section 8.7)."""
        if self._is_leaving or len(self.streams) >= _REQUESTS_AT_A_TIME:
            self._refuse(request.stream_id)
        elif (status := _refusal(request)) is not None:
            self._refuse(request.stream_id, status)
            self.keep_alive_requests += 1  # of which a connection has so many
        else:
            await super()._create_stream(request)
            # Its application has not had its turn yet.
            self.stream_buffers[request.stream_id] = _Buffer(self.context.event_class)
        if self.keep_alive_requests >= self.config.keep_alive_max_requests:
            self._is_leaving = True

    def _refuse(self, number: int, status: bytes | None = None) -> None:
        """Answer at once by a status, or tell that it may be made again."""
        with contextlib.suppress(ProtocolError):  # the peer has reset it, in one piece with the request
            if status is None:
                self.connection.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            else:
                headers = [(b":status", status), *self.config.response_headers("h2")]
                self.connection.send_headers(number, headers, end_stream=True)

    async def _handle_events(self, events: list[Event]) -> None:
        """See `H2Protocol`. As the server stops, that would tell nobody that his request may be made again."""
        others = [event for event in events if not _is_farewell(event)]
        has_farewell = len(others) < len(events)
        if self.context.terminated.is_set():
            self._is_leaving = True
            for request in others:
                if isinstance(request, RequestReceived):
                    self._refuse(request.stream_id)
            others = [event for event in others if not isinstance(event, RequestReceived)]
        await super()._handle_events(others)
        self._is_leaving = self._is_leaving or has_farewell
        # One that was refused leaves the connection as idle as it was; a ping does not begin that time again.
        if self._is_leaving or any(isinstance(event, RequestReceived) for event in others):
            await self._end_when_over()

    async def stream_send(self, event: StreamEvent) -> None:
        """See `H2Protocol`. To it a connection is idle before it has sent the end of the last answer."""
        if isinstance(event, StreamClosed):
            await self._close_stream(event.stream_id)
            self._is_leaving = self._is_leaving or self.context.terminated.is_set()
            await self._end_when_over()
        else:
            await super().stream_send(event)

    async def _send_data(self, stream_id: int) -> None:
        """See `H2Protocol`."""
        await super()._send_data(stream_id)
        await self._end_when_over()

    async def _end_when_over(self) -> None:
        """Once all is answered, to the end, the connection is idle, or ends where no more is to come.

        That is said last: clients whose HTTP/2 is h2 do not understand an answer behind it.
        """
        if self.streams or self.stream_buffers or self.closed:
            return
        if self._is_leaving:
            self.closed = True
            self.connection.close_connection()
            await self._flush()
            await self.send(Finished())
            await self.handle(Closed())
        else:
            await self.send(Updated(idle=True))


class _States(H2ConnectionStateMachine):
    """What may be said over a connection, which a peer's farewell does not change, in neither direction.

    Behind one h2 would take all that comes for an error, the room that the peer makes for its answers included.
    """

    def process_input(self, input_: ConnectionInputs) -> list[Event]:
        """See `H2ConnectionStateMachine`."""
        return [] if input_ is ConnectionInputs.RECV_GOAWAY else super().process_input(input_)


def _is_farewell(event: Event) -> bool:
    """Whether the peer says that it will ask for no more, and nothing is wrong."""
    return isinstance(event, ConnectionTerminated) and event.error_code == ErrorCodes.NO_ERROR


def _refusal(request: RequestReceived) -> bytes | None:
    """The HTTP status by which a request is refused that Hypercorn must not see; None where it may."""
    headers: dict[bytes, bytes] = dict(request.headers)
    method = headers[b":method"]
    if not request_head.is_method(method):
        return b"501"
    # RFC 9113, section 8.3.1. Hypercorn fails with some other paths, and with it all requests of the connection.
    is_path = request_head.is_path(method, headers.get(b":path", b""))
    is_host = all(request_head.is_host(headers.get(name, b"")) for name in (b":authority", b"host"))
    return None if is_path and is_host else b"400"


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
