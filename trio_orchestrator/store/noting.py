"""What the journal was told → rows: the statements for what nobody waits for."""

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Connection, Executable, Table, bindparam, case, select, update

from trio_orchestrator.tracking.ports import Actor, StopReason

from . import audit
from .changes import NoteBatch, SecondKey, SecondRow, milliseconds
from .dialects import Upsert, upsert
from .engine import mapped_errors
from .errors import ChangeRefused
from .schema import FEATURE_MAPS, OBJECTS, SIGHTINGS, TOMBSTONES

_Parameters: TypeAlias = dict[str, Any]

_IDS_A_QUERY: Final = 500  # below the number of parameters that any SQLite allows

STOP: Final = (
    update(OBJECTS)
    # An object that has stopped stays as it stopped first.
    .where(OBJECTS.c.id == bindparam("object_id"), OBJECTS.c.stopped_at.is_(None))
    .values(
        stopped_at=bindparam("at"),
        stop_reason=bindparam("reason"),
        stopped_by=bindparam("subject"),
        stopped_by_name=bindparam("name"),
        stopped_by_address=bindparam("address"),
    )
)


def stop_values(object_id: int, at: int, reason: StopReason, by: Actor | None) -> "_Parameters":
    """What `STOP` is to be executed with."""
    return {"object_id": object_id, "at": at, "reason": reason.value, **(by or Actor())._asdict()}


def write_notes(connection: Connection, notes: NoteBatch) -> tuple[int, int]:
    """Write what the journal was told, in the transaction that `connection` is in.

    What still comes in about an object that was erased is left out.

    Returns:
        how many notes were left out: those about objects that this database never had, and those that it refuses.
    """
    told_of = {object_id for (object_id, _, _), _ in notes.rows} | notes.feature_maps.keys()
    known = _among(connection, OBJECTS.c.id, told_of)
    strange = told_of - known
    strange -= _among(connection, TOMBSTONES.c.object_id, strange)
    homeless = sum(key[0] in strange for key, _ in notes.rows) + len(strange & notes.feature_maps.keys())
    rows = [_values(key, row) for key, row in notes.rows if key[0] in known]
    maps: list[_Parameters] = [
        {"object_id": object_id, "feature_map": feature_map}
        for object_id, feature_map in notes.feature_maps.items()
        if object_id in known
    ]
    stops = [stop_values(object_id, stop.at, stop.reason, None) for object_id, stop in notes.stops.items()]
    insert = upsert(connection)
    refused = (
        _write(connection, _adding_sightings(insert), rows)
        + _write(connection, _setting_feature_map(insert), maps)
        + _write(connection, STOP, stops)
    )
    refused += _write(connection, audit.ADD, [audit.values(note) for note in notes.look_ups])
    return homeless, refused


def _write(connection: Connection, statement: Executable, rows: Sequence[_Parameters]) -> int:
    """Execute `statement` for each of `rows`; how many were left out because the database refuses them.

    Nobody could be told of a note that is refused, and tried again it would hold up all others for ever.
    """
    if not rows:
        return 0
    try:
        with mapped_errors(), connection.begin_nested():
            connection.execute(statement, rows)
    except ChangeRefused:
        if len(rows) == 1:
            return 1
        middle = len(rows) // 2
        return _write(connection, statement, rows[:middle]) + _write(connection, statement, rows[middle:])
    return 0


@cache
def _adding_sightings(insert: Callable[[Table], Upsert]) -> Upsert:
    new_row = insert(SIGHTINGS)
    new, kept = new_row.excluded, SIGHTINGS.c
    better = kept.best_certainty.is_(None) | (new.best_certainty > kept.best_certainty)
    return new_row.on_conflict_do_update(
        index_elements=list(SIGHTINGS.primary_key.columns),
        set_={
            kept["count"]: kept["count"] + new["count"],
            kept.first_at: case((new.first_at < kept.first_at, new.first_at), else_=kept.first_at),
            kept.last_at: case((new.last_at > kept.last_at, new.last_at), else_=kept.last_at),
            kept.best_certainty: case((better, new.best_certainty), else_=kept.best_certainty),
        },
    )


@cache
def _setting_feature_map(insert: Callable[[Table], Upsert]) -> Upsert:
    new_row = insert(FEATURE_MAPS)
    return new_row.on_conflict_do_update(
        index_elements=[FEATURE_MAPS.c.object_id],
        set_={FEATURE_MAPS.c.feature_map: new_row.excluded.feature_map},
    )


def _among(connection: Connection, column: Column[int], object_ids: Collection[int]) -> set[int]:
    """Those of `object_ids` that are in `column`."""
    wanted = list(object_ids)
    found: set[int] = set()
    for start in range(0, len(wanted), _IDS_A_QUERY):
        some = wanted[start : start + _IDS_A_QUERY]
        found.update(connection.scalars(select(column).where(column.in_(some))))
    return found


def _values(key: SecondKey, row: SecondRow) -> _Parameters:
    object_id, camera_id, second = key
    return {
        "object_id": object_id,
        "second": second,
        "camera_id": camera_id,
        "count": row.count,
        "first_at": milliseconds(row.first),
        "last_at": milliseconds(row.last),
        "best_certainty": row.best,
    }
