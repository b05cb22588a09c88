"""The web application over a real database, asked in-process.

Worker threads are in play, so these tests run on the real clock; what is told of time is told by a clock that the test
sets.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import trio
from starlette.applications import Starlette

from tests.clocks import WallClock
from tests.store.recording import running
from tests.tracking.world import FakeBroadcast, FakeDeadlines, FakeOutbox
from trio_orchestrator.erasing import Eraser
from trio_orchestrator.net.api.access import Access
from trio_orchestrator.net.api.services import Services
from trio_orchestrator.net.http import create_app
from trio_orchestrator.protocol.inbound import Identifier
from trio_orchestrator.store.audit import AuditFilter, audit_page
from trio_orchestrator.store.changes import Batch, NoteBatch, OwnStop, SecondRow
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.reader import Reader
from trio_orchestrator.store.recorder import Recorder
from trio_orchestrator.tracking.announcements import Announcements
from trio_orchestrator.tracking.hub import Hub
from trio_orchestrator.tracking.ports import Actor, NewObject, ObjectStop, StopReason
from trio_orchestrator.tracking.searches import Searches

NOON: Final = 1_795_348_800  # 2026-11-22T12:00:00Z
OPEN: Final = Access(None, None, tokens_asked_for=False, anonymous_erasing=True)


@dataclass
class Archive:
    """What the tests work with; `at` in the methods is seconds after noon."""

    clock: WallClock
    database: Database
    recorder: Recorder
    hub: Hub
    eraser: Eraser
    app: Starlette
    http: httpx.AsyncClient

    def start(self, camera: str = "cam1", *, at: float = 0, image: bytes = b"", **more: Any) -> int:
        """An object comes into being, in the database only."""
        self.clock.seconds = NOON + at
        change = NewObject(camera, image, more.get("timeout"), more.get("by", Actor(address="192.0.2.7")))
        (object_id,) = self.database.apply(Batch([change])).object_ids
        return object_id

    def stop(self, object_id: int, *, at: float = 0, by: Actor | None = None) -> None:
        """It is stopped."""
        self.clock.seconds = NOON + at
        self.database.apply(Batch([ObjectStop(object_id, by)]))

    def expire(self, object_id: int, *, at: float) -> None:
        """Its time is over."""
        stop = OwnStop(StopReason.TIMEOUT, round((NOON + at) * 1000))
        self.database.apply(Batch(notes=NoteBatch(stops={object_id: stop})))

    def see(self, object_id: int, camera: str, *instants: float, certainty: float | None = None) -> None:
        """It is seen on a camera."""
        rows: dict[tuple[int, str, int], SecondRow] = {}
        for instant in instants:
            at = NOON + instant
            rows.setdefault((object_id, camera, int(at)), SecondRow(0, at, at, certainty)).absorb(
                SecondRow(1, at, at, certainty)
            )
        self.database.apply(Batch(notes=NoteBatch(list(rows.items()))))

    def see_every_second(self, object_id: int, cameras: Iterable[str], seconds: range) -> None:
        """It is seen on each camera in each second."""
        cameras = list(cameras)
        keys = [(object_id, camera, NOON + second) for second in seconds for camera in cameras]
        self.database.apply(Batch(notes=NoteBatch([(key, SecondRow(1, key[2], key[2], 0.5)) for key in keys])))

    def connect_camera(self, camera: str, *, at: float = 0) -> FakeOutbox:
        """A processor connects and identifies itself."""
        outbox = FakeOutbox()
        self.hub.receive(self.hub.connect_processor(outbox), Identifier(camera), NOON + at)
        return outbox

    async def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """What is told as JSON, with that status."""
        answer = await self.http.get(path, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    async def audited(self) -> list[tuple[str, int]]:
        """What the audit says was done, oldest first, once all of it is on disk."""
        with trio.fail_after(10):
            await self.recorder.flush()
        records = self.database.ask(audit_page(AuditFilter(), None, 1000))
        return [(record.note.action.value, record.note.object_id) for record in reversed(records)]


@asynccontextmanager
async def archive(address: str, access: Access = OPEN, *, visit_gap: float = 3) -> AsyncIterator[Archive]:
    """An archive over the database at `address`."""
    clock = WallClock(NOON)
    with closing(Database(address, clock=clock, busy_timeout=0.5)) as database:
        recorder, reader = Recorder(database), Reader(database)
        announcements = Announcements("test", "epoch")
        hub = Hub(
            broadcast=FakeBroadcast(),
            deadlines=FakeDeadlines(),
            journal=recorder,
            searches=Searches(announcements, FakeDeadlines()),
            announcements=announcements,
        )
        eraser = Eraser(reader, recorder, hub, clock)
        app = create_app(Services(reader, hub, eraser, recorder, access, visit_gap, clock))
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 50123))
        async with running(recorder), httpx.AsyncClient(transport=transport, base_url="http://orchestrator") as http:
            yield Archive(clock, database, recorder, hub, eraser, app, http)


def break_database(folder: Path) -> None:
    """Take the tables away."""
    with closing(sqlite3.connect(folder / "archive.db", isolation_level=None)) as stranger:
        for table in ("objects", "sightings", "tombstones", "audit"):
            stranger.execute(f"ALTER TABLE {table} RENAME TO {table}_elsewhere")
