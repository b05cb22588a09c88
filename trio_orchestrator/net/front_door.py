"""Where connections come in: accept, TLS, a look at the request's head, and then one of two engines.

A WebSocket upgrade goes to `websocket`, anything else to Hypercorn, on one port. A proxy may ask for a page first and
for a WebSocket then: what comes behind a page and is not for Hypercorn, it leaves to the door.

Each connection runs in a task of its own behind a crash barrier: nothing a peer does, and no fault of a library, ends
more than that connection.
"""

import errno
import itertools
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

import structlog
import trio

from trio_orchestrator.logs import Complaints, first_of, place_of

from . import request_head
from .admission import FULL, Admission, Seat
from .forwarded import Proxies, headers_of
from .http_engine import HeadTooSlow, NotServable
from .http_server import HttpServer
from .statistics import DoorStatistics
from .tls import Certificate
from .tls_channel import TlsBuffers
from .transport import Transport
from .websocket import WebSocketServer

_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_RESOURCES_PAUSE_SECONDS: Final = 0.1
_ACCEPTED_A_TURN: Final = 64

_TURNING_AWAY_SECONDS: Final = 2.0
# Empty settings, then GOAWAY with ENHANCE_YOUR_CALM and no request taken (RFC 9113, sections 6.5 and 6.8).
_HTTP2_GOODBYE: Final = bytes.fromhex("000000040000000000000008070000000000000000000000000b")

_log = structlog.get_logger(__name__)


