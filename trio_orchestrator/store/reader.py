"""Questions to the database, answered by a few threads so that the event loop never waits for a disk."""

from collections.abc import Callable
from typing import TypeVar, overload

import trio

from .database import Database
from .engine import READING_THREADS
from .questions import Question
from .statistics import ReaderStatistics

_Answer = TypeVar("_Answer")
_Told = TypeVar("_Told")


class Reader:
    """Reads what is kept, a few questions at a time.

    An answer holds what was on disk when it was read; what the recorder has still waiting is not in it. Every
    method raises `DatabaseUnavailable` where the database does not work. A question whose asker is cancelled
    is left to end by itself.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = trio.CapacityLimiter(READING_THREADS)

    @overload
    async def ask(self, question: Question[_Answer]) -> _Answer: ...

    @overload
    async def ask(self, question: Question[_Answer], tell: Callable[[_Answer], _Told]) -> _Told: ...

    async def ask(self, question: Question[_Answer], tell: Callable[[_Answer], object] | None = None) -> object:
        """The answer to `question`; what `tell` makes of it, in the same thread, where that takes its time."""

        def work() -> object:
            answer = self._database.ask(question)
            return answer if tell is None else tell(answer)

        return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)

    def statistics(self) -> ReaderStatistics:
        """What there is to do now."""
        threads = self._threads.statistics()
        return ReaderStatistics(asked=threads.borrowed_tokens, waiting=threads.tasks_waiting)
