"""One WebSocket connection to the orchestrator; the only import of trio_websocket in the SDK.

Whatever ends the connection reaches the rest of the SDK as `ConnectionLost` (come back) or
`ConnectionRefusedByServer` (change something first).
"""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol, TypeAlias, cast

import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

from .address import Address
from .errors import ConnectionLost, ConnectionRefusedByServer
from .groups import leaves, what_ended
from .watched_stream import HandshakeCut, WatchedStream

OPENING_TIMEOUT: Final = 10.0
CLOSING_TIMEOUT: Final = 2.0
# Of these, so many for the answers to what was sent last; the rest is for the closing itself.
ANSWERS_TIMEOUT: Final = 1.5
PING_INTERVAL: Final = 5.0
# Images and feature maps travel inline, up to 10 MiB by default there; trio_websocket's own default is 1 MiB.
MAX_MESSAGE_CHARACTERS: Final = 64 * 2**20
# Pongs and empty fragments, of which so many bytes hold thousands, are dealt with before others get their turn.
_RECEIVE_BYTES: Final = 8 * 2**10
_BAD_CERTIFICATE: Final = 1015
_CHANGE_SOMETHING_FIRST: Final = range(4400, 4450)
# HTTP statuses below 500 that pass by themselves (RFC 9110, RFC 8470, RFC 6585).
_PASSING_STATUSES: Final = frozenset((408, 425, 429))


class Connection(Protocol):
    """One open connection, as the rest of the SDK sees it."""

    async def send(self, text: bytes) -> None:
        """Send one JSON text; raises ConnectionLost."""

    async def receive(self) -> str | bytes:
        """Wait for the next message; raises ConnectionLost or ConnectionRefusedByServer once all were received."""

    async def close(self) -> None:
        """Wait a little for the answers to all that was sent, and close with code 1000; `receive` goes on meanwhile.

        Raises:
            ConnectionRefusedByServer: its own closing crossed ours, and asks for a change.
        """


Connector: TypeAlias = Callable[[], AbstractAsyncContextManager[Connection]]


class _WebSocket:
    """`Connection` over trio_websocket."""

    def __init__(self, websocket: WebSocketConnection, stream: WatchedStream) -> None:
        self._websocket = websocket
        self._stream = stream
        self._awaiting_answers = trio.CancelScope()

    async def send(self, text: bytes) -> None:
        try:
            await self._websocket.send_message(text.decode())
        except ConnectionClosed as closed:
            raise _explain_closing(closed) from None

    async def receive(self) -> str | bytes:
        try:
            return await self._websocket.get_message()
        except ConnectionClosed as closed:
            self._awaiting_answers.cancel()
            raise _explain_closing(closed) from None

    async def close(self) -> None:
        with trio.move_on_after(CLOSING_TIMEOUT):
            await self._wait_answered()
            if self._ending() is not None:
                return  # whoever receives says why, after what was received before
            await self._websocket.aclose()
        # The peer's closing may still cross ours; what it said before is not received any more, but its code is.
        if isinstance(ending := self._ending(), ConnectionRefusedByServer):
            raise ending

    async def _wait_answered(self) -> None:
        """Wait until the peer has answered all that was sent, or has ended the connection.

        It answers a ping in its turn (docs/protocol.md): what it says of a bad token comes before its pong, while our
        closing would overtake that.
        """
        self._awaiting_answers.deadline = trio.current_time() + ANSWERS_TIMEOUT
        with self._awaiting_answers:
            try:
                await self._websocket.ping()
            except ConnectionClosed:
                return

    def _ending(self) -> ConnectionLost | ConnectionRefusedByServer | None:
        """What the closing says, the peer's where it has come; None while the WebSocket is open."""
        closing = self._websocket.closed
        return None if closing is None else _explain_closing(ConnectionClosed(closing))

    async def keep_alive(self) -> None:
        """Give the peer reason to be heard; a pong that never comes is noticed by `WatchedStream.watch`."""
        try:
            while True:
                await trio.sleep(PING_INTERVAL)
                self._stream.asked_at = trio.current_time()
                await self._websocket.ping()
        except ConnectionClosed:
            return  # whoever receives says so, after what was received before


def connector(address: Address, ssl_context: ssl.SSLContext | None) -> Connector:
    """How to connect to `address`, again and again.

    Args:
        address: the endpoint.
        ssl_context: for `wss://`; None for the system's own certificates.

    Raises:
        ValueError: an SSL context for a plain `ws://` address.
    """
    if address.secure and ssl_context is None:
        ssl_context = ssl.create_default_context()
    elif not address.secure and ssl_context is not None:
        raise ValueError(f"an ssl_context is for wss://, not for {address}")

    @asynccontextmanager
    async def connect() -> AsyncIterator[Connection]:
        stream = await _open_stream(address, ssl_context)
        async with open_over(stream, address) as connection:
            yield connection

    return connect


