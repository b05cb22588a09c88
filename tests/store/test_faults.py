"""Databases that break while the recorder works, really: a full disk, a file that goes, a server that does.

Whatever it is: notes wait, commands fail and change nothing, and all catches up once it is over.
"""

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeAlias

import pytest
import trio
from structlog.testing import capture_logs

from tests import postgresql as servers
from tests.disks import fill, small_disk
from trio_orchestrator.protocol.errors import StorageUnavailable
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.errors import CannotOpen, DatabaseUnavailable
from trio_orchestrator.store.recorder import Recorder
from trio_orchestrator.tracking.ports import ObjectStop, Pending, StopReason

from .recording import new_object, no_effect, running, until

Fault: TypeAlias = Callable[[], None]

_LARGE = b'"' + b"x" * 3_000_000 + b'"'


async def _assert_all_catches_up(database: Database, break_it: Fault, mend_it: Fault, image: bytes = b"") -> None:
    begun: list[int] = []
    recorder = Recorder(database, max_waiting_rows=50)
    with capture_logs() as log:
        async with running(recorder):
            await recorder.commit(new_object(no_effect))
            await recorder.commit(new_object(no_effect))
            break_it()
            for number in range(2):
                recorder.sighted("cam", number + 0.5, (1,), (0.5,))
                with pytest.raises(StorageUnavailable):
                    await recorder.commit(new_object(begun.append, image=image))
            with pytest.raises(StorageUnavailable):
                await recorder.commit(Pending(ObjectStop(1, None), begun.append, None))
            began = time.monotonic()
            for second in range(2, 100):
                recorder.sighted("cam", second + 0.5, (1,), (0.5,))
            recorder.feature_map_changed(1, b"[1]")
            recorder.stopped(2, StopReason.TIMEOUT)
            assert time.monotonic() - began < 0.5
            assert begun == []
            assert recorder.statistics().waiting_rows <= 52

            mend_it()
            await recorder.flush()
            await recorder.commit(new_object(begun.append, image=image))
            statistics = recorder.statistics()
    assert len(begun) == 1
    assert database.object_ids() == [1, 2, *begun]
    assert [(live.object_id, live.feature_map) for live in database.restore()] == [(1, b"[1]"), (begun[0], b"")]
    assert _sightings(database) == 100
    assert len(database.timeline(1)) == 100 - statistics.merged_rows
    assert statistics.merged_rows >= 48
    assert not statistics.in_trouble
    events = [entry["event"] for entry in log]
    for event in (
        "the database takes no changes, notes wait and commands fail",
        "too many sightings wait for the database, seconds were merged",
        "the database takes changes again",
    ):
        assert events.count(event) == 1


def _sightings(database: Database) -> int:
    with database._engines.reading() as connection:
        counted = connection.exec_driver_sql("SELECT sum(count) FROM sightings").scalar_one()
        return int(counted)


# SQLite


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path, 8), closing(Database(f"sqlite:///{tmp_path}/orchestrator.db")) as database:
        filler = tmp_path / "filler"
        await _assert_all_catches_up(database, lambda: fill(filler), filler.unlink, _LARGE)


async def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ExitStack() as at_the_end, closing(Database(f"sqlite:///{tmp_path}/orchestrator.db")) as database:
        at_the_end.callback(resource.setrlimit, resource.RLIMIT_FSIZE, before)

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))

        await _assert_all_catches_up(database, limit, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before), _LARGE)


async def test_a_file_that_was_moved_away_and_back(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "orchestrator.db", tmp_path / "elsewhere.db"
    with closing(Database(f"sqlite:///{path}")) as database:
        await _assert_all_catches_up(database, lambda: _move(path, elsewhere), lambda: _move(elsewhere, path))


def _move(source: Path, target: Path) -> None:
    source.rename(target)


async def test_a_file_that_was_replaced_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "orchestrator.db"
    Database(f"sqlite:///{tmp_path}/other.db").close()
    with closing(Database(f"sqlite:///{path}")) as database:
        recorder = Recorder(database, closing_time=0.1)
        async with running(recorder):
            await recorder.commit(new_object(no_effect))
            (tmp_path / "other.db").rename(path)
            with pytest.raises(StorageUnavailable):
                await recorder.commit(new_object(no_effect))
            with pytest.raises(DatabaseUnavailable, match="was removed or replaced while in use"):
                database.object_ids()


def test_a_disk_that_may_only_be_read(tmp_path: Path) -> None:
    with small_disk(tmp_path, 8):
        Database(f"sqlite:///{tmp_path}/orchestrator.db").close()
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        with pytest.raises(CannotOpen) as caught:
            Database(f"sqlite:///{tmp_path}/orchestrator.db")
        assert str(caught.value).endswith("orchestrator.db.lock cannot be opened: Read-only file system")


# PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[servers.PostgreSql]:
    """One to break: others are not to notice."""
    with servers.running() as server:
        yield server


@pytest.fixture
def distant(server: servers.PostgreSql) -> Iterator[Database]:
    with closing(Database(server.new_database(), busy_timeout=0.1)) as database:
        yield database


async def test_a_server_that_is_stopped(server: servers.PostgreSql, distant: Database) -> None:
    await _assert_all_catches_up(distant, server.stop, server.start)


async def test_a_server_that_is_killed(server: servers.PostgreSql, distant: Database) -> None:
    await _assert_all_catches_up(distant, server.kill, server.start)


async def test_a_server_that_hangs(server: servers.PostgreSql, distant: Database) -> None:
    await _assert_all_catches_up(distant, server.freeze, server.thaw)


async def test_the_recorder_ends_though_the_server_hangs(server: servers.PostgreSql) -> None:
    with closing(Database(server.new_database(), busy_timeout=30)) as patient, ExitStack() as at_the_end:
        recorder = Recorder(patient, closing_time=0.5)
        with capture_logs() as log:
            async with running(recorder), trio.open_nursery() as senders:
                await recorder.commit(new_object(no_effect))
                server.freeze()
                at_the_end.callback(server.thaw)
                senders.start_soon(_fail, recorder)
                recorder.sighted("cam", 5.0, (1,), (None,))
                await until(lambda: recorder.statistics().waiting_commands == 0)
                with trio.fail_after(3):
                    await recorder.aclose()
        assert log[-1]["event"] == "the database took no changes until the end, notes are lost"
        server.thaw()
        await until(lambda: recorder._writer._thread.borrowed_tokens == 0)  # the thread that was left behind ends


async def _fail(recorder: Recorder) -> None:
    with pytest.raises(StorageUnavailable):
        await recorder.commit(new_object(no_effect))


def test_a_server_that_hangs_is_told_at_the_start(server: servers.PostgreSql) -> None:
    address = server.new_database()
    server.freeze()
    try:
        with pytest.raises(CannotOpen) as caught:
            Database(address)
    finally:
        server.thaw()
    assert "timeout" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_at_the_start() -> None:
    pytest.importorskip("psycopg")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, pytest.raises(CannotOpen) as caught:
        Database(f"postgresql+psycopg://us:s3cret@/x?host={folder}")
    assert "cannot open the database postgresql+psycopg://us:***@/x: " in str(caught.value)
    assert "\n" not in str(caught.value)
