"""Pages of objects, sightings and the audit: what is in them, and what they cost."""

from collections.abc import Iterator
from itertools import count, product
from random import Random
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert

from trio_orchestrator.store.audit import AuditFilter, audit_page
from trio_orchestrator.store.changes import Action
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.questions import (
    ObjectFilter,
    ObjectRecord,
    Question,
    SightingFilter,
    object_page,
    sighting_page,
)
from trio_orchestrator.store.schema import AUDIT, LONG_MILLISECONDS, OBJECTS, SIGHTINGS

_DAY: Final = LONG_MILLISECONDS
_MINUTE: Final = 60_000


def _put(database: Database, table: Any, rows: list[dict[str, object]]) -> None:
    with database._engines.writing() as connection:
        connection.execute(insert(table), rows)


def _object(object_id: int, started_at: int, stopped_at: int | None, camera_id: str = "cam") -> dict[str, object]:
    return {"id": object_id, "camera_id": camera_id, "started_at": started_at, "stopped_at": stopped_at}


# What is in them


def _is_meant(wanted: ObjectFilter, found: dict[str, Any]) -> bool:
    stopped_at = found["stopped_at"]
    return (
        (wanted.live is None or wanted.live is (stopped_at is None))
        and (wanted.camera_id is None or wanted.camera_id == found["camera_id"])
        and (wanted.since is None or stopped_at is None or stopped_at >= wanted.since)
        and (wanted.until is None or found["started_at"] < wanted.until)
    )


def _all_pages(database: Database, wanted: ObjectFilter, limit: int) -> Iterator[list[ObjectRecord]]:
    after = None
    while page := database.ask(object_page(wanted, after, limit)):
        yield page
        after = page[-1].started_at, page[-1].object_id


def test_a_page_of_objects_has_all_that_are_meant_and_no_others(database: Database) -> None:
    random = Random(7)
    rows: list[dict[str, Any]] = []
    for object_id in range(1, 301):
        started_at = 10 * _DAY + random.randrange(40) * _DAY // 4  # many in the same instant
        lasted = random.choice([0, 1, _DAY // 2, _DAY - 1, _DAY, _DAY + 1, 3 * _DAY, None, -_DAY])
        stopped_at = None if lasted is None else started_at + lasted
        rows.append(_object(object_id, started_at, stopped_at, random.choice(["a", "b", ""])))
    _put(database, OBJECTS, rows)
    rows.sort(key=lambda row: (row["started_at"], row["id"]), reverse=True)
    instants = (None, 0, 12 * _DAY, 15 * _DAY + 1, 17 * _DAY, 90 * _DAY)
    found = 0
    for live, camera_id, since, until in product((None, True, False), (None, "a", "nowhere"), instants, instants):
        wanted = ObjectFilter(live, camera_id, since, until)
        pages = list(_all_pages(database, wanted, 40))
        told = [record.object_id for page in pages for record in page]
        assert told == [row["id"] for row in rows if _is_meant(wanted, row)], wanted
        assert all(len(page) == 40 for page in pages[:-1])
        found += len(told)
    assert found > 10_000


# What they cost


def _cost(database: Database, question: Question[Any]) -> int:
    """About how many rows the database looks at to answer."""

    def ask(connection: Connection) -> int:
        if connection.dialect.name == "sqlite":
            return _tens_of_steps(connection, question)
        before = _rows_read(connection)
        question(connection)
        return _rows_read(connection) - before

    return database.ask(ask)


def _tens_of_steps(connection: Connection, question: Question[Any]) -> int:
    """How many times ten steps SQLite's machine goes, which is about what it needs for a row."""
    tens = count()
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(lambda: next(tens) and 0, 10)
    try:
        question(connection)
    finally:
        driver.set_progress_handler(None, 10)
    return next(tens)


def _rows_read(connection: Connection) -> int:
    read = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
    return int(connection.exec_driver_sql(read).scalar_one())


def _analyze(database: Database) -> None:
    """As PostgreSQL does by itself some time after many rows have come."""
    engine: Engine = database._engines._writing
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE")
            connection.commit()


_OBJECTS: Final = 20_000
_END: Final = _OBJECTS * 10 * _MINUTE
_MIDDLE: Final = _END // 2
_AT_MOST: Final = 1000  # rows, for a page of 100


def test_a_page_of_objects_costs_what_is_in_it_however_many_there_are(database: Database) -> None:
    # One each ten minutes on one camera: some are live, old ones and new ones, and some lasted for days.
    rows = []
    for object_id in range(1, _OBJECTS + 1):
        started_at = object_id * 10 * _MINUTE
        lasted = 3 * _DAY if object_id % 400 == 0 else 15 * _MINUTE
        is_live = object_id <= 3 or object_id > _OBJECTS - 3
        rows.append(_object(object_id, started_at, None if is_live else started_at + lasted))
    _put(database, OBJECTS, rows)
    _analyze(database)
    windows = [
        ObjectFilter(),
        ObjectFilter(since=_END),
        ObjectFilter(since=_MIDDLE),
        ObjectFilter(since=0),
        ObjectFilter(until=_MIDDLE),
        ObjectFilter(since=_MIDDLE, until=_MIDDLE + 20 * _MINUTE),
    ]
    places = (None, (_MIDDLE, _OBJECTS // 2), (20 * _MINUTE, 2))
    too_dear = {}
    for window, live, camera_id, after in product(windows, (None, True, False), (None, "cam"), places):
        wanted = window._replace(live=live, camera_id=camera_id)
        if (cost := _cost(database, object_page(wanted, after, 100))) > _AT_MOST:
            too_dear[wanted, after] = cost
    assert too_dear == {}


def test_a_later_page_of_a_window_costs_no_more(database: Database) -> None:
    _put(database, OBJECTS, [_object(1, 0, None)])
    look_up = {"action": Action.LOOKED_UP.value, "object_id": 1}
    _put(database, AUDIT, [look_up | {"at": second * 1000} for second in range(9000)])
    sighting = {"object_id": 1, "camera_id": "cam", "count": 1, "last_at": 0}
    seconds = [{"second": second, "first_at": second * 1000} for second in range(9000)]
    _put(database, SIGHTINGS, [sighting | second for second in seconds])
    _analyze(database)
    until = 9_000_000
    pages: list[Question[Any]] = [
        audit_page(AuditFilter(until=until), (5000, 6), 100),
        audit_page(AuditFilter(1, until=until), (5000, 6), 100),
        sighting_page(1, SightingFilter(since=0), (8900, "cam"), 100),
    ]
    costs = [_cost(database, page) for page in pages]
    assert max(costs) <= _AT_MOST, costs
