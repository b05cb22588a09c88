"""How late the event loop is: what every peer of this server waits, whatever it asks for."""

from typing import Final

import structlog
import trio

from .histogram import Histogram, HistogramStatistics

INTERVAL: Final = 0.25
"""Seconds between two looks."""

HELD_UP_SECONDS: Final = 1.0
"""As late as this is worth a line in the log."""

_log = structlog.get_logger(__name__)


class LoopWatch:
    """Sleeps again and again, and counts by how much too long."""

    def __init__(self) -> None:
        self._lag = Histogram()

    async def run(self) -> None:
        """Watch for as long as the server lives."""
        while True:
            due = trio.current_time() + INTERVAL
            await trio.sleep_until(due)
            late = max(trio.current_time() - due, 0.0)
            self._lag.observe(late)
            if late >= HELD_UP_SECONDS:
                _log.warning("the event loop was held up", seconds=round(late, 1))

    def statistics(self) -> HistogramStatistics:
        """By how many seconds too long it slept, each time so far."""
        return self._lag.statistics()
