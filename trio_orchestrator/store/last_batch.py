"""What a server wrote last, kept in the database beside it: where the answer to a commit was lost, one can look."""

from typing import Final, NamedTuple
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from .changes import Applied
from .schema import WRITERS

_KEPT_MILLISECONDS: Final = 7 * 24 * 3600 * 1000  # of servers that have ended


class Found(NamedTuple):
    """A batch that is in the database.

    Attributes:
        applied: what came of it.
        written_at: when, milliseconds since 1970, UTC.
    """

    applied: Applied
    written_at: int


class LastBatch:
    """The number of the batch that this server wrote last, and what came of it."""

    def __init__(self) -> None:
        self._writer = uuid4().hex
        self._prober = uuid4().hex
        self._number = 0

    def begin(self, connection: Connection, now: int) -> None:
        """Make this server's row, and forget those of long ago.

        The row must be there before the first batch, as `look_up` waits for whoever is changing it.
        """
        connection.execute(delete(WRITERS).where(WRITERS.c.written_at < now - _KEPT_MILLISECONDS))
        row = {"id": self._writer, "batch": 0, "applied": b"null", "written_at": now}
        connection.execute(insert(WRITERS), row)

    def write(self, connection: Connection, applied: Applied, now: int) -> None:
        """Keep what comes of the next batch, in its transaction."""
        self._number += 1
        values = {"batch": self._number, "applied": msgspec.json.encode(applied), "written_at": now}
        connection.execute(update(WRITERS).where(WRITERS.c.id == self._writer).values(values))

    def probe(self, connection: Connection, now: int) -> None:
        """Write something, if nothing that matters, to a row beside this server's own."""
        changed = connection.execute(update(WRITERS).where(WRITERS.c.id == self._prober).values(written_at=now))
        if not changed.rowcount:
            row = {"id": self._prober, "batch": 0, "applied": b"null", "written_at": now}
            connection.execute(insert(WRITERS), row)

    def look_up(self, connection: Connection) -> Found | None:
        """The last batch; None where it is not in the database, for good.

        Should its transaction still be at work in the server, forgotten but alive, this waits for its end.
        """
        row = select(WRITERS).where(WRITERS.c.id == self._writer).with_for_update()
        kept = connection.execute(row).one()
        if kept.batch != self._number:
            return None
        return Found(msgspec.json.decode(kept.applied, type=Applied), kept.written_at)
