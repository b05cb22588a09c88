"""The database as a few synchronous methods; to be called in worker threads, one writer at a time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from trio_orchestrator.tracking.ports import LiveObject, StopReason

from .changes import Applied, Batch, milliseconds
from .engine import for_reading, mapped_errors, open_engine
from .errors import ChangeRefused, DatabaseUnavailable
from .schema import FEATURE_MAPS, IMAGES, MAX_INTEGER, OBJECTS, SIGHTINGS
from .writing import write


class TimelineEntry(NamedTuple):
    """An object was on a camera.

    Attributes:
        second: when, seconds since 1970, UTC.
        camera_id: the camera.
    """

    second: int
    camera_id: str


class Database:
    """Objects and sightings, on disk.

    Args:
        address: where, `sqlite:///FILE`; a relative FILE is seen from the working directory.
        clock: tells the time in seconds since 1970, UTC.
        busy_timeout: seconds a method waits while somebody else has the database locked.

    Every method but `now` and `close` raises `DatabaseUnavailable` where the database does not work; `apply`
    also `ChangeRefused`. Then nothing was changed.

    Raises:
        CannotOpen: there is nothing usable at `address`, and nothing could be made there.
    """

    def __init__(self, address: str, *, clock: Callable[[], float] = time.time, busy_timeout: float = 2.0) -> None:
        self._clock = clock
        self._writing = open_engine(address, busy_timeout)
        self._reading = for_reading(self._writing)

    def close(self) -> None:
        """Let go of the file; all that was written is in it."""
        self._writing.dispose()

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
        with mapped_errors(), self._writing.begin() as connection:
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
        """Make all of `batch` durable, in one transaction."""
        now = self.now()
        with mapped_errors(), self._writing.begin() as connection:
            return write(connection, batch, now)

    def object_ids(self) -> list[int]:
        """The ids of all objects ever tracked, ascending."""
        with self._reads() as connection:
            return list(connection.scalars(select(OBJECTS.c.id).order_by(OBJECTS.c.id)))

    def timeline(self, object_id: int) -> list[TimelineEntry]:
        """Where an object was, oldest first, within a second by first sighting; empty for an unknown object."""
        if not 0 < object_id <= MAX_INTEGER:
            return []
        entries = (
            select(SIGHTINGS.c.second, SIGHTINGS.c.camera_id)
            .where(SIGHTINGS.c.object_id == object_id)
            # Only the few rows of one second are sorted; the seconds come in the order of the key.
            .order_by(SIGHTINGS.c.second, SIGHTINGS.c.first_at, SIGHTINGS.c.camera_id)
        )
        with self._reads() as connection:
            return [TimelineEntry(second, camera_id) for second, camera_id in connection.execute(entries)]

    @contextmanager
    def _reads(self) -> Iterator[Connection]:
        try:
            with mapped_errors(), self._reading.begin() as connection:
                yield connection
        except ChangeRefused as error:  # nothing was to be changed: what is kept there cannot be understood
            raise DatabaseUnavailable(str(error)) from error


def _remaining(started_at: int, expires_at: int | None, now: int) -> float | None:
    """Seconds left; never more than the whole timeout, should the clock have been set back."""
    return None if expires_at is None else min(expires_at - now, expires_at - started_at) / 1000
