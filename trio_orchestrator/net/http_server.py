"""An ASGI application for connections that the front door has accepted, over HTTP/1.1 and HTTP/2."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from trio_orchestrator.logs import Complaints

from .http_engine import Engine
from .http_streams import SecureStream, Stream
from .transport import Transport

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

_KEEP_ALIVE_SECONDS: Final = 75

_PIECE_BYTES: Final = 65536
"""How much of an answer Hypercorn is given at once: it would keep all of it until the peer has taken the last of it."""

_WAITING_BODY_PIECES: Final = 2
"""How much of a request's body may wait for the application, beside the piece that waits to be added to it."""

_UNANSWERED_SECONDS: Final = 90
"""How long a connection may last on which nothing is answered: neither a body that drips nor pings keep it."""

_log = structlog.get_logger(__name__)


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

        Hypercorn is left waiting for good by half a request, even where the peer has gone; a connection on which
        nothing moves any more is ended.

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
            stream = (SecureStream if transport.is_secure else Stream)(transport, quiet)
            # Both describe the same interface, Starlette with plain mappings and Hypercorn with typed ones.
            app = ASGIWrapper(cast("ASGIFramework", self._watched(unanswered, stream)))
            engine = Engine(app, self._config, self._context, stream, head, self._head_timeout)
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

    def _watched(self, unanswered: trio.CancelScope, stream: Stream) -> ASGIApp:
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
