"""Whether this server should be sent traffic: it listens, it is not about to stop, and its database takes changes."""

from collections.abc import Callable
from typing import Final

import structlog
import trio

from .store.errors import StoreError

PATIENCE: Final = 2.0
"""Seconds in which the database must have answered."""

_FRESH_SECONDS: Final = 1.0
"""For this long an answer of the database is told again: whoever asks more often must not cost it more."""

_NO_CHANGES: Final = "the database takes no changes"

_log = structlog.get_logger(__name__)


class Readiness:
    """Answers `/readyz`.

    Args:
        probe: changes nothing in the database, in the way of a change; run in a thread, raises `StoreError`.
        is_stuck: whether changes wait that the database did not take when it was last tried.

    Attributes:
        listening: whether connections are taken.
        stopping: whether the server is about to end.
    """

    def __init__(self, probe: Callable[[], None], is_stuck: Callable[[], bool]) -> None:
        self._probe = probe
        self._is_stuck = is_stuck
        self._one_at_a_time = trio.CapacityLimiter(1)
        self._asking = trio.Lock()
        self._answer: str | None = None
        self._fresh_until = -1.0
        self.listening = False
        self.stopping = False

    async def reason(self) -> str | None:
        """Why it should be sent none; None where it should."""
        if self.stopping:
            return "stopping"
        if not self.listening:
            return "not listening yet"
        async with self._asking:
            if trio.current_time() >= self._fresh_until:
                before, self._answer = self._answer, await self._ask()
                if self._answer is not None and before is None:
                    _log.warning("not ready", reason=self._answer)
                self._fresh_until = trio.current_time() + _FRESH_SECONDS
        # The database's own words may name hosts and files; they are for the log alone.
        return None if self._answer is None else self._answer.partition(": ")[0]

    async def _ask(self) -> str | None:
        if self._is_stuck():
            return _NO_CHANGES
        # A thread cannot be stopped. One that hangs is left behind, and until it is back no other one is sent.
        with trio.move_on_after(PATIENCE):
            return await trio.to_thread.run_sync(self._ask_it, abandon_on_cancel=True, limiter=self._one_at_a_time)
        return "the database does not answer"

    def _ask_it(self) -> str | None:
        try:
            self._probe()
        except StoreError as error:
            return f"{_NO_CHANGES}: {error}"
        return None
