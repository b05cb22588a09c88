"""How long things took, as plain counts: cheap to add to, and put into somebody's format only when it is asked for."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DELAYS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends in seconds that suit what should take milliseconds and may take a time-out."""


@dataclass(frozen=True, slots=True)
class HistogramStatistics:
    """What a histogram held at one instant.

    Attributes:
        bounds: upper ends of the classes, ascending, in seconds; each belongs to its class.
        counts: how many values each class holds, one more than there are bounds: the last is for all above.
        total: the sum of all values, in seconds.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


class Histogram:
    """Counts values by size.

    Args:
        bounds: upper ends of the classes, ascending, in seconds.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float] = DELAYS) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    def statistics(self) -> HistogramStatistics:
        """The counts as they are now."""
        return HistogramStatistics(self._bounds, tuple(self._counts), self._total)
