"""One batch → rows: the statements of a write transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, update

from trio_orchestrator.tracking.ports import Change, NewObject, ObjectStop, StopReason

from .changes import Applied, Batch, milliseconds
from .noting import STOP, write_notes
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
    ids = [
        _begin(connection, command, now) if isinstance(command, NewObject) else _end(connection, command, now)
        for command in batch.commands
    ]
    return Applied(ids, homeless, refused)


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


def _end(connection: Connection, stop: ObjectStop, now: int) -> int:
    by = stop.stopped_by and stop.stopped_by.subject
    values = {"object_id": stop.object_id, "at": now, "reason": StopReason.CLIENT.value, "by": by}
    connection.execute(STOP, values)
    return stop.object_id


def take_back(connection: Connection, commands: Sequence[Change], object_ids: Sequence[int], at: int) -> None:
    """Undo commands that were written at `at`: nobody was told of them, so nothing has changed.

    What is neither a start nor a stop stays as it is.
    """
    for command, object_id in zip(commands, object_ids, strict=True):
        if isinstance(command, NewObject):
            connection.execute(delete(OBJECTS).where(OBJECTS.c.id == object_id))
        elif isinstance(command, ObjectStop):
            connection.execute(
                update(OBJECTS)
                .where(
                    OBJECTS.c.id == object_id,
                    OBJECTS.c.stopped_at == at,
                    OBJECTS.c.stop_reason == StopReason.CLIENT.value,
                )
                .values(stopped_at=None, stop_reason=None, stopped_by=None)
            )
