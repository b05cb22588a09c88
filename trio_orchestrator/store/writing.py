"""One batch → rows: the statements of a write transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, update

from trio_orchestrator.tracking.ports import Actor, Change, NewObject, ObjectErasure, ObjectStop, StopReason

from .audit import record
from .changes import Action, Applied, AuditNote, Batch, milliseconds
from .erasing import erase
from .noting import STOP, stop_values, write_notes
from .schema import IMAGES, MAX_INTEGER, OBJECTS


def write(connection: Connection, batch: Batch, now: int) -> Applied:
    """Write all of `batch` in the transaction that `connection` is in.

    Args:
        connection: the transaction.
        batch: what to write.
        now: milliseconds since 1970, UTC.
    """
    # Notes first: what stopped by itself had done so before the command that is written with it.
    homeless, refused = write_notes(connection, batch.notes) if batch.notes else (0, 0)
    return Applied([_make(connection, command, now) for command in batch.commands], homeless, refused)


def _make(connection: Connection, change: Change, now: int) -> int:
    """Make one change, and tell the audit of it; the id of its object."""
    if isinstance(change, NewObject):
        object_id = _begin(connection, change, now)
        record(connection, [AuditNote(now, Action.STARTED, object_id, change.started_by)])
    elif isinstance(change, ObjectErasure):
        object_id = change.object_id
        if erase(connection, object_id):
            record(connection, [AuditNote(now, Action.ERASED, object_id, change.erased_by)])
    else:
        object_id = change.object_id
        if _end(connection, change, now):
            record(connection, [AuditNote(now, Action.STOPPED, object_id, change.stopped_by)])
    return object_id


def _begin(connection: Connection, new: NewObject, now: int) -> int:
    # A timeout may be as long as a float can be; a column cannot.
    lifetime = None if new.timeout is None else milliseconds(min(new.timeout, (MAX_INTEGER - now) // 2000))
    by = new.started_by or Actor()
    values = {
        "camera_id": new.camera_id,
        "started_at": now,
        "started_by": by.subject,
        "started_by_name": by.name,
        "started_by_address": by.address,
        "expires_at": None if lifetime is None else now + lifetime,
    }
    made = connection.execute(insert(OBJECTS), values)
    assert made.inserted_primary_key is not None
    object_id: int = made.inserted_primary_key[0]
    if new.image:
        connection.execute(insert(IMAGES), {"object_id": object_id, "image": new.image})
    return object_id


def _end(connection: Connection, stop: ObjectStop, now: int) -> bool:
    """Whether it was live until now."""
    values = stop_values(stop.object_id, now, StopReason.CLIENT, stop.stopped_by)
    return connection.execute(STOP, values).rowcount > 0


def take_back(connection: Connection, commands: Sequence[Change], object_ids: Sequence[int], at: int) -> None:
    """Undo commands that were written at `at`: nobody was told of them, so nothing has changed.

    What is erased stays erased. Done again, as is where the commit of the first time was not answered, it does nothing.
    """
    for command, object_id in zip(commands, object_ids, strict=True):
        if isinstance(command, NewObject):
            undone = connection.execute(delete(OBJECTS).where(OBJECTS.c.id == object_id))
            if undone.rowcount:
                record(connection, [AuditNote(at, Action.WITHDRAWN, object_id, command.started_by)])
        elif isinstance(command, ObjectStop):
            undone = connection.execute(
                update(OBJECTS)
                .where(
                    OBJECTS.c.id == object_id,
                    OBJECTS.c.stopped_at == at,
                    OBJECTS.c.stop_reason == StopReason.CLIENT.value,
                )
                .values(
                    stopped_at=None, stop_reason=None, stopped_by=None, stopped_by_name=None, stopped_by_address=None
                )
            )
            if undone.rowcount:
                record(connection, [AuditNote(at, Action.WITHDRAWN, object_id, command.stopped_by)])
