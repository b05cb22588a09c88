"""The only import of trio_websocket: handshake, pings, closing. Data messages pass by it on the fast lane."""

from collections import Counter
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import Final

import structlog
import trio
import trio_websocket

from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.session import Kind, Services, Session
from trio_orchestrator.connections.traffic import Traffic
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import close_frame, is_ping

from .forwarded import headers_of
from .intake import Intake
from .read_loop import ReadLoop
from .silence import SilenceWatch
from .statistics import WebSocketStatistics
from .transport import Transport

_KINDS: Final = {"/client": Kind.CLIENT, "/processor": Kind.PROCESSOR}

_NO_CLOSING_FRAME: Final = 1006
"""What a log says where a connection ended without one (RFC 6455, section 7.1.5); never sent."""

_BREACHES: Final = frozenset({CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_PAYLOAD})
_CLOSE_FRAME_START: Final = b"\x88"

_TOLD_APART: Final = frozenset({*CloseCode, 1005, _NO_CLOSING_FRAME})
"""Closing codes that are counted each by itself; others are the peers' own invention."""

_STRANGERS_MESSAGE_BYTES: Final = 65536
"""Longest message of a peer that has not authenticated yet and must: a token fits, and little else."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one WebSocket may cost.

    Attributes:
        max_message_bytes: the longest message taken; a longer one ends the socket with 1009.
        max_outbox_bytes: how many bytes of control may wait for a peer before it is disconnected.
        write_timeout: seconds a peer's socket may take nothing before it is disconnected.
        handshake_timeout: seconds from the request's head to the end of the opening handshake.
        ping_interval: seconds of silence after which a peer is pinged.
        ping_timeout: seconds it then has to say anything at all.
        close_timeout: seconds the closing handshake may take.
    """

    max_message_bytes: int
    max_outbox_bytes: int
    write_timeout: float
    handshake_timeout: float = 10
    ping_interval: float = 20
    ping_timeout: float = 20
    close_timeout: float = 2


