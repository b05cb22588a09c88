"""What the journal was told → rows: the statements for what nobody waits for."""

from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Executable, Table, bindparam, select, update

from trio_orchestrator.tracking.ports import Actor, StopReason

from . import audit
from .changes import Action, AuditNote, NoteBatch, OwnStop
from .dialects import Upsert, upsert
from .engine import mapped_errors
from .errors import ChangeRefused
from .schema import FEATURE_MAPS, OBJECTS, TOMBSTONES
from .sighting_rows import SightingRow, add_sightings

_Row = TypeVar("_Row")
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
    by_object: dict[int, list[SightingRow]] = {}
    for row in notes.rows:
        by_object.setdefault(row[0][0], []).append(row)
    told_of = by_object.keys() | notes.feature_maps.keys()
    known = _among(connection, OBJECTS.c.id, told_of)
    strange = told_of - known
    strange -= _among(connection, TOMBSTONES.c.object_id, strange)
    homeless = len(strange & notes.feature_maps.keys()) + sum(len(by_object.get(number, ())) for number in strange)
    # In the order of the key: neighbours on disk are touched one after the other, and once.
    rows = [row for object_id in sorted(known & by_object.keys()) for row in by_object[object_id]]
    maps: list[_Parameters] = [
        {"object_id": object_id, "feature_map": feature_map}
        for object_id, feature_map in notes.feature_maps.items()
        if object_id in known
    ]
    # Those that have stopped already stay as they are, and the audit is not told of them again.
    live = _among(connection, OBJECTS.c.id, notes.stops, OBJECTS.c.stopped_at.is_(None))
    stops = [(object_id, stop) for object_id, stop in notes.stops.items() if object_id in live]
    look_ups = [audit.values(note) for note in notes.look_ups]

    def execute(statement: Executable) -> Callable[[Sequence[_Parameters]], object]:
        return lambda parameters: connection.execute(statement, parameters)

    refused = (
        _write(connection, partial(add_sightings, connection), rows)
        + _write(connection, execute(_setting_feature_map(upsert(connection.dialect))), maps)
        + _write(connection, partial(_stop, connection), stops)
        + _write(connection, execute(audit.ADD), look_ups)
    )
    return homeless, refused


def _write(connection: Connection, write: Callable[[Sequence[_Row]], object], rows: Sequence[_Row]) -> int:
    """Call `write` with `rows`; how many of them were left out because the database refuses them.

    Nobody could be told of a note that is refused, and tried again it would hold up all others for ever.
    """
    if not rows:
        return 0
    try:
        with mapped_errors(), connection.begin_nested():
            write(rows)
    except ChangeRefused:
        if len(rows) == 1:
            return 1
        middle = len(rows) // 2
        return _write(connection, write, rows[:middle]) + _write(connection, write, rows[middle:])
    return 0


def _stop(connection: Connection, stops: Sequence[tuple[int, OwnStop]]) -> None:
    """End live objects that stopped by themselves, and tell the audit of it."""
    connection.execute(STOP, [stop_values(object_id, stop.at, stop.reason, None) for object_id, stop in stops])
    audit.record(connection, [AuditNote(stop.at, Action.STOPPED, object_id, None) for object_id, stop in stops])


@cache
def _setting_feature_map(insert: Callable[[Table], Upsert]) -> Upsert:
    new_row = insert(FEATURE_MAPS)
    return new_row.on_conflict_do_update(
        index_elements=[FEATURE_MAPS.c.object_id],
        set_={FEATURE_MAPS.c.feature_map: new_row.excluded.feature_map},
    )


def _among(
    connection: Connection, column: Column[int], object_ids: Collection[int], *conditions: ColumnElement[bool]
) -> set[int]:
    """Those of `object_ids` that are in `column`, in rows for which the `conditions` hold."""
    wanted = list(object_ids)
    found: set[int] = set()
    for start in range(0, len(wanted), _IDS_A_QUERY):
        some = wanted[start : start + _IDS_A_QUERY]
        found.update(connection.scalars(select(column).where(column.in_(some), *conditions)))
    return found
