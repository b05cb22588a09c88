import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.clocks import WallClock
from trio_orchestrator.store.changes import Batch, Command, NoteBatch, OwnStop, SecondKey, SecondRow
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.errors import ChangeRefused, DatabaseLocked, DatabaseUnavailable
from trio_orchestrator.store.questions import TimelineEntry
from trio_orchestrator.store.schema import OBJECTS, SIGHTINGS, WRITERS
from trio_orchestrator.tracking.ports import Actor, LiveObject, NewObject, ObjectStop, StopReason

from .conftest import Stranger, lock, only_sqlite, refuse_images


def _start(
    database: Database, camera: str = "cam1", image: bytes = b"", timeout: float | None = None, by: str | None = None
) -> int:
    (object_id,) = database.apply(Batch([NewObject(camera, image, timeout, Actor(by))])).object_ids
    return object_id


def _note(database: Database, *rows: tuple[SecondKey, SecondRow]) -> None:
    assert database.apply(Batch(notes=NoteBatch(rows))).homeless_notes == 0


def _sightings(database: Database) -> list[tuple[object, ...]]:
    with database._engines.reading() as connection:
        return [tuple(row) for row in connection.execute(select(SIGHTINGS))]


def _ending(database: Database, object_id: int) -> tuple[object, ...]:
    ending = select(OBJECTS.c.stopped_at, OBJECTS.c.stop_reason, OBJECTS.c.stopped_by).where(OBJECTS.c.id == object_id)
    with database._engines.reading() as connection:
        return tuple(connection.execute(ending).one())


def test_ids_count_from_one_in_the_order_of_the_commands(database: Database) -> None:
    starts = [NewObject(f"cam{number}", b"", None, None) for number in range(3)]
    assert database.apply(Batch(starts)).object_ids == [1, 2, 3]
    assert database.apply(Batch([ObjectStop(2, None), starts[0]])).object_ids == [2, 4]
    assert database.object_ids() == [1, 2, 3, 4]


def test_an_id_is_not_given_twice_even_where_the_object_was_deleted(
    database: Database, stranger: Stranger, address: str
) -> None:
    assert [_start(database), _start(database)] == [1, 2]
    stranger.execute("DELETE FROM objects")
    assert _start(database) == 3
    database.close()
    stranger.execute("DELETE FROM objects")
    with closing(Database(address)) as again:
        assert _start(again) == 4


def test_what_was_live_is_restored_with_all_that_is_known_of_it(database: Database, wall_clock: WallClock) -> None:
    started_at = wall_clock.seconds
    plain = _start(database, "\0camera")
    rich = _start(database, image=b'"data:\\u0000"', timeout=60.25)
    stopped = _start(database, image=b'"x"')
    database.apply(Batch([ObjectStop(stopped, Actor("ann"))], NoteBatch(feature_maps={rich: b"[1]", stopped: b"[2]"})))
    database.apply(Batch(notes=NoteBatch(feature_maps={rich: b"[1.0]"})))
    wall_clock.seconds += 20
    assert database.restore() == [
        LiveObject(plain, b"", b"", None, "\0camera", started_at),
        LiveObject(rich, b'"data:\\u0000"', b"[1.0]", 40.25, "cam1", started_at),
    ]


def test_what_ran_out_meanwhile_is_stopped_as_of_that_instant(database: Database, wall_clock: WallClock) -> None:
    started_at = database.now()
    short, long = _start(database, timeout=10), _start(database, timeout=30.5)
    wall_clock.seconds += 10
    assert database.restore() == [LiveObject(long, b"", b"", 20.5, "cam1", started_at / 1000)]
    assert _ending(database, short) == (started_at + 10_000, "timeout", None)
    assert _ending(database, long) == (None, None, None)


def test_a_clock_set_back_does_not_lengthen_a_timeout(database: Database, wall_clock: WallClock) -> None:
    started_at = wall_clock.seconds
    object_id = _start(database, timeout=10)
    wall_clock.seconds -= 3600
    assert database.restore() == [LiveObject(object_id, b"", b"", 10, "cam1", started_at)]


def test_a_timeout_may_be_longer_than_an_instant_can_tell(database: Database) -> None:
    _start(database, timeout=1e300)
    (live,) = database.restore()
    assert live.remaining is not None
    assert live.remaining > 1e15


