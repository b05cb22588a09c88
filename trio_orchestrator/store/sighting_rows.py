"""Rows of sightings → few, large statements.

A statement a row would take and give back the interpreter's lock with each of them, and the event loop would wait for
it again and again. Here many rows go into one statement, and the database works on it without the lock.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Dialect, bindparam, case

from .changes import SecondKey, SecondRow, milliseconds
from .dialects import upsert
from .schema import SIGHTINGS

SightingRow: TypeAlias = tuple[SecondKey, SecondRow]

# The largest is what the interpreter's lock may be held for, half a millisecond; the others are for what is left over.
_ROWS_A_STATEMENT: Final = (256, 16, 1)


def add_sightings(connection: Connection, rows: Sequence[SightingRow]) -> None:
    """Add `rows`, no two of which have the same key, to what the database has of the same object, second and camera."""
    done = 0
    cameras: dict[str, bytes] = {}
    for size in _ROWS_A_STATEMENT:
        while len(rows) - done >= size:
            parameters = _parameters(rows[done : done + size], cameras)
            connection.exec_driver_sql(_statement(connection.dialect, size), parameters)
            done += size


def _parameters(rows: Sequence[SightingRow], cameras: dict[str, bytes]) -> tuple[Any, ...]:
    """All values of `rows`, in the order of the columns; `cameras` are those that were encoded already."""
    values: list[Any] = []
    for (object_id, camera_id, second), row in rows:
        camera = cameras.get(camera_id)
        if camera is None:
            camera = cameras[camera_id] = camera_id.encode("utf-8", "surrogatepass")
        values += (
            object_id,
            second,
            camera,
            row.count,
            milliseconds(row.first),
            milliseconds(row.last),
            row.best,
        )
    return tuple(values)


@lru_cache(maxsize=16)
def _statement(dialect: Dialect, rows: int) -> str:
    """The statement for so many rows, in the driver's own words: to compile it takes longer than to execute it."""
    columns = list(SIGHTINGS.columns)
    insert = upsert(dialect)(SIGHTINGS).values(
        [
            {column.name: bindparam(f"{column.name}_{row}", type_=column.type) for column in columns}
            for row in range(rows)
        ]
    )
    new, kept = insert.excluded, SIGHTINGS.c
    better = kept.best_certainty.is_(None) | (new.best_certainty > kept.best_certainty)
    adding = insert.on_conflict_do_update(
        index_elements=list(SIGHTINGS.primary_key.columns),
        set_={
            kept["count"]: kept["count"] + new["count"],
            kept.first_at: case((new.first_at < kept.first_at, new.first_at), else_=kept.first_at),
            kept.last_at: case((new.last_at > kept.last_at, new.last_at), else_=kept.last_at),
            kept.best_certainty: case((better, new.best_certainty), else_=kept.best_certainty),
        },
    )
    compiled = adding.compile(dialect=dialect)
    assert compiled.positiontup == [f"{column.name}_{row}" for row in range(rows) for column in columns]
    return str(compiled)