class WebSocketServer:
    """Serves every WebSocket, each in the task that calls `serve`.

    Args:
        services: what the sessions work with.
        limits: what one socket may cost.
        read_loop: reads the sockets, all of them in one task.
        allowed_origins: web pages that may connect, as browsers write them in `Origin`; None for any.
    """

    def __init__(
        self,
        services: Services,
        limits: Limits,
        read_loop: ReadLoop,
        allowed_origins: frozenset[str] | None = None,
    ) -> None:
        self._services = services
        self._limits = limits
        self._read_loop = read_loop
        self._allowed_origins = allowed_origins
        self._silence = SilenceWatch(limits.ping_interval, limits.ping_timeout)
        self._connections: dict[_Connection, Kind] = {}
        self._stopping = False
        self._opened: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._left_out = 0

    async def run(self) -> None:
        """Ping those who are silent, for as long as the server lives."""
        with self._read_loop.when_awake(self._silence.look):
            await self._silence.run()

    async def serve(self, transport: Transport, head: bytes, number: int) -> None:
        """Serve the socket whose request head is `head` until either side ends it; the log names it by `number`."""
        log = structlog.get_logger(__name__).bind(connection=number, remote=transport.remote)
        connection = _Connection(transport, self._limits, self._services.traffic, log)
        try:
            await self._serve(connection, head, log, transport.host)
        finally:
            connection.let_go()

    async def _serve(
        self, connection: "_Connection", head: bytes, log: structlog.typing.FilteringBoundLogger, host: str | None
    ) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.outbox.run)
            kind = await connection.open(nursery, head, is_allowed=self._allows(head))
            if kind is not None:
                self._connections[connection] = kind
                self._opened[kind.value] += 1
                if self._stopping:
                    connection.outbox.close(CloseCode.GOING_AWAY, "the server stops")
                try:
                    session = Session(self._services, kind, connection.outbox, log, host)
                    await connection.live(nursery, session, self._read_loop, self._silence)
                finally:
                    self._retire(connection)
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Tell every peer that the server stops; `serve` returns for each once it has gone."""
        self._stopping = True
        for connection in self._connections:
            connection.outbox.close(CloseCode.GOING_AWAY, "the server stops")

    def statistics(self) -> WebSocketStatistics:
        """Counters of all WebSockets."""
        outboxes = [connection.outbox.statistics() for connection in self._connections]
        waiting = [outbox.waiting_bytes for outbox in outboxes]
        left_out = [outbox.left_out for outbox in outboxes]
        return WebSocketStatistics(
            open=Counter(kind.value for kind in self._connections.values()),
            opened=self._opened.copy(),
            ended=self._ended.copy(),
            waiting_bytes=sum(waiting),
            most_waiting_bytes=max(waiting, default=0),
            lagging=sum(map(bool, waiting)),
            left_out=self._left_out + sum(left_out),
            most_left_out=max(left_out, default=0),
        )

    def _allows(self, head: bytes) -> bool:
        """Whether it is an allowed page that asks, or no page at all: a browser always says `Origin`, others never."""
        if self._allowed_origins is None:
            return True
        origins = {value.decode("latin-1").lower() for name, value in headers_of(head) if name == b"origin"}
        return origins <= self._allowed_origins

    def _retire(self, connection: "_Connection") -> None:
        """It has ended; what it counted stays counted."""
        del self._connections[connection]
        code, _ = connection.how_it_ended()
        self._ended[str(code) if code in _TOLD_APART else "other"] += 1
        self._left_out += connection.outbox.statistics().left_out


class _EngineStream(trio.abc.Stream):
    """What trio-websocket takes for its socket: it is fed control frames, and what it says goes through the outbox.

    Attributes:
        engine: who reads and writes here, once the opening handshake is done.
        closed: set when the engine is done.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        # One piece at a time. A memory channel would do the same, for two kilobytes a connection that says nothing.
        self._fed = b""
        self._changed = trio.lowlevel.ParkingLot()
        self._said_goodbye = False
        self.engine: trio_websocket.WebSocketConnection | None = None
        self.closed = trio.Event()

    async def feed(self, data: bytes) -> None:
        """Let the engine read `data`, once it has read what came before; dropped once it has closed its stream."""
        while self._fed and not self.closed.is_set():
            await self._changed.park()
        if not self.closed.is_set():
            self._fed = data
            self._changed.unpark_all()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while True:
            while not self._fed:
                await self._changed.park()
            data, self._fed = self._fed, b""
            self._changed.unpark_all()
            # An engine that has sent its closing frame cannot answer a ping, and fails; nor need it.
            if self._outbox.closing is None or not is_ping(data):
                return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._said_goodbye = self._said_goodbye or bytes(data[:1]) == _CLOSE_FRAME_START
        self._outbox.offer_raw(bytes(data))
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        self.closed.set()
        self._changed.unpark_all()
        breach = None if self.engine is None or self._said_goodbye else self.engine.closed
        if breach is not None and breach.code in _BREACHES:
            # The engine hangs up without a word where it should say why (RFC 6455, section 7.1.7).
            self._outbox.offer_raw(close_frame(breach.code, breach.reason or ""))
            self._outbox.close(CloseCode(breach.code), breach.reason or "")
        self._outbox.close(CloseCode.NORMAL, "")
        await trio.lowlevel.checkpoint()


