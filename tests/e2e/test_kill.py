"""kill -9 at any moment under load, again and again: what was told is kept, and counted once.

`KILL_ROUNDS=50` makes it long; each round takes three to six seconds.
"""

import contextlib
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, text
from websockets.exceptions import ConnectionClosed

from . import web
from .conftest import StartProcess
from .peers import Peer, client, processor
from .running import ServerProcess, Urls

if TYPE_CHECKING:
    from tests.postgresql import PostgreSql

_ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
_CAMERAS = ("entrance", "corridor", "stairs")
_OPERATORS = 3
_LIVE_EACH = 4  # objects that an operator lets live at a time
_FRAMES_A_SECOND = 50
_ON_DISK_WITHIN = 2.0  # seconds after which no sighting may be missing
_SLOWEST_KILL = 4.0


@dataclass
class _Told:
    """What the server has told, and what it was told, over all rounds.

    Attributes:
        images: the image of each object that was accepted or announced.
        stopping: objects that a `stop` was sent for.
        stopped: those of which it was accepted.
        seen: of each frame, when it was sent (monotonic), by which camera, and the objects in it.
    """

    images: dict[int, str] = field(default_factory=dict)
    stopping: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    seen: list[tuple[float, str, tuple[int, ...]]] = field(default_factory=list)


class _Load:
    """Cameras, operators and one who watches, each a thread; they end with the server."""

    def __init__(self, urls: Urls, told: _Told) -> None:
        self._told = told
        self._live: list[int] = [number for number in told.images if number not in told.stopping][-20:]
        self._number = len(told.images)
        self._faults: list[BaseException] = []
        self._ends: list[Peer] = []
        watcher = self._kept(client(urls, images=True))
        cameras = {camera: self._kept(processor(urls, camera)) for camera in _CAMERAS}
        operators = [self._kept(client(urls)) for _ in range(_OPERATORS)]
        self._threads = [
            threading.Thread(target=self._until_the_end, args=(self._watch, watcher)),
            *(threading.Thread(target=self._until_the_end, args=(self._film, *item)) for item in cameras.items()),
            *(threading.Thread(target=self._until_the_end, args=(self._operate, each)) for each in operators),
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all have noticed that the server is gone."""
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        for peer in self._ends:
            peer.close()
        assert not self._faults, self._faults

    def _kept(self, peer: Peer) -> Peer:
        self._ends.append(peer)
        return peer

    def _until_the_end(self, what: object, *arguments: object) -> None:
        try:
            assert callable(what)
            what(*arguments)
        except (ConnectionClosed, OSError):
            pass
        except BaseException as fault:
            self._faults.append(fault)

    def _watch(self, watcher: Peer) -> None:
        while True:
            message = watcher.hear(60)
            if message["type"] == "newObject":
                self._began(message["objectId"], message["image"])

    def _film(self, camera: str, peer: Peer) -> None:
        frame = 0.5
        while True:
            objects = tuple(self._live)
            self._told.seen.append((time.monotonic(), camera, objects))
            peer.say("boundingBoxes", frameId=frame, boxes=[{"objectId": number} for number in objects])
            frame += 1 / _FRAMES_A_SECOND
            with contextlib.suppress(TimeoutError):
                while True:  # what it is told costs the server memory unless it is read
                    peer.hear_text(1 / _FRAMES_A_SECOND)

    def _operate(self, peer: Peer) -> None:
        mine: list[int] = []
        while True:
            self._number += 1
            image = f"face {self._number} " + "A" * random.choice((10, 20_000))
            peer.say("start", cameraId=random.choice(_CAMERAS), image=image, requestId="start")
            number = _accepted(peer, "start")
            self._began(number, image)
            mine.append(number)
            self._live.append(number)
            if len(mine) > _LIVE_EACH:
                oldest = mine.pop(0)
                self._live.remove(oldest)
                self._told.stopping.add(oldest)
                peer.say("stop", objectId=oldest, requestId="stop")
                _accepted(peer, "stop")
                self._told.stopped.add(oldest)
            time.sleep(random.uniform(0, 0.03))

    def _began(self, number: int, image: str) -> None:
        kept = self._told.images.setdefault(number, image)
        assert kept == image, f"the id {number} was given twice"


def _accepted(peer: Peer, request: str) -> int:
    while (message := peer.hear(60)).get("requestId") != request:
        pass
    assert message["type"] == "accepted", message
    number: int = message["objectId"]
    return number


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'orchestrator.db'}"
    server: PostgreSql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    engine = create_engine(address)
    yield engine
    engine.dispose()


def test_nothing_that_was_told_is_lost_by_a_kill(start_process: StartProcess, address: str, engine: Engine) -> None:
    told = _Told()
    seed = random.randrange(2**32)
    random.seed(seed)
    for number in range(_ROUNDS):
        server = start_process(DATABASE_URL=address)
        _assert_all_is_there(server, told, engine)
        load = _Load(server.urls, told)
        # Some kills come at once, and one comes late enough that sightings must be on disk.
        time.sleep(_SLOWEST_KILL if number == 0 else random.uniform(0.05, _SLOWEST_KILL))
        kept_before = time.monotonic() - _ON_DISK_WITHIN
        server.kill()
        load.join()
        _assert_sightings(told, kept_before, engine, f"round {number} of seed {seed}")
    server = start_process(DATABASE_URL=address)
    _assert_all_is_there(server, told, engine)
    assert server.stop() == 0
    assert len(told.stopped) > 10
    assert sum(len(objects) for _, _, objects in told.seen) > 1000


def _assert_all_is_there(server: ServerProcess, told: _Told, engine: Engine) -> None:
    ids = web.get(f"{server.urls.plain}/objectIds").json()["data"]
    assert ids == sorted(set(ids))
    assert set(told.images) <= set(ids)
    with client(server.urls, images=True) as late:
        live: dict[int, str] = {message["objectId"]: message["image"] for message in _heard(late)}
    assert told.stopped.isdisjoint(live)
    for number, image in told.images.items():
        if number not in told.stopping:
            assert live[number] == image
    # What nobody was told of may be there as well, should its answer have been on the way.
    told.images.update(live)
    told.stopping.update(number for number in ids if number not in live)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).fetchall() == [("ok",)]
            assert connection.execute(text("PRAGMA foreign_key_check")).fetchall() == []


def _heard(peer: Peer) -> Iterable[dict[str, Any]]:
    peer.settle()
    while True:
        try:
            yield peer.hear(0.01)
        except TimeoutError:
            return


def _assert_sightings(told: _Told, kept_before: float, engine: Engine, context: str) -> None:
    """None that is older than `kept_before` is missing, and none is counted twice."""
    least: Counter[tuple[int, str]] = Counter()
    most: Counter[tuple[int, str]] = Counter()
    for at, camera, objects in told.seen:
        for number in objects:
            most[number, camera] += 1
            if at < kept_before:
                least[number, camera] += 1
    # A round that is over cannot gain any more: what was lost of it is forgotten, what was kept must stay.
    counted = text("SELECT object_id, camera_id, sum(count) FROM sightings GROUP BY object_id, camera_id")
    with engine.connect() as connection:
        kept = {(row[0], bytes(row[1]).decode()): int(row[2]) for row in connection.execute(counted)}
    for key, count in least.items():
        assert kept.get(key, 0) >= count, (key, context)
    for key, count in kept.items():
        assert count <= most[key], (key, context)
    told.seen[:] = [(-1.0, camera, (number,)) for (number, camera), count in kept.items() for _ in range(count)]