@asynccontextmanager
async def open_over(stream: trio.abc.Stream, address: Address) -> AsyncIterator[Connection]:
    """Open the WebSocket over a connected stream, which is closed in the end whatever happens.

    Raises:
        ConnectionLost: the handshake failed, or the server fell silent for 15 seconds, or left a ping unanswered for
            60, as one does that goes on speaking but is not reached any more.
        ConnectionRefusedByServer: the server answered with an HTTP status that asks for a change.
    """
    watched = WatchedStream(stream)
    try:
        async with trio.open_nursery() as nursery:
            try:
                with trio.fail_after(OPENING_TIMEOUT):
                    websocket = await nursery.start(_read, watched, address)
            except trio.TooSlowError:
                cut = watched.cut(f"no WebSocket at {address} within {OPENING_TIMEOUT:g} s")
                raise _explain_crash(cut, address) from None
            watched.is_open = True
            connection = _WebSocket(websocket, watched)
            nursery.start_soon(connection.keep_alive)
            nursery.start_soon(watched.watch)
            yield connection
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        ending = what_ended(group)
        if ending is None:
            raise
    else:
        return
    finally:
        await trio.aclose_forcefully(stream)
    raise ending


async def _open_stream(address: Address, ssl_context: ssl.SSLContext | None) -> trio.abc.Stream:
    try:
        with trio.fail_after(OPENING_TIMEOUT):
            tcp = await trio.open_tcp_stream(address.host, address.port)
            if ssl_context is None:
                return tcp
            tls = trio.SSLStream(tcp, ssl_context, server_hostname=address.host, https_compatible=True)
            try:
                await tls.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(tcp)
                raise
            return tls
    except trio.TooSlowError:
        raise ConnectionLost(f"no answer from {address} within {OPENING_TIMEOUT:g} s") from None
    except trio.BrokenResourceError as broken:
        if isinstance(broken.__cause__, ssl.SSLCertVerificationError):
            raise ConnectionRefusedByServer(_BAD_CERTIFICATE, str(broken.__cause__)) from broken
        raise ConnectionLost(f"TLS with {address} failed: {broken.__cause__ or broken}") from broken
    except (OSError, UnicodeError) as error:
        raise ConnectionLost(f"cannot connect to {address}: {_first_cause(error)}") from error


async def _read(stream: WatchedStream, address: Address, *, task_status: trio.TaskStatus[WebSocketConnection]) -> None:
    """Run trio_websocket's reader task, and understand what it dies of: bytes of a stranger can crash it."""
    try:
        async with trio.open_nursery() as nursery:
            websocket = await wrap_client_stream(
                nursery,
                # It is annotated for sockets, and asks for no more than a stream.
                cast("trio.SocketStream", stream),
                address.host_header,
                address.path,
                max_message_size=MAX_MESSAGE_CHARACTERS,
                receive_buffer_size=_RECEIVE_BYTES,
            )
            task_status.started(websocket)
    except BaseExceptionGroup as group:
        errors = leaves(group)
        if not errors or not all(isinstance(error, Exception) for error in errors):
            raise
        ending = _explain_crash(errors[0], address)
    else:
        return
    raise ending


def _first_cause(error: BaseException) -> BaseException:
    """Why the first address of a host could not be reached; Trio tries them all, and says only that none could."""
    cause = error.__cause__ or error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return cause


def _explain_closing(closed: ConnectionClosed) -> ConnectionLost | ConnectionRefusedByServer:
    if closed.reason is None:
        return ConnectionLost("the connection broke")
    code, reason = closed.reason.code, closed.reason.reason or ""
    if code in _CHANGE_SOMETHING_FIRST:
        return ConnectionRefusedByServer(code, reason)
    return ConnectionLost(reason, code)


def _explain_crash(error: BaseException, address: Address) -> ConnectionLost | ConnectionRefusedByServer:
    if isinstance(error, ConnectionRejected):
        status: int | None = error.status_code
    else:
        status = error.status if isinstance(error, HandshakeCut) else None
    if status is None:
        return ConnectionLost(str(error) or type(error).__name__)
    answer = f"{address} answered with HTTP status {status} instead of a WebSocket"
    if 400 <= status < 500 and status not in _PASSING_STATUSES:
        return ConnectionRefusedByServer(status, answer)
    return ConnectionLost(answer)
