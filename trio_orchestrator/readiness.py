"""Whether this server should be sent traffic: it listens, it is not about to stop, and its database takes changes."""

from collections.abc import Awaitable, Callable
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
        probe: has the database make a change that means nothing; raises `StoreError` where it does not, and may hang.
        is_stuck: whether changes wait that the database did not take when it was last tried.

    Attributes:
        listening: whether connections are taken.
        stopping: whether the server is about to end.
    """

    def __init__(self, probe: Callable[[], Awaitable[None]], is_stuck: Callable[[], bool]) -> None:
        self._probe = probe
        self._is_stuck = is_stuck
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
                elif self._answer is None and before is not None:
                    _log.info("ready again")
                self._fresh_until = trio.current_time() + _FRESH_SECONDS
        # The database's own words may name hosts and files; they are for the log alone.
        return None if self._answer is None else self._answer.partition(": ")[0]

    async def _ask(self) -> str | None:
        if self._is_stuck():
            return _NO_CHANGES
        with trio.move_on_after(PATIENCE):
            try:
                await self._probe()
            except StoreError as error:
                return f"{_NO_CHANGES}: {error}"
            return None
        return "the database does not answer"
