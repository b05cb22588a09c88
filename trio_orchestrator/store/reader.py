"""Questions to the database, answered by a few threads so that the event loop never waits for a disk."""

from collections.abc import Callable
from typing import TypeVar

import trio

from .database import Database, TimelineEntry
from .engine import READING_THREADS

_Answer = TypeVar("_Answer")


class Reader:
    """Reads objects and sightings, a few questions at a time.

    An answer holds what was on disk when it was read; what the recorder has still waiting is not in it. Every
    method raises `DatabaseUnavailable` where the database does not work. A question whose asker is cancelled
    is left to end by itself.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = trio.CapacityLimiter(READING_THREADS)

    async def object_ids(self) -> list[int]:
        """The ids of all objects ever tracked, ascending."""
        return await self._ask(self._database.object_ids)

    async def timeline(self, object_id: int) -> list[TimelineEntry]:
        """Where an object was, oldest first; empty where it was never seen, or is unknown."""
        return await self._ask(lambda: self._database.timeline(object_id))

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        return await trio.to_thread.run_sync(question, limiter=self._threads, abandon_on_cancel=True)
