"""The database as a few synchronous methods; to be called in worker threads, one writer at a time."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import select, update

from trio_orchestrator.tracking.ports import Change, LiveObject, ObjectErasure, StopReason

from . import audit, questions
from .changes import Action, Applied, AuditNote, Batch, milliseconds
from .engine import Engines
from .errors import CannotOpen, StoreError
from .last_batch import LastBatch
from .questions import BEGINNING, Question, TimelineEntry
from .schema import FEATURE_MAPS, IMAGES, OBJECTS
from .writing import take_back, write

_Answer = TypeVar("_Answer")


class Database:
    """Objects and sightings, on disk.

    Args:
        address: where, `sqlite:///FILE` (seen from the working directory) or `postgresql+psycopg://…`.
        clock: tells the time in seconds since 1970, UTC.
        busy_timeout: seconds a method waits while somebody else has the database locked.

    Every method but `now` and `close` raises `DatabaseUnavailable` where the database does not work; `apply`
    also `ChangeRefused`. Then nothing was changed, unless it is an `OutcomeUnknown`.

    Raises:
        CannotOpen: there is nothing usable at `address`, and nothing could be made there.
    """

    def __init__(self, address: str, *, clock: Callable[[], float] = time.time, busy_timeout: float = 2.0) -> None:
        self._clock = clock
        self._engines = Engines(address, busy_timeout)
        self._last_batch = LastBatch()
        try:
            with self._engines.writing() as connection:
                self._last_batch.begin(connection, self.now())
        except StoreError as error:
            self.close()
            raise CannotOpen(f"cannot write to the database {self._engines.address}: {error}") from error

    def close(self) -> None:
        """Let go of the database; all that was written is in it."""
        self._engines.close()

    def now(self) -> int:
        """Milliseconds since 1970, UTC."""
        return milliseconds(self._clock())

    def restore(self) -> list[LiveObject]:
        """The objects that were live when the server stopped, by ascending id.

        The timeout of a tracked object goes on while the server is down: where it has run out, the object is
        stopped as of that instant and not among them.
        """
        now = self.now()
        ran_out = OBJECTS.c.stopped_at.is_(None) & (OBJECTS.c.expires_at <= now)
        live = (
            select(
                OBJECTS.c.id,
                OBJECTS.c.camera_id,
                OBJECTS.c.started_at,
                OBJECTS.c.expires_at,
                IMAGES.c.image,
                FEATURE_MAPS.c.feature_map,
            )
            .outerjoin_from(OBJECTS, IMAGES)
            .outerjoin(FEATURE_MAPS, FEATURE_MAPS.c.object_id == OBJECTS.c.id)
            .where(OBJECTS.c.stopped_at.is_(None))
            .order_by(OBJECTS.c.id)
        )
        with self._engines.writing() as connection:
            ended = connection.execute(select(OBJECTS.c.expires_at, OBJECTS.c.id).where(ran_out))
            audit.record(connection, [AuditNote(at, Action.STOPPED, object_id, None) for at, object_id in ended])
            connection.execute(
                update(OBJECTS)
                .where(ran_out)
                .values(stopped_at=OBJECTS.c.expires_at, stop_reason=StopReason.TIMEOUT.value)
            )
            return [
                LiveObject(
                    row.id,
                    row.image or b"",
                    row.feature_map or b"",
                    _remaining(row.started_at, row.expires_at, now),
                    row.camera_id,
                    row.started_at / 1000,
                )
                for row in connection.execute(live)
            ]

    def apply(self, batch: Batch) -> Applied:
        """Make all of `batch` durable, in one transaction.

        Raises:
            OutcomeUnknown: it is durable, or nothing was changed; `outcome` or `take_back` is to be called before
                the next batch.
        """
        now = self.now()
        with self._engines.writing() as connection:
            applied = write(connection, batch, now)
            self._last_batch.write(connection, applied, now)
        if any(isinstance(command, ObjectErasure) for command in batch.commands):
            self._engines.scrub()
        return applied

    def outcome(self) -> Applied | None:
        """What became of the last batch; None where nothing was changed."""
        with self._engines.writing() as connection:
            found = self._last_batch.look_up(connection)
        return found and found.applied

    def take_back(self, commands: Sequence[Change]) -> Applied | None:
        """Undo the commands of the last batch, where it is durable: its starts and stops did not happen.

        Returns:
            what had become of the batch, the commands included; None where nothing was changed.
        """
        with self._engines.writing() as connection:
            found = self._last_batch.look_up(connection)
            if found is not None:
                take_back(connection, commands, found.applied.object_ids, found.written_at)
        return found and found.applied

    def probe(self) -> None:
        """Write the time to a row that is there for this alone, to see whether the database takes changes now."""
        with self._engines.writing() as connection:
            self._last_batch.probe(connection, self.now())

    def ask(self, question: Question[_Answer]) -> _Answer:
        """The answer to a question about what is on disk."""
        with self._engines.reading() as connection:
            return question(connection)

    def object_ids(self) -> list[int]:
        """The ids of all objects ever tracked, ascending."""
        return self.ask(questions.object_id_page(0, None))

    def timeline(self, object_id: int) -> list[TimelineEntry]:
        """Where an object was, oldest first, within a second by first sighting; empty for an unknown object."""
        return self.ask(questions.timeline_page(object_id, BEGINNING, None))


def _remaining(started_at: int, expires_at: int | None, now: int) -> float | None:
    """Seconds left; never more than the whole timeout, should the clock have been set back."""
    return None if expires_at is None else min(expires_at - now, expires_at - started_at) / 1000