@only_sqlite
def test_what_is_committed_survives_a_kill(
    database: Database, wall_clock: WallClock, path: Path, tmp_path: Path
) -> None:
    object_id = _start(database, image=b'"i"')
    _note(database, ((object_id, "cam1", 7), SecondRow(1, 7.1, 7.1, None)))
    # What a killed process leaves: the files as they lie there, nothing closed.
    (tmp_path / "after").mkdir()
    for file in tmp_path.glob("orchestrator.db*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, tmp_path / "after" / file.name)
    with closing(Database(f"sqlite:///{tmp_path}/after/{path.name}")) as again:
        assert again.restore() == [LiveObject(object_id, b'"i"', b"", None, "cam1", wall_clock.seconds)]
        assert again.timeline(object_id) == [TimelineEntry(7, "cam1")]
        assert _start(again) == object_id + 1


def test_a_second_has_one_row_however_often_it_is_written(database: Database) -> None:
    key = (_start(database), "cam1", 1_795_000_000)
    at = float(key[2])
    _note(database, (key, SecondRow(2, at + 0.25, at + 0.5, None)))
    assert _sightings(database) == [(*_row_key(key), 2, 1_795_000_000_250, 1_795_000_000_500, None)]
    _note(database, (key, SecondRow(3, at + 0.125, at + 0.375, 0.5)))
    assert _sightings(database) == [(*_row_key(key), 5, 1_795_000_000_125, 1_795_000_000_500, 0.5)]
    _note(database, (key, SecondRow(1, at + 0.75, at + 0.75, 0.4)), (key, SecondRow(1, at + 0.75, at + 0.75, None)))
    assert _sightings(database) == [(*_row_key(key), 7, 1_795_000_000_125, 1_795_000_000_750, 0.5)]
    _note(database, (key, SecondRow(1, at + 0.5, at + 0.5, 0.9)))
    assert _sightings(database) == [(*_row_key(key), 8, 1_795_000_000_125, 1_795_000_000_750, 0.9)]


def _row_key(key: SecondKey) -> tuple[int, int, str]:
    object_id, camera_id, second = key
    return object_id, second, camera_id


def test_a_timeline_is_told_oldest_first_and_within_a_second_by_first_sighting(database: Database) -> None:
    one, other = _start(database), _start(database)
    _note(
        database,
        ((one, "b", 12), SecondRow(1, 12.5, 12.5, None)),
        ((one, "a", 12), SecondRow(1, 12.75, 12.75, None)),
        ((one, "z", 12), SecondRow(2, 12.25, 12.875, None)),
        ((other, "a", 11), SecondRow(1, 11, 11, None)),
        ((one, "a", 9), SecondRow(1, 9, 9, None)),
    )
    assert database.timeline(one) == [(9, "a"), (12, "z"), (12, "b"), (12, "a")]
    assert database.timeline(other) == [(11, "a")]


@only_sqlite
def test_a_timeline_comes_straight_from_the_key(database: Database, stranger: Stranger) -> None:
    plan = stranger.execute(
        "EXPLAIN QUERY PLAN SELECT second, camera_id FROM sightings WHERE object_id = 1"
        " ORDER BY second, first_at, camera_id"
    ).fetchall()
    steps = [step[-1] for step in plan]
    assert steps[0] == "SEARCH sightings USING PRIMARY KEY (object_id=?)"
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps  # within a second only


@only_sqlite
def test_the_live_objects_are_found_without_a_look_at_the_past_ones(database: Database, stranger: Stranger) -> None:
    plan = stranger.execute("EXPLAIN QUERY PLAN SELECT id FROM objects WHERE stopped_at IS NULL ORDER BY id").fetchall()
    assert [step[-1] for step in plan] == ["SCAN objects USING INDEX objects_live"]


@pytest.mark.parametrize("object_id", [0, -1, 99, 2**63 - 1, 2**63, 10**40])
def test_an_unknown_object_has_no_timeline(database: Database, object_id: int) -> None:
    assert database.timeline(object_id) == []


@pytest.mark.parametrize("camera_id", ["", "a\0b", "a", "\0", "Straße 🎥", "\ud800", "x" * 256])
def test_any_string_names_a_camera(database: Database, camera_id: str) -> None:
    object_id = _start(database, camera_id, by=camera_id)
    _note(
        database,
        ((object_id, camera_id, 5), SecondRow(1, 5, 5, None)),
        ((object_id, camera_id + "\0", 6), SecondRow(1, 6, 6, None)),
    )
    assert database.timeline(object_id) == [(5, camera_id), (6, camera_id + "\0")]


def test_a_stopped_object_stays_as_it_stopped_first(database: Database, wall_clock: WallClock) -> None:
    object_id = _start(database)
    at = database.now()
    assert database.apply(Batch([ObjectStop(object_id, Actor("ann"))])).object_ids == [object_id]
    wall_clock.seconds += 5
    late = NoteBatch(stops={object_id: OwnStop(StopReason.TIMEOUT, database.now())})
    assert database.apply(Batch([ObjectStop(object_id, Actor("bob"))], late)).object_ids == [object_id]
    assert _ending(database, object_id) == (at, "client", "ann")


def test_an_object_that_stopped_by_itself_did_so_when_it_was_noted(database: Database, wall_clock: WallClock) -> None:
    object_id, at = _start(database), database.now()
    wall_clock.seconds += 5
    database.apply(
        Batch([ObjectStop(object_id, Actor("ann"))], NoteBatch(stops={object_id: OwnStop(StopReason.TIMEOUT, at)}))
    )
    assert _ending(database, object_id) == (at, "timeout", None)


def test_notes_about_no_object_are_left_out_and_hold_nothing_up(database: Database) -> None:
    object_id = _start(database)
    row = SecondRow(1, 5, 5, None)
    notes = NoteBatch([((99, "a", 5), row), ((object_id, "a", 5), row)], {98: b"[]", object_id: b"[1]"})
    assert database.apply(Batch(notes=notes)).homeless_notes == 2
    assert database.timeline(object_id) == [(5, "a")]
    assert database.timeline(99) == []


def test_more_objects_than_fit_one_query(database: Database) -> None:
    ids = database.apply(Batch([NewObject("cam", b"", None, None)] * 1100)).object_ids
    rows = [((object_id, "cam", 5), SecondRow(1, 5, 5, None)) for object_id in ids]
    assert database.apply(Batch(notes=NoteBatch(rows))).homeless_notes == 0
    assert len(_sightings(database)) == 1100


def test_a_batch_is_written_whole_or_not_at_all(database: Database, stranger: Stranger) -> None:
    object_id = _start(database)
    refuse_images(stranger)
    commands: list[Command] = [
        NewObject("a", b"", None, None),
        ObjectStop(object_id, None),
        NewObject("b", b'"poison"', None, None),
    ]
    notes = NoteBatch([((object_id, "a", 5), SecondRow(1, 5, 5, None))])
    with pytest.raises(ChangeRefused, match=r"^no images today$"):
        database.apply(Batch(commands, notes))
    assert database.object_ids() == [object_id]
    assert len(database.restore()) == 1
    assert database.timeline(object_id) == []


def test_a_value_that_no_column_holds(database: Database) -> None:
    with pytest.raises(ChangeRefused):
        database.apply(Batch([ObjectStop(2**63, None)]))
    assert _start(database) == 1


def test_a_locked_database_changes_nothing_and_can_be_read(database: Database, stranger: Stranger) -> None:
    _start(database)
    lock(stranger)
    with pytest.raises(DatabaseLocked):
        _start(database)
    assert database.object_ids() == [1]
    stranger.execute("COMMIT")
    assert _start(database) == 2


@only_sqlite
def test_a_transaction_that_begins_by_reading_may_write(database: Database, stranger: Stranger) -> None:
    # Were the lock taken at the first write only, somebody else could change what was read, and the write fail.
    with database._engines.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        stranger.execute("PRAGMA busy_timeout = 0")
        stranger.execute("BEGIN IMMEDIATE")


@only_sqlite
def test_a_full_disk_changes_nothing(database: Database, stranger: Stranger) -> None:
    _start(database)
    with database._engines.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(DatabaseUnavailable, match="full"):
        _start(database, image=b"x" * 1_000_000)
    assert _start(database) == 2


def test_a_database_that_is_gone_is_an_error_of_ours(database: Database, stranger: Stranger) -> None:
    stranger.execute("ALTER TABLE sightings RENAME TO elsewhere")
    with pytest.raises(DatabaseUnavailable, match=r"no such table|does not exist"):
        database.timeline(1)


def test_errors_do_not_tell_what_was_to_be_written(database: Database, stranger: Stranger) -> None:
    refuse_images(stranger)
    with pytest.raises(ChangeRefused) as caught:
        _start(database, image=b'"a face"', by="ann")
    whole = f"{caught.value} {caught.value.__cause__}"
    assert "a face" not in whole
    assert "[parameters:" not in whole


def test_a_probe_writes_and_leaves_what_was_written_alone(database: Database, wall_clock: WallClock) -> None:
    def written() -> list[tuple[int, int]]:
        with database._engines.reading() as connection:
            rows = connection.execute(select(WRITERS.c.batch, WRITERS.c.written_at).order_by(WRITERS.c.batch.desc()))
            return [(row.batch, row.written_at) for row in rows]

    database.probe()
    applied = database.apply(Batch([NewObject("cam", b"", None, None)]))
    before = written()
    wall_clock.seconds += 5
    database.probe()
    assert written() == [before[0], (0, before[1][1] + 5000)]
    assert database.outcome() == applied