class FrontDoor:
    """Accepts connections and brings each to its engine.

    Args:
        websockets: serves the WebSockets; where None there are none at this door.
        http: serves everything else.
        proxies: those who speak for others, and are believed whom.
        admission: how many connections there may be.
        max_head_bytes: longest head of a request; `http` has the same.
        head_timeout: seconds in which the head of the first request must be complete.
        handshake_timeout: seconds the TLS handshake may take.
        close_timeout: seconds closing a connection may take before it is cut.
        complaints: logs faults, and what peers did to bring them about.
        numbers: gives each connection its number, by which the log names it.
    """

    def __init__(
        self,
        websockets: WebSocketServer | None,
        http: HttpServer,
        *,
        proxies: Proxies | None = None,
        admission: Admission | None = None,
        max_head_bytes: int = 16384,
        head_timeout: float = 10,
        handshake_timeout: float = 10,
        close_timeout: float = 2,
        complaints: Complaints | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._websockets = websockets
        self._http = http
        self._proxies = proxies or Proxies(())
        self._admission = admission or Admission(sys.maxsize, sys.maxsize)
        self._max_head_bytes = max_head_bytes
        self._head_timeout = head_timeout
        self._handshake_timeout = handshake_timeout
        self._close_timeout = close_timeout
        self._complaints = complaints or Complaints()
        self._numbers = numbers or itertools.count(1)
        self._tls_buffers = TlsBuffers()
        self._transports: set[Transport] = set()
        self._turned_away = 0
        self._arriving = 0  # accepted, and its task has not begun
        self._accepted = 0
        self._faults = 0
        self._refused: Counter[str] = Counter()

    async def accept(self, listener: socket.socket, tls: Certificate | None, connections: trio.Nursery) -> None:
        """Start a task in `connections` for each connection that comes in, until cancelled."""
        most = self._admission.max_connections + self._admission.room_to_refuse
        short_of_resources = has_told = False
        while True:
            await trio.lowlevel.wait_readable(listener)
            for _ in range(_ACCEPTED_A_TURN):
                try:
                    accepted, _address = listener.accept()
                except BlockingIOError:
                    break
                except OSError as error:
                    # Other errors tell of a connection that has gone already, and leave the listener whole (accept(2)).
                    if error.errno in _OUT_OF_RESOURCES:
                        short_of_resources = True
                        # Once a shortage; where one comes after the other, as when strangers take whatever becomes
                        # free, not even that.
                        has_told = has_told or self._complaints.error(
                            ("accept", error.errno), "no connection can be accepted", reason=str(error)
                        )
                        await trio.sleep(_RESOURCES_PAUSE_SECONDS)
                    break
                if short_of_resources:
                    if has_told:
                        _log.info("connections are accepted again")
                    short_of_resources = has_told = False
                if len(self._transports) + self._arriving >= most:
                    self._count(FULL)
                    accepted.close()
                    continue
                self._arriving += 1
                connections.start_soon(self._serve_safely, accepted, tls, name="connection")

    def cut(self) -> None:
        """Close every connection at once, even one whose engine does not let itself be cancelled."""
        for transport in self._transports:
            transport.cut()

    def statistics(self) -> DoorStatistics:
        """Counters of this door."""
        return DoorStatistics(len(self._transports), self._accepted, self._refused.copy(), self._faults)

    async def _serve_safely(self, accepted: socket.socket, tls: Certificate | None) -> None:
        """The crash barrier."""
        transport = Transport(accepted)
        self._transports.add(transport)
        self._arriving -= 1
        self._accepted += 1
        number = next(self._numbers)
        try:
            try:
                with self._admission.seat() as seat:
                    if not self._proxies.knows(transport.host):
                        seat.belongs_to(transport.host)
                    if seat.refusal is None:
                        await self._serve(transport, tls, seat, number)
                    else:
                        await self._turn_away(transport, tls, seat.refusal)
            finally:
                self._transports.discard(transport)
                with trio.move_on_after(self._close_timeout, shield=True):
                    await transport.aclose()
                with trio.CancelScope(shield=True):
                    await trio.aclose_forcefully(transport)
        except* (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as group:
            _log.debug("connection broke", connection=number, remote=transport.remote, reason=_first_line(group))
        except* HeadTooSlow:
            self._refused["head_timeout"] += 1
        except* NotServable as group:
            self._refused["400"] += 1
            cause = first_of(group).__cause__ or group
            self._complaints.warn(
                (NotServable, type(cause), place_of(cause)),
                "a connection was ended, its HTTP cannot be served",
                connection=number,
                remote=transport.remote,
                reason=_first_line(group),
            )
        except* Exception as group:
            self._faults += 1
            self._complaints.fault(group, "connection ended by a fault", connection=number, remote=transport.remote)

    async def _turn_away(self, transport: Transport, tls: Certificate | None, status: str) -> None:
        """Say that there is no room, to a few at a time and not for long: it must not become a burden itself."""
        self._count(status)  # whatever becomes of it: who says nothing, or fails to do TLS, is turned away, too
        if self._turned_away >= self._admission.room_to_refuse:
            return
        self._turned_away += 1
        try:
            with trio.move_on_after(_TURNING_AWAY_SECONDS):
                if tls is not None and await transport.start_tls(tls.context, self._tls_buffers) == "h2":
                    await transport.send_all(_HTTP2_GOODBYE)
                elif await request_head.read(transport, self._max_head_bytes):
                    await transport.send_all(request_head.answer(status))
        finally:
            self._turned_away -= 1

    async def _serve(self, transport: Transport, tls: Certificate | None, seat: Seat, number: int) -> None:
        if tls is not None:
            protocol = None
            with trio.move_on_after(self._handshake_timeout) as handshake:
                try:
                    protocol = await transport.start_tls(tls.context, self._tls_buffers)
                except trio.BrokenResourceError:
                    self._refused["tls_failed"] += 1
                    raise
            if handshake.cancelled_caught:
                self._refused["tls_timeout"] += 1
                return
            if protocol == "h2":
                await self._http.serve(transport, b"", number)
                return
        while await self._serve_next(transport, seat, number):
            pass

    async def _serve_next(self, transport: Transport, seat: Seat, number: int) -> bool:
        """Read the head of a request of HTTP/1.1 and bring the connection to the engine that it is for.

        Whether the engine left it at the head of another request, which is to be looked at here.
        """
        head = b""
        with trio.move_on_after(self._head_timeout) as reading:
            head = await request_head.read(transport, self._max_head_bytes)
        if reading.cancelled_caught:
            self._refused["head_timeout"] += 1
        if not request_head.is_whole(head, self._max_head_bytes):
            return False
        if (refusal := request_head.refusal(head, self._max_head_bytes)) is not None:
            await self._refuse(transport, refusal)
            return False
        head = request_head.in_origin_form(head)
        if request_head.is_websocket(head):
            await self._serve_websocket(transport, head, seat, number)
            return False
        return await self._http.serve(transport, head, number)

    async def _serve_websocket(self, transport: Transport, head: bytes, seat: Seat, number: int) -> None:
        if self._websockets is None:
            return await self._refuse(transport, "404 Not Found")
        if transport.host is not None and self._proxies.knows(transport.host):
            transport.speaks_for(self._proxies.client(transport.host, headers_of(head)))
            seat.belongs_to(transport.host)
            if seat.refusal is not None:
                return await self._refuse(transport, seat.refusal)
        return await self._websockets.serve(transport, head, number)

    async def _refuse(self, transport: Transport, status: str) -> None:
        self._count(status)
        await transport.send_all(request_head.answer(status))

    def _count(self, status: str) -> None:
        self._refused[status.partition(" ")[0]] += 1


def _first_line(group: BaseExceptionGroup[BaseException]) -> str:
    error = first_of(group)
    return f"{type(error).__name__}: {error}".partition("\n")[0]
