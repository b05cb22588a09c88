"""Whether anything grows: the slope of each curve over the second half of a run, held against what is tolerated."""

from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from statistics import fmean, median
from typing import Final, NamedTuple

from .sampling import Sample

WINDOW_SECONDS: Final = 10.0
"""Samples are taken together so long: one second has much to do with the next, one window little."""

LEAST_SECONDS: Final = 300.0
"""A shorter run tells nothing: a server fills its caches and its allocator's pools for the first minutes."""

_LEAST_WINDOWS: Final = 10
"""Where samples are so few, the server or the machine stood still most of the time."""

_ERRORS: Final = 2.0
"""What exceeds the tolerance must do so by as many standard errors of the slope, or it may be chance."""


class Curve(NamedTuple):
    """One thing that must not grow.

    Attributes:
        name: the attribute of `Sample`.
        unit: what its slope is told in.
        of_unit: how much of the attribute's own unit that is.
        tolerated: units a minute.
    """

    name: str
    unit: str
    of_unit: float
    tolerated: float


CURVES: Final = (
    # The allocator keeps what the worst moment so far has needed, and worse moments come ever more seldom.
    Curve("memory", "MiB", 2**20, 0.5),
    Curve("tasks", "tasks", 1, 2.0),
    Curve("descriptors", "descriptors", 1, 1.0),
    Curve("connections", "connections", 1, 1.0),
    Curve("lag", "ms of lag", 1e-3, 20.0),
    Curve("p50", "ms of median delay", 1e-3, 0.5),
    Curve("p99", "ms of p99 delay", 1e-3, 2.0),
)


class Trend(NamedTuple):
    """How one curve went on in the second half of the run.

    Attributes:
        curve: which one.
        slope: its units a minute, by least squares over the windows.
        error: the standard error of that.
    """

    curve: Curve
    slope: float
    error: float

    @property
    def grows(self) -> bool:
        """Whether it grows by more than is tolerated, beyond chance."""
        return self.slope - _ERRORS * self.error > self.curve.tolerated

    def __str__(self) -> str:
        return (
            f"{self.slope:.2f} ± {self.error:.2f} {self.curve.unit} a minute, of which {self.curve.tolerated:g} "
            "are tolerated"
        )


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """How each curve went on; none where the run was too short to tell."""
    if not samples or samples[-1].at - samples[0].at < LEAST_SECONDS:
        return []
    middle = (samples[0].at + samples[-1].at) / 2
    windows: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.at >= middle:
            windows[int((sample.at - middle) / WINDOW_SECONDS)].append(sample)
    if len(windows) < _LEAST_WINDOWS:
        return []
    times = [fmean(sample.at for sample in window) / 60 for window in windows.values()]
    return [Trend(curve, *_slope(times, [_level(curve, window) for window in windows.values()])) for curve in CURVES]


def _level(curve: Curve, window: Sequence[Sample]) -> float:
    """Where the curve was in this window, not minding a moment out of the ordinary."""
    values: list[float] = [getattr(sample, curve.name) for sample in window]
    return median(values) / curve.of_unit


def _slope(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """The slope of the line through the points by least squares, and its standard error."""
    middle, mean = fmean(times), fmean(values)
    spread = sum((at - middle) ** 2 for at in times)
    slope = sum((at - middle) * (value - mean) for at, value in zip(times, values, strict=True)) / spread
    misses = [value - mean - slope * (at - middle) for at, value in zip(times, values, strict=True)]
    return slope, sqrt(sum(miss**2 for miss in misses) / (len(times) - 2) / spread)
