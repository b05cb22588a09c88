"""Who did what with which object: rows that are added and never changed; the database itself refuses to (schema).

A row tells of an object by its id alone, so it can stay when the object is erased.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, insert, or_, select

from trio_orchestrator.tracking.ports import Actor

from .changes import Action, AuditNote
from .questions import Place, Question
from .schema import AUDIT


class AuditRecord(NamedTuple):
    """A note that is in the database.

    Attributes:
        number: numbers the records.
        note: the note; its actor knows nothing where the server acted by itself.
    """

    number: int
    note: AuditNote


class AuditFilter(NamedTuple):
    """Which records are meant; None for no matter.

    Attributes:
        object_id: about this object.
        since: of this instant or later, milliseconds since 1970, UTC.
        until: before this instant.
    """

    object_id: int | None = None
    since: int | None = None
    until: int | None = None


ADD: Final = insert(AUDIT)
"""To be executed with `values` of each note."""

_NOBODY: Final = Actor()
_A: Final = AUDIT.c


def record(connection: Connection, notes: Sequence[AuditNote]) -> None:
    """Add `notes` in the transaction that `connection` is in."""
    if notes:
        connection.execute(ADD, [values(note) for note in notes])


def audit_page(wanted: AuditFilter, after: Place | None, limit: int) -> Question[list[AuditRecord]]:
    """What was done, newest first."""
    found = (
        select(_A.id, _A.at, _A.action, _A.object_id, _A.subject, _A.name, _A.address)
        .order_by(_A.at.desc(), _A.id.desc())
        .limit(limit)
    )
    if after is not None:
        at, number = after
        found = found.where(and_(_A.at <= at, or_(_A.at < at, _A.id < number)))
    if wanted.object_id is not None:
        found = found.where(_A.object_id == wanted.object_id)
    if wanted.since is not None:
        found = found.where(_A.at >= wanted.since)
    if wanted.until is not None:
        found = found.where(_A.at < wanted.until)
    return lambda connection: [
        AuditRecord(row[0], AuditNote(row[1], Action(row[2]), row[3], Actor(row[4], row[5], row[6])))
        for row in connection.execute(found)
    ]


def values(note: AuditNote) -> dict[str, object]:
    """The row of `note`."""
    subject, name, address = note.actor or _NOBODY
    return {
        "at": note.at,
        "action": note.action.value,
        "object_id": note.object_id,
        "subject": subject,
        "name": name,
        "address": address,
    }
