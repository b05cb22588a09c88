"""One batch → rows: the statements of a write transaction."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, bindparam, case, insert, select, update
from sqlalchemy.dialects import sqlite

from trio_orchestrator.tracking.ports import NewObject, ObjectStop, StopReason

from .changes import Applied, Batch, NoteBatch, OwnStop, SecondKey, SecondRow, milliseconds
from .schema import FEATURE_MAPS, IMAGES, MAX_INTEGER, OBJECTS, SIGHTINGS

_IDS_A_QUERY: Final = 500  # below the number of parameters that any SQLite allows


def write(connection: Connection, batch: Batch, now: int) -> Applied:
    """Write all of `batch` in the transaction that `connection` is in.

    Args:
        connection: the transaction.
        batch: what to write.
        now: milliseconds since 1970, UTC.
    """
    # Notes first: what stopped by itself had done so before the command that is written with it.
    homeless = _write_notes(connection, batch.notes) if batch.notes else 0
    ids = [
        _begin(connection, command, now) if isinstance(command, NewObject) else _end(connection, command, now)
        for command in batch.commands
    ]
    return Applied(ids, homeless)


def _begin(connection: Connection, new: NewObject, now: int) -> int:
    # A timeout may be as long as a float can be; a column cannot.
    lifetime = None if new.timeout is None else milliseconds(min(new.timeout, (MAX_INTEGER - now) // 2000))
    values = {
        "camera_id": new.camera_id,
        "started_at": now,
        "started_by": new.started_by and new.started_by.subject,
        "expires_at": None if lifetime is None else now + lifetime,
    }
    made = connection.execute(insert(OBJECTS), values)
    assert made.inserted_primary_key is not None
    object_id: int = made.inserted_primary_key[0]
    if new.image:
        connection.execute(insert(IMAGES), {"object_id": object_id, "image": new.image})
    return object_id


_STOP: Final = (
    update(OBJECTS)
    # An object that has stopped stays as it stopped first.
    .where(OBJECTS.c.id == bindparam("object_id"), OBJECTS.c.stopped_at.is_(None))
    .values(stopped_at=bindparam("at"), stop_reason=bindparam("reason"), stopped_by=bindparam("by"))
)


def _end(connection: Connection, stop: ObjectStop, now: int) -> int:
    by = stop.stopped_by and stop.stopped_by.subject
    values = {"object_id": stop.object_id, "at": now, "reason": StopReason.CLIENT.value, "by": by}
    connection.execute(_STOP, values)
    return stop.object_id


def _adding_sightings() -> sqlite.Insert:
    new_row = sqlite.insert(SIGHTINGS)
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


def _setting_feature_map() -> sqlite.Insert:
    new_row = sqlite.insert(FEATURE_MAPS)
    return new_row.on_conflict_do_update(
        index_elements=[FEATURE_MAPS.c.object_id],
        set_={FEATURE_MAPS.c.feature_map: new_row.excluded.feature_map},
    )


_ADD_SIGHTINGS: Final = _adding_sightings()
_SET_FEATURE_MAP: Final = _setting_feature_map()


def _write_notes(connection: Connection, notes: NoteBatch) -> int:
    """Write what the journal was told; how much of it is about no object of this database and was left out."""
    objects = {object_id for (object_id, _, _), _ in notes.rows} | notes.feature_maps.keys()
    known = _known(connection, objects)
    rows = [_values(key, row) for key, row in notes.rows if key[0] in known]
    maps = [
        {"object_id": object_id, "feature_map": feature_map}
        for object_id, feature_map in notes.feature_maps.items()
        if object_id in known
    ]
    if rows:
        connection.execute(_ADD_SIGHTINGS, rows)
    if maps:
        connection.execute(_SET_FEATURE_MAP, maps)
    if notes.stops:
        connection.execute(_STOP, [_stop_values(*stop) for stop in notes.stops.items()])
    return len(notes.rows) + len(notes.feature_maps) - len(rows) - len(maps)


def _known(connection: Connection, object_ids: Collection[int]) -> set[int]:
    wanted = list(object_ids)
    known: set[int] = set()
    for start in range(0, len(wanted), _IDS_A_QUERY):
        some = wanted[start : start + _IDS_A_QUERY]
        known.update(connection.scalars(select(OBJECTS.c.id).where(OBJECTS.c.id.in_(some))))
    return known


def _stop_values(object_id: int, stop: OwnStop) -> dict[str, object]:
    return {"object_id": object_id, "at": stop.at, "reason": stop.reason.value, "by": None}


def _values(key: SecondKey, row: SecondRow) -> dict[str, object]:
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
