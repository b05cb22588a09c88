"""The composition root: builds every part, owns the nursery tree, and stops it all in order.

    services                    the recorder, the broadcast, one task a live object (the supervisor)
    └── connections             one task a connection
        └── doors               one task a listening socket

Stopping goes from the leaves to the root: no new connections, then the peers are told and leave, then what waits is
written, then the services end.
"""

import errno
import os
import secrets
import socket
import ssl
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final, NamedTuple

import structlog
import trio

from .auth import TokenChecker
from .connections.broadcast import Broadcast
from .connections.session import Kind, Services
from .logs import Complaints
from .net.front_door import FrontDoor
from .net.http import create_app
from .net.http_server import HttpServer
from .net.listeners import address_of, open_listeners
from .net.websocket import Limits, WebSocketServer
from .settings import Settings, SettingsError
from .store.database import Database
from .store.errors import CannotOpen
from .store.reader import Reader
from .store.recorder import Recorder
from .supervisor import Supervisor
from .tracking.announcements import Announcements
from .tracking.hub import Hub
from .tracking.ports import Reminder
from .tracking.searches import Searches

_PEERS_LEAVE_SECONDS: Final = 3.5
"""How long peers have to leave once the server stops; with what the recorder may take this stays under 10 s."""

_NAME: Final = f"trio_orchestrator/{version('trio-orchestrator')}"

_log = structlog.get_logger(__name__)


class Door(NamedTuple):
    """One listening socket.

    Attributes:
        listener: the socket.
        tls: what TLS needs; None where connections are in clear.
    """

    listener: socket.socket
    tls: ssl.SSLContext | None

    @property
    def url(self) -> str:
        """Where it listens, with the real port."""
        return f"{'http' if self.tls is None else 'https'}://{address_of(self.listener)}"


async def serve(
    settings: Settings,
    *,
    stop: trio.Event,
    task_status: trio.TaskStatus[Sequence[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the orchestrator until `stop` is set and everything has ended.

    Args:
        settings: what to do.
        stop: to be set by whoever wants it to stop, which then takes less than 10 seconds whatever the peers do.
        task_status: told the URLs it listens on, once it does.

    Raises:
        SettingsError: a port cannot be opened, or the database cannot.
    """
    doors = _open_doors(settings)
    try:
        database = await trio.to_thread.run_sync(_open_database, settings)
        try:
            await _Orchestrator(settings, database).run(doors, stop, task_status)
        finally:
            database.close()
    finally:
        for door in doors:
            door.listener.close()


class _Orchestrator:
    """All parts, put together."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._recorder = Recorder(database)
        self._broadcast = Broadcast()
        self._complaints = Complaints()

    async def run(self, doors: Sequence[Door], stop: trio.Event, task_status: trio.TaskStatus[Sequence[str]]) -> None:
        async with trio.open_nursery() as services:
            await services.start(self._recorder.run)
            services.start_soon(self._broadcast.run)
            hub = await self._restored_hub(services)
            websockets, http = self._engines(hub)
            front_door = FrontDoor(websockets, http)
            async with trio.open_nursery() as connections:
                async with trio.open_nursery() as accepting:
                    for door in doors:
                        accepting.start_soon(front_door.accept, door.listener, door.tls, connections)
                    task_status.started([door.url for door in doors])
                    await stop.wait()
                    _log.info("stopping")
                    accepting.cancel_scope.cancel()
                for door in doors:
                    door.listener.close()
                websockets.stop()
                await http.stop()
                connections.cancel_scope.deadline = trio.current_time() + _PEERS_LEAVE_SECONDS
                services.start_soon(self._cut_late, front_door)
            self._complaints.flush()
            await self._recorder.aclose()
            services.cancel_scope.cancel()
        _log.info("stopped")

    async def _restored_hub(self, services: trio.Nursery) -> Hub:
        def expired(object_id: int) -> None:
            _log.info("tracking timed out", object=object_id)
            hub.expire(object_id, time.time())

        def remind(reminder: Reminder) -> None:
            hub.remind(reminder, time.time())

        announcements = Announcements(_NAME, secrets.token_hex(8))
        hub = Hub(
            broadcast=self._broadcast,
            deadlines=Supervisor(services, expired),
            journal=self._recorder,
            searches=Searches(announcements, Supervisor(services, remind)),
            announcements=announcements,
            tracking_timeout=self._settings.tracking_timeout,
        )
        live = await trio.to_thread.run_sync(self._database.restore)
        hub.restore(live, time.time())
        if live:
            _log.info("tracking goes on", objects=len(live))
        return hub

    def _engines(self, hub: Hub) -> tuple[WebSocketServer, HttpServer]:
        settings = self._settings
        checkers = _checkers(settings)
        services = Services(hub, self._recorder, checkers, settings.auth_timeout, self._complaints)
        limits = Limits(settings.max_message_bytes, settings.max_outbox_bytes, settings.write_timeout)
        http_checker = None if settings.public_timelines else checkers[Kind.CLIENT]
        app = create_app(Reader(self._database), http_checker)
        return WebSocketServer(services, limits), HttpServer(app)

    async def _cut_late(self, front_door: FrontDoor) -> None:
        """Cut what is still there when time is up: Hypercorn shields its sends, so cancelling is not enough."""
        await trio.sleep(_PEERS_LEAVE_SECONDS)
        front_door.cut()


def _open_doors(settings: Settings) -> list[Door]:
    doors: list[Door] = []
    wanted: list[tuple[str, int, ssl.SSLContext | None]] = []
    if settings.http_port is not None:
        wanted.append(("HTTP_PORT", settings.http_port, None))
    if settings.tls is not None:
        context = settings.tls.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        wanted.append(("HTTPS_PORT", settings.https_port, context))
    for variable, port, tls in wanted:
        try:
            doors += [Door(listener, tls) for listener in open_listeners(settings.host, port)]
        except OSError as error:
            for door in doors:
                door.listener.close()
            raise _unfit_address(variable, settings, port, error) from None
    return doors


def _unfit_address(variable: str, settings: Settings, port: int, error: OSError) -> SettingsError:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return SettingsError(
            "HOST", f"{settings.host}: {error.strerror}", "an address of this machine, or none for all"
        )
    right = "a free port, or 0 to pick one"
    if error.errno == errno.EACCES:
        right = "a port from 1024 up, or the right to open lower ones"
    return SettingsError(variable, f"port {port} cannot be opened: {os.strerror(error.errno or 0)}", right)


def _open_database(settings: Settings) -> Database:
    try:
        return Database(settings.database_url.render_as_string(hide_password=False))
    except CannotOpen as error:
        raise SettingsError("DATABASE_URL", str(error), "the URL of a database that can be opened") from None


def _checkers(settings: Settings) -> dict[Kind, TokenChecker | None]:
    tokens = settings.tokens
    roles = {Kind.CLIENT: tokens and tokens.client_role, Kind.PROCESSOR: tokens and tokens.processor_role}
    return {kind: TokenChecker(tokens, role) if tokens and role else None for kind, role in roles.items()}
