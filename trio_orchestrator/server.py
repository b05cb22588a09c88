"""The composition root: builds every part, owns the nursery tree, and stops it all in order.

    services                    the recorder, the broadcast, one task a live object (the supervisor)
    └── connections             one task a connection
        └── doors               one task a listening socket

Stopping goes from the leaves to the root: no new connections, then the peers are told and leave, then what waits is
written, then the services end.
"""

import itertools
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from typing import Final, NamedTuple

import structlog
import trio

from .auth import FixedKey, Keys, KeyServer, TokenChecker
from .connections.broadcast import Broadcast
from .connections.session import Kind, Services
from .connections.traffic import Traffic
from .doors import Door, Listening, open_doors, renew
from .erasing import Eraser
from .logs import Complaints
from .loop_watch import LoopWatch
from .metrics import Metrics, Sources
from .net.admin import admin_app, admin_routes
from .net.admission import Admission, connections_that_fit
from .net.api.access import Access
from .net.api.services import Services as Archive
from .net.asgi import behind, counted
from .net.forwarded import Proxies
from .net.front_door import FrontDoor
from .net.http import create_app
from .net.http_server import HttpServer
from .net.read_loop import ReadLoop
from .net.websocket import Limits, WebSocketServer
from .readiness import Readiness
from .settings import Settings, SettingsError
from .store.database import Database
from .store.errors import CannotOpen
from .store.reader import Reader
from .store.recorder import Recorder
from .supervisor import Supervisor
from .tracking.announcements import Announcements
from .tracking.hub import Hub
from .tracking.limits import ObjectLimits, Takeovers
from .tracking.ports import Reminder
from .tracking.searches import Searches

_PEERS_LEAVE_SECONDS: Final = 3.5
"""How long peers have to leave once the server stops; with what the recorder may take this stays under 10 s."""

_NAME: Final = f"trio_orchestrator/{version('trio-orchestrator')}"

_ADMINS: Final = 64
"""How many connections the port for administration takes."""

_log = structlog.get_logger(__name__)