class _Connection:
    """One WebSocket from its handshake to its end."""

    def __init__(
        self, transport: Transport, limits: Limits, traffic: Traffic, log: structlog.typing.FilteringBoundLogger
    ) -> None:
        self.outbox = Outbox(
            transport, max_bytes=limits.max_outbox_bytes, write_timeout=limits.write_timeout, traffic=traffic
        )
        self._transport = transport
        self._limits = limits
        self._log = log
        self._engine_stream = _EngineStream(self.outbox)
        self._engine: trio_websocket.WebSocketConnection | None = None

    async def open(self, nursery: trio.Nursery, head: bytes, *, is_allowed: bool) -> Kind | None:
        """Do the opening handshake; which kind of peer it is, None where there is nothing to serve."""
        with trio.move_on_after(self._limits.handshake_timeout):
            await self._engine_stream.feed(head)
            async with trio.open_nursery() as handshake:
                # An engine that refuses the request closes its stream and says no more.
                handshake.start_soon(self._cancel_when_refused, handshake.cancel_scope)
                request = await trio_websocket.wrap_server_stream(nursery, self._engine_stream)
                kind = _kind_at(request.path)
                date = [(b"Date", formatdate(usegmt=True).encode())]  # RFC 9110, section 6.6.1
                if kind is None:
                    text = b"WebSockets are at /client and /processor.\n"
                    await request.reject(404, extra_headers=date, body=text)
                elif not is_allowed:
                    await request.reject(403, extra_headers=date, body=b"This origin is not allowed here.\n")
                else:
                    self._engine = self._engine_stream.engine = await request.accept()
                handshake.cancel_scope.cancel()
        if self._engine is None:
            with trio.move_on_after(self._limits.close_timeout):
                await self.outbox.wait_written()
            return None
        return kind

    async def live(self, nursery: trio.Nursery, session: Session, read_loop: ReadLoop, silence: SilenceWatch) -> None:
        """Pass messages both ways until either side ends the connection."""
        self._log.info("connected", kind=session.kind.value)
        intake = Intake(
            self._transport, session, self.outbox, self._engine_stream.feed, partial(self._longest_message, session)
        )
        nursery.start_soon(self._keep, nursery.cancel_scope, session, intake, silence)
        try:
            await intake.run(read_loop)
        finally:
            session.close()
            code, reason = self.how_it_ended()
            left_out = self.outbox.statistics().left_out
            session.log.info("disconnected", code=code, reason=reason, left_out=left_out)

    def let_go(self) -> None:
        """Nobody uses the connection any more: what it holds needs no garbage collector, for which all others wait."""
        self._engine_stream.engine = None  # the engine holds this stream

    def how_it_ended(self) -> tuple[int, str]:
        """The close code and its reason, ours or the peer's: whose came first; 1006 where neither came."""
        ours = self.outbox.closing
        if ours is not None and ours.code is not CloseCode.NORMAL:
            return int(ours.code), ours.reason
        theirs = None if self._engine is None else self._engine.closed
        return (_NO_CLOSING_FRAME, "") if theirs is None else (int(theirs.code), theirs.reason or "")

    async def _cancel_when_refused(self, scope: trio.CancelScope) -> None:
        await self._engine_stream.closed.wait()
        scope.cancel()

    def _longest_message(self, session: Session) -> int:
        """A stranger has nothing to say but its token."""
        longest = self._limits.max_message_bytes
        return longest if session.is_admitted else min(longest, _STRANGERS_MESSAGE_BYTES)

    async def _keep(self, scope: trio.CancelScope, session: Session, intake: Intake, silence: SilenceWatch) -> None:
        """See to it that the connection ends when somebody wants it to, its time is over, or nobody is there."""
        with silence.watching(intake, self.outbox):
            await session.wait_closing()
        closing = await self.outbox.wait_closing()
        # The reader goes on meanwhile: the peer's closing frame must be read, and what it still sends be taken,
        # or the reset that answers unread bytes could overtake our own.
        with trio.move_on_after(self._limits.close_timeout):
            if not self._engine_stream.closed.is_set():
                assert self._engine is not None
                await self._engine.aclose(closing.code, closing.reason or None)
            await self.outbox.wait_written()
            await self._transport.send_eof()
            await trio.sleep_forever()
        scope.cancel()


def _kind_at(target: str) -> Kind | None:
    """Which kind of peer connects to this target (RFC 9112, section 3.2.1); None where none does."""
    return _KINDS.get(target.partition("?")[0])
