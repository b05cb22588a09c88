"""The only import of Hypercorn: HTTP/1.1 and HTTP/2 on a connection that the front door has accepted."""

import logging
from typing import Final, cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .transport import Transport

_KEEP_ALIVE_SECONDS: Final = 75
_READ_SECONDS: Final = 60
_SEND_SECONDS: Final = 30
"""How long the peer may take nothing of what it is sent, some 64 KiB at a time."""

_UNANSWERED_SECONDS: Final = 90
"""How long a connection may last on which nothing is answered: neither a body that drips nor pings keep it."""

_QUIET_SECONDS: Final = 90
_QUIET_SECONDS_AT_END: Final = 2
_CLOSE_SECONDS: Final = 2
_LOOK_SECONDS: Final = 2
"""How often it is looked whether the peer of a connection that Hypercorn does not read is still there."""


class HttpServer:
    """Serves an ASGI application, each connection in the task that calls `serve`.

    Args:
        app: the application.
        max_head_bytes: longest head of a request.
        answer_timeout: seconds a connection lasts from one piece of an answer to the next.
    """

    def __init__(
        self, app: ASGIApp, *, max_head_bytes: int = 16384, answer_timeout: float = _UNANSWERED_SECONDS
    ) -> None:
        self._app = app
        self._answer_timeout = answer_timeout
        self._context = WorkerContext(None)
        self._config = Config()
        self._config.h11_max_incomplete_size = max_head_bytes
        self._config.h2_max_header_list_size = max_head_bytes
        self._config.include_server_header = False
        self._config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
        self._config.read_timeout = _READ_SECONDS
        self._config.errorlog = logging.getLogger("hypercorn.error")

    async def serve(self, transport: Transport) -> None:
        """Answer the requests of one connection until either side ends it.

        Hypercorn is left waiting for good by some requests (`CONNECT` is one), even where the peer has gone; a
        connection on which nothing moves any more is ended.
        """
        with trio.CancelScope() as quiet, trio.move_on_after(self._answer_timeout) as unanswered:
            stream = (_SecureStream if transport.is_secure else _Stream)(transport, quiet)
            # Both describe the same interface, Starlette with plain mappings and Hypercorn with typed ones.
            app = ASGIWrapper(cast("ASGIFramework", self._prolonging(unanswered)))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.watch)
                await TCPServer(app, self._config, self._context, ConnectionState({}), stream)  # type: ignore[arg-type]
                nursery.cancel_scope.cancel()

    def _prolonging(self, unanswered: trio.CancelScope) -> ASGIApp:
        """The application; each piece of an answer that the peer took prolongs its connection."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def prolong(message: Message) -> None:
                await send(message)
                unanswered.deadline = trio.current_time() + self._answer_timeout

            await self._app(scope, receive, prolong)

        return app

    async def stop(self) -> None:
        """Finish the requests under way and take no more; `serve` returns for each connection."""
        await self._context.terminated.set()


class _Stream(trio.abc.Stream):
    """The transport as Hypercorn wants it.

    Args:
        transport: carries the bytes.
        quiet: cancelled once nothing has moved for too long.

    Attributes:
        socket: has the addresses of both ends.
    """

    def __init__(self, transport: Transport, quiet: trio.CancelScope) -> None:
        self._transport = transport
        self.socket = transport.socket
        self._quiet = quiet
        self._ended = False
        self._reading = False
        self._moved()

    async def watch(self) -> None:
        """Notice that the peer has gone while Hypercorn does not read, as it does not behind half a request."""
        while not self._ended:
            await trio.sleep(_LOOK_SECONDS)
            if not self._reading and self._transport.has_hung_up():
                self._ended = True
                self._moved()

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
            raise trio.BrokenResourceError("the peer takes nothing")
        self._moved()

    async def wait_send_all_might_not_block(self) -> None:
        await self._transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._transport.send_eof()

    async def aclose(self) -> None:
        # Hypercorn shields this, too.
        with trio.move_on_after(_CLOSE_SECONDS):
            await self._transport.aclose()

    def _moved(self) -> None:
        self._quiet.deadline = trio.current_time() + (_QUIET_SECONDS_AT_END if self._ended else _QUIET_SECONDS)


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
