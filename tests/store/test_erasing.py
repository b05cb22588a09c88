"""What is left of an object that was erased: its id, on either engine."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.clocks import WallClock
from trio_orchestrator.store import erasing
from trio_orchestrator.store.audit import AuditFilter, audit_page
from trio_orchestrator.store.changes import Action, AuditNote, Batch, NoteBatch, OwnStop, SecondRow
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.errors import ChangeRefused
from trio_orchestrator.store.questions import (
    ObjectFilter,
    object_id_page,
    object_page,
    one_object,
    stopped_before,
    was_erased,
    was_ever,
)
from trio_orchestrator.store.schema import METADATA
from trio_orchestrator.tracking.ports import Actor, NewObject, ObjectErasure, ObjectStop, StopReason

from .conftest import Stranger, only_sqlite, refuse

ANN, BOB = Actor("ann", "Ann"), Actor(address="192.0.2.7")


def _start(database: Database, by: Actor | None = ANN, image: bytes = b'"image"') -> int:
    (object_id,) = database.apply(Batch([NewObject("cam1", image, None, by)])).object_ids
    return object_id


def _fill(database: Database, object_id: int, seconds: int = 3) -> None:
    rows = [((object_id, "cam1", second), SecondRow(1, second, second, 0.5)) for second in range(seconds)]
    assert database.apply(Batch(notes=NoteBatch(rows, {object_id: b"[1]"}))).homeless_notes == 0


def _rows(database: Database, object_id: int) -> dict[str, int]:
    """How many rows of each table tell of an object."""

    def count(connection: Any) -> dict[str, int]:
        found = {}
        for table in METADATA.sorted_tables:
            if table.name != "writers":
                column = table.c["id" if table.name == "objects" else "object_id"]
                found[table.name] = connection.scalar(select(func.count()).where(column == object_id))
        return found

    return database.ask(count)


def _audit(database: Database) -> list[AuditNote]:
    return [record.note for record in reversed(database.ask(audit_page(AuditFilter(), None, 100)))]


def test_nothing_is_left_but_the_id(database: Database) -> None:
    erased, other = _start(database), _start(database)
    _fill(database, erased)
    _fill(database, other)
    database.apply(Batch([ObjectErasure(erased, BOB)]))
    kept = {"objects": 0, "images": 0, "feature_maps": 0, "sightings": 0, "tombstones": 1}
    assert {name: count for name, count in _rows(database, erased).items() if name != "audit"} == kept
    kept = {"objects": 1, "images": 1, "feature_maps": 1, "sightings": 3, "tombstones": 0}
    assert {name: count for name, count in _rows(database, other).items() if name != "audit"} == kept
    assert database.object_ids() == [erased, other]
    assert database.ask(was_erased(erased))
    assert database.ask(was_ever(erased))
    assert database.ask(one_object(erased)) is None
    assert _start(database) == other + 1


def test_ids_come_page_by_page_those_of_erased_objects_in_their_places(database: Database) -> None:
    for object_id in [_start(database) for _ in range(7)]:
        if object_id in (1, 4, 5):
            database.apply(Batch([ObjectErasure(object_id, None)]))
    pages = [database.ask(object_id_page(after, 3)) for after in (0, 3, 6, 7)]
    assert pages == [[1, 2, 3], [4, 5, 6], [7], []]
    assert database.ask(object_id_page(0, None)) == [1, 2, 3, 4, 5, 6, 7]


def test_a_long_timeline_is_erased_statement_by_statement(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "_ROWS_A_STATEMENT", 10)
    first, second = _start(database), _start(database)
    _fill(database, first, 55)
    _fill(database, second, 5)
    database.apply(Batch([ObjectErasure(first, None)]))
    assert _rows(database, first)["sightings"] == 0
    assert _rows(database, second)["sightings"] == 5


def test_all_of_it_or_nothing(database: Database) -> None:
    object_id = _start(database)
    _fill(database, object_id)
    too_large = ObjectStop(2**63, None)
    with pytest.raises(ChangeRefused):
        database.apply(Batch([ObjectErasure(object_id, None), too_large]))
    assert _rows(database, object_id)["sightings"] == 3
    assert not database.ask(was_erased(object_id))


def test_notes_that_come_late_are_left_out_and_are_no_wonder(database: Database) -> None:
    object_id = _start(database)
    database.apply(Batch([ObjectErasure(object_id, None)]))
    late = NoteBatch(
        [((object_id, "cam1", 5), SecondRow(1, 5, 5, None))],
        {object_id: b"[2]", 999: b"[]"},
        {object_id: OwnStop(StopReason.TIMEOUT, 5)},
    )
    assert database.apply(Batch(notes=late)).homeless_notes == 1
    assert _rows(database, object_id)["sightings"] == _rows(database, object_id)["feature_maps"] == 0


def test_what_is_noted_with_the_erasure_goes_too(database: Database) -> None:
    object_id = _start(database)
    notes = NoteBatch([((object_id, "cam1", 5), SecondRow(1, 5, 5, None))])
    database.apply(Batch([ObjectErasure(object_id, None)], notes))
    assert _rows(database, object_id)["sightings"] == 0


def test_erased_twice_and_never_there(database: Database) -> None:
    object_id = _start(database)
    for _ in range(2):
        assert database.apply(Batch([ObjectErasure(object_id, BOB)])).object_ids == [object_id]
    database.apply(Batch([ObjectErasure(99, BOB), ObjectStop(99, BOB), ObjectStop(object_id, BOB)]))
    assert [note.action for note in _audit(database)] == [Action.STARTED, Action.ERASED]
    assert not database.ask(was_ever(99))


def test_the_audit_is_written_with_the_change(database: Database, wall_clock: WallClock) -> None:
    now = database.now()
    object_id = _start(database)
    wall_clock.seconds += 1
    database.apply(Batch([ObjectStop(object_id, BOB)]))
    database.apply(Batch([ObjectStop(object_id, ANN)]))  # it has stopped
    note = AuditNote(now, Action.LOOKED_UP, object_id, BOB)
    database.apply(Batch(notes=NoteBatch(look_ups=[note])))
    database.apply(Batch([ObjectErasure(object_id, None)]))
    nobody = Actor()
    assert sorted(_audit(database)) == sorted(
        [
            AuditNote(now, Action.STARTED, object_id, ANN),
            note,
            AuditNote(now + 1000, Action.STOPPED, object_id, BOB),
            AuditNote(now + 1000, Action.ERASED, object_id, nobody),
        ]
    )


def test_the_audit_is_told_of_a_timeout_once_and_where_it_changed_something(
    database: Database, wall_clock: WallClock
) -> None:
    ran_out, stopped, erased = (_start(database) for _ in range(3))
    database.apply(Batch([ObjectStop(stopped, BOB), ObjectErasure(erased, BOB)]))
    at = database.now()
    wall_clock.seconds += 5
    timeouts = NoteBatch(stops={number: OwnStop(StopReason.TIMEOUT, at) for number in (ran_out, stopped, erased, 99)})
    database.apply(Batch([ObjectStop(ran_out, BOB)], timeouts))
    database.apply(Batch(notes=timeouts))
    record = database.ask(one_object(ran_out))
    assert record is not None
    assert (record.stopped_at, record.stop_reason) == (at, "timeout")
    assert [note for note in _audit(database) if note.action is Action.STOPPED] == [
        AuditNote(at, Action.STOPPED, stopped, BOB),
        AuditNote(at, Action.STOPPED, ran_out, Actor()),
    ]


def test_the_audit_is_told_once_of_a_timeout_that_ran_out_while_the_server_was_down(
    database: Database, wall_clock: WallClock
) -> None:
    short, long = (NewObject("cam1", b"", seconds, ANN) for seconds in (10, 30))
    ran_out, _live, stopped = database.apply(Batch([short, long, short])).object_ids
    at = database.now() + 10_000
    database.apply(Batch([ObjectStop(stopped, BOB)]))
    wall_clock.seconds += 20
    for _ in range(2):
        database.restore()
    by_themselves = [note for note in _audit(database) if note.actor == Actor()]
    assert by_themselves == [AuditNote(at, Action.STOPPED, ran_out, Actor())]


def test_a_timeout_that_the_audit_does_not_take_has_not_happened(database: Database, stranger: Stranger) -> None:
    first, second = _start(database), _start(database)
    refuse(stranger, "audit", "no ones today", f"NEW.object_id = {first}")
    timeouts = NoteBatch(stops={number: OwnStop(StopReason.TIMEOUT, database.now()) for number in (first, second)})
    assert database.apply(Batch(notes=timeouts)).refused_notes == 1
    assert [live.object_id for live in database.restore()] == [first]
    assert [note.object_id for note in _audit(database) if note.action is Action.STOPPED] == [second]


def test_a_start_that_was_taken_back_is_told(database: Database) -> None:
    object_id = _start(database)
    for _ in range(2):  # as where nobody learned that it had been done
        database.take_back([NewObject("cam1", b"", None, ANN)])
    assert database.object_ids() == []
    assert [note.action for note in _audit(database)] == [Action.STARTED, Action.WITHDRAWN]
    assert {note.object_id for note in _audit(database)} == {object_id}


@pytest.mark.parametrize("change", ["UPDATE audit SET action = 'x'", "DELETE FROM audit"])
def test_nobody_changes_the_audit(database: Database, stranger: Stranger, change: str) -> None:
    _start(database)
    with pytest.raises(Exception, match="never changed"):
        stranger.execute(change)
    if not isinstance(stranger, sqlite3.Connection):
        with contextlib.suppress(Exception):
            stranger.execute("ROLLBACK")
        with pytest.raises(Exception, match="never changed"):
            stranger.execute("TRUNCATE audit")
        stranger.execute("ROLLBACK")
    assert len(_audit(database)) == 1


def test_who_started_and_stopped_an_object(database: Database) -> None:
    object_id = _start(database)
    database.apply(Batch([ObjectStop(object_id, BOB)]))
    record = database.ask(one_object(object_id))
    assert record is not None
    assert (record.started_by, record.stopped_by, record.stop_reason) == (ANN, BOB, "client")
    assert database.ask(object_page(ObjectFilter(), None, 5)) == [record]


def test_which_objects_are_old(database: Database, wall_clock: WallClock) -> None:
    live, first, second = (_start(database) for _ in range(3))
    for object_id in (second, first):
        wall_clock.seconds += 10
        database.apply(Batch([ObjectStop(object_id, None)]))
    assert database.ask(stopped_before(database.now(), 5)) == [second]
    assert database.ask(stopped_before(database.now() + 1, 5)) == [second, first]
    assert database.ask(stopped_before(database.now() + 1, 1)) == [second]
    assert live not in database.ask(stopped_before(2**62, 5))


@only_sqlite
def test_the_bytes_are_gone_from_the_files(database: Database, tmp_path: Path) -> None:
    secrets = [b"needle-in-the-image", b"needle-in-the-features", b"needle-camera"]
    image = b'"' + secrets[0] * 5000 + b'"'
    (object_id,) = database.apply(Batch([NewObject(secrets[2].decode(), image, None, ANN)])).object_ids
    rows = [((object_id, secrets[2].decode(), second), SecondRow(1, second, second, None)) for second in range(500)]
    database.apply(Batch(notes=NoteBatch(rows, {object_id: b'"' + secrets[1] * 100 + b'"'})))
    _start(database)

    def found() -> list[bytes]:
        content = b"".join(path.read_bytes() for path in tmp_path.glob("orchestrator.db*") if path.suffix != ".lock")
        return [secret for secret in secrets if secret in content]

    assert found() == secrets
    database.apply(Batch([ObjectErasure(object_id, None)]))
    assert found() == []


@only_sqlite
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("ORDER BY started_at DESC, id DESC LIMIT 5", "objects_newest"),
        ("WHERE camera_id = x'00' ORDER BY started_at DESC, id DESC LIMIT 5", "objects_newest_on_camera"),
        ("WHERE started_at <= 5 AND (started_at < 5 OR id < 3) ORDER BY started_at DESC, id DESC", "objects_newest"),
        ("WHERE stopped_at < 5 ORDER BY stopped_at LIMIT 5", "objects_stopped"),
    ],
)
def test_lists_come_straight_from_an_index(database: Database, stranger: Stranger, query: str, index: str) -> None:
    plan = stranger.execute(f"EXPLAIN QUERY PLAN SELECT started_by FROM objects {query}").fetchall()
    steps = " ".join(step[-1] for step in plan)
    assert f"INDEX {index} " in steps + " "
    assert "TEMP B-TREE" not in steps