async def serve(
    settings: Settings,
    *,
    stop: trio.Event,
    renewals: AsyncIterable[object] | None = None,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the orchestrator until `stop` is set and everything has ended.

    Args:
        settings: what to do.
        stop: to be set by whoever wants it to stop, which then takes less than 10 seconds whatever the peers do.
        renewals: something comes out of it whenever the certificate is to be read again; None for never.
        task_status: told where it listens, once it does.

    Raises:
        SettingsError: a port cannot be opened, or the database cannot.
    """
    doors = open_doors(settings)
    try:
        database = await trio.to_thread.run_sync(_open_database, settings)
        try:
            await _Orchestrator(settings, database).run(doors, stop, renewals, task_status)
        finally:
            database.close()
    finally:
        for door in doors:
            door.listener.close()


class _Engines(NamedTuple):
    """What serves connections, once they are accepted; those for administration serve nobody without its port."""

    websockets: WebSocketServer
    http: HttpServer
    admin_http: HttpServer
    door: FrontDoor
    admin_door: FrontDoor


class _Orchestrator:
    """All parts, put together."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._reader = Reader(database)
        self._recorder = Recorder(database)
        self._broadcast = Broadcast()
        self._read_loop = ReadLoop(self._broadcast.tick, self._broadcast.frames_a_tick)
        self._complaints = Complaints()
        # Of their own, as those about messages have a kind for each connection and might leave no room.
        self._faults = Complaints()
        self._traffic = Traffic()
        self._loop_watch = LoopWatch()
        self._readiness = Readiness(self._recorder.probe, lambda: self._recorder.is_stuck)
        self._keys = _keys(settings)

    async def run(
        self,
        doors: Sequence[Door],
        stop: trio.Event,
        renewals: AsyncIterable[object] | None,
        task_status: trio.TaskStatus[Listening],
    ) -> None:
        """Own every task from the start to the stop: what serves ends only after all that is served."""
        async with trio.open_nursery() as services:
            await services.start(self._recorder.run)
            services.start_soon(self._broadcast.run)
            services.start_soon(self._read_loop.run)
            services.start_soon(self._loop_watch.run)
            if isinstance(self._keys, KeyServer):
                services.start_soon(self._keys.run)
            hub = await self._restored_hub(services)
            eraser = Eraser(self._reader, self._recorder, hub, time.time)
            if self._settings.retention_days is not None:
                services.start_soon(eraser.erase_old, self._settings.retention_days)
            engines = self._engines(hub, eraser, doors)
            services.start_soon(engines.websockets.run)
            async with trio.open_nursery() as connections:
                async with trio.open_nursery() as accepting:
                    for door in doors:
                        front_door = engines.admin_door if door.is_admin else engines.door
                        accepting.start_soon(front_door.accept, door.listener, door.tls, connections)
                    accepting.start_soon(renew, doors, renewals)
                    self._readiness.listening = True
                    task_status.started(Listening.at(doors))
                    await stop.wait()
                    _log.info("stopping")
                    self._readiness.stopping = True
                    accepting.cancel_scope.cancel()
                for door in doors:
                    door.listener.close()
                engines.websockets.stop()
                for http in (engines.http, engines.admin_http):
                    await http.stop()
                connections.cancel_scope.deadline = trio.current_time() + _PEERS_LEAVE_SECONDS
                services.start_soon(self._cut_late, engines.door, engines.admin_door)
            for complaints in (self._complaints, self._faults):
                complaints.flush()
            await self._recorder.aclose()
            services.cancel_scope.cancel()
        _log.info("stopped")

    async def _restored_hub(self, services: trio.Nursery) -> Hub:
        def expired(object_id: int) -> None:
            _log.info("tracking timed out", object=object_id)
            hub.objects.expire(object_id, time.time())

        def remind(reminder: Reminder) -> None:
            hub.objects.remind(reminder, time.time())

        def contested(camera_id: str) -> None:
            _log.warning("processors keep taking a camera from each other and are slowed down", camera=camera_id)

        announcements = Announcements(_NAME, secrets.token_hex(8))
        hub = Hub(
            broadcast=self._broadcast,
            deadlines=Supervisor(services, expired),
            journal=self._recorder,
            searches=Searches(
                announcements,
                Supervisor(services, remind),
                visit_gap=self._settings.visit_gap,
                answer_timeout=self._settings.answer_timeout,
            ),
            announcements=announcements,
            tracking_timeout=self._settings.tracking_timeout,
            limits=ObjectLimits(
                self._settings.max_objects, self._settings.max_image_bytes, self._settings.max_feature_map_bytes
            ),
            takeovers=Takeovers(contested),
        )
        live = await trio.to_thread.run_sync(self._database.restore)
        hub.objects.restore(live, time.time())
        if live:
            _log.info("tracking goes on", objects=len(live))
        return hub

    def _engines(self, hub: Hub, eraser: Eraser, doors: Sequence[Door]) -> _Engines:
        settings = self._settings
        checkers = _checkers(settings, self._keys)
        services = Services(
            hub, self._recorder, checkers, settings.auth_timeout, self._complaints, traffic=self._traffic
        )
        websockets = WebSocketServer(services, _limits(settings), self._read_loop, settings.allowed_origins)
        proxies = Proxies(settings.forwarded_allow_ips)
        answers: Counter[str] = Counter()
        metrics = Metrics(
            Sources(
                doors=lambda: door.statistics(),
                websockets=websockets.statistics,
                http=lambda: answers,
                traffic=self._traffic.statistics,
                broadcast=self._broadcast.statistics,
                hub=hub.statistics,
                recorder=self._recorder.statistics,
                reader=self._reader.statistics,
                loop=self._loop_watch.statistics,
                certificate_expires_at=lambda: min((door.tls.expires_at for door in doors if door.tls), default=None),
            )
        )
        for_admins = admin_routes(metrics.render, self._readiness)
        room_for_admins = Admission(_ADMINS, _ADMINS)
        room = Admission(_room(settings, room_for_admins), settings.max_connections_per_address)
        admins = _checker(settings, self._keys, "admin_role")
        access = Access.of(settings, checkers[Kind.CLIENT], admins, self._traffic.authentications)
        archive = Archive(self._reader, hub, eraser, self._recorder, access, settings.visit_gap, time.time)
        app = create_app(archive, () if settings.admin_port is not None else for_admins, self._faults)
        http = HttpServer(
            counted(answers, behind(proxies, room, app)),
            max_head_bytes=settings.max_request_head_bytes,
            head_timeout=settings.request_head_timeout,
            complaints=self._faults,
        )
        admin_http = HttpServer(
            admin_app(for_admins), head_timeout=settings.request_head_timeout, complaints=self._faults
        )
        opened = partial(_front_door, settings, complaints=self._faults, numbers=itertools.count(1))
        door = opened(websockets, http, proxies, room)
        admin_door = opened(None, admin_http, Proxies(()), room_for_admins)
        return _Engines(websockets, http, admin_http, door, admin_door)

    async def _cut_late(self, *front_doors: FrontDoor) -> None:
        """Cut what is still there when time is up: Hypercorn shields its sends, so cancelling is not enough."""
        await trio.sleep(_PEERS_LEAVE_SECONDS)
        for front_door in front_doors:
            front_door.cut()


def _open_database(settings: Settings) -> Database:
    try:
        return Database(settings.database_url.render_as_string(hide_password=False))
    except CannotOpen as error:
        raise SettingsError("DATABASE_URL", str(error), "the URL of a database that can be opened") from None


def _room(settings: Settings, for_admins: Admission) -> int:
    """How many connections there may be: as many as the settings say, unless the system allows less."""
    room = connections_that_fit(settings.max_connections, [for_admins] if settings.admin_port is not None else [])
    if room < settings.max_connections:
        _log.warning("the system allows too few open files for MAX_CONNECTIONS", connections=room)
    return room


def _front_door(
    settings: Settings,
    websockets: WebSocketServer | None,
    http: HttpServer,
    proxies: Proxies,
    room: Admission,
    complaints: Complaints,
    numbers: Iterator[int],
) -> FrontDoor:
    return FrontDoor(
        websockets,
        http,
        proxies=proxies,
        admission=room,
        max_head_bytes=settings.max_request_head_bytes,
        head_timeout=settings.request_head_timeout,
        handshake_timeout=settings.tls_handshake_timeout,
        close_timeout=settings.close_timeout,
        complaints=complaints,
        numbers=numbers,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_message_bytes=settings.max_message_bytes,
        max_outbox_bytes=settings.max_outbox_bytes,
        write_timeout=settings.write_timeout,
        handshake_timeout=settings.request_head_timeout,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        close_timeout=settings.close_timeout,
    )


def _keys(settings: Settings) -> Keys | None:
    """Where the keys of tokens come from; None where no token is asked for."""
    tokens = settings.tokens
    if tokens is None:
        return None
    if tokens.jwks_url is not None:
        return KeyServer(tokens.jwks_url, tokens.algorithms)
    assert tokens.public_key is not None
    return FixedKey(tokens.public_key, tokens.algorithms)


def _checkers(settings: Settings, keys: Keys | None) -> dict[Kind, TokenChecker | None]:
    return {kind: _checker(settings, keys, f"{kind.value}_role") for kind in Kind}


def _checker(settings: Settings, keys: Keys | None, which: str) -> TokenChecker | None:
    """Who checks tokens for one of the roles that the settings name; None where they do not name it."""
    role: str | None = getattr(settings.tokens, which) if settings.tokens else None
    return TokenChecker(settings.tokens, role, keys) if settings.tokens and keys and role else None
