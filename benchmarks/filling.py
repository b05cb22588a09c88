"""Databases as they are after years, filled fast: rows in the order in which they would have come."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final, LiteralString, TypeAlias

import psycopg

from trio_orchestrator.store.database import Database

SECONDS_EACH: Final = 1000
"""For how many seconds each object was seen, once a second."""

_AT_A_TIME: Final = 100  # objects that are live together: their rows come in turns
_SECONDS_A_CAMERA: Final = 50
_FIRST_SECOND: Final = 1_700_000_000
_ROWS_A_TRANSACTION: Final = 100_000

_OBJECTS: Final[LiteralString] = "objects (id, camera_id, started_at, started_by, stopped_at, stop_reason)"
_SIGHTINGS: Final[LiteralString] = "sightings (object_id, second, camera_id, count, first_at, last_at, best_certainty)"

_Row: TypeAlias = tuple[Any, ...]


def fill(address: str, objects: int, *, rows: bool = True, live: int = 0) -> None:
    """Fill an empty database.

    Args:
        address: its URL.
        objects: how many past objects it is to have, with the ids from 1 on.
        rows: whether each is to have `SECONDS_EACH` rows of sightings.
        live: how many live objects it is to have as well, each with an image and a feature map.
    """
    Database(address).close()
    tables: list[tuple[LiteralString, Iterator[_Row]]] = [
        (_OBJECTS, _past(objects)),
        (_OBJECTS, _live(objects, live)),
        ("images (object_id, image)", _blobs(objects, live, 20_000)),
        ("feature_maps (object_id, feature_map)", _blobs(objects, live, 2_000)),
    ]
    if rows:
        tables.append((_SIGHTINGS, _sightings(objects)))
    if address.startswith("sqlite"):
        _fill_sqlite(address.removeprefix("sqlite:///"), tables)
    else:
        _fill_postgresql(address.replace("+psycopg", ""), tables)


def _fill_sqlite(path: str, tables: list[tuple[LiteralString, Iterator[_Row]]]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        for table, rows in tables:
            places = ", ".join("?" * (table.count(",") + 1))
            while some := list(islice(rows, _ROWS_A_TRANSACTION)):
                connection.execute("BEGIN")
                connection.executemany(f"INSERT INTO {table} VALUES ({places})", some)  # noqa: S608 - our own
                connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_postgresql(conninfo: str, tables: list[tuple[LiteralString, Iterator[_Row]]]) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for table, rows in tables:
            with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("SELECT setval(pg_get_serial_sequence('objects', 'id'), max(id)) FROM objects")
        connection.execute("VACUUM ANALYZE")  # as PostgreSQL does by itself, sooner or later
        connection.execute("CHECKPOINT")


def _past(objects: int) -> Iterator[_Row]:
    for number in range(objects):
        began = (_FIRST_SECOND + _cohort_begins(number)) * 1000
        yield number + 1, _camera(number, 0), began, b"operator", began + SECONDS_EACH * 1000, "client"


def _live(objects: int, live: int) -> Iterator[_Row]:
    for number in range(objects, objects + live):
        yield number + 1, _camera(number, 0), (_FIRST_SECOND + _cohort_begins(number)) * 1000, b"operator", None, None


def _blobs(objects: int, live: int, size: int) -> Iterator[_Row]:
    for number in range(objects, objects + live):
        yield number + 1, b'"' + b"A" * size + b'"'


def _sightings(objects: int) -> Iterator[_Row]:
    for first in range(0, objects, _AT_A_TIME):
        cohort = range(first, min(first + _AT_A_TIME, objects))
        began = _FIRST_SECOND + _cohort_begins(first)
        for second in range(SECONDS_EACH):
            at = began + second
            for number in cohort:
                camera = _camera(number, second // _SECONDS_A_CAMERA)
                yield number + 1, at, camera, 25, at * 1000 + 20, at * 1000 + 980, 0.875


def _cohort_begins(number: int) -> int:
    return number // _AT_A_TIME * SECONDS_EACH


def _camera(number: int, step: int) -> bytes:
    return b"camera %03d" % ((number * 7 + step) % 100)
