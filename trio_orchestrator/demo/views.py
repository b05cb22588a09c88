"""What a camera on its pole sees: people on the street → boxes in fractions of the frame; pure."""

import math
from typing import Final, NamedTuple

from trio_orchestrator.client import Rect

from .world import BLOCK, Crossing, Walker

_POLE: Final = 4.0
_PITCH: Final = math.radians(14)
_FOCAL: Final = 0.5 / math.tan(math.radians(62) / 2)
_ASPECT: Final = 16 / 9
_NEAREST, _FARTHEST = 5.0, 24.0
_SHOULDERS: Final = 0.6
_LEAST_SHOWN: Final = 0.5


class View(NamedTuple):
    """A camera above a crossing that looks along a street.

    Attributes:
        camera_id: its name.
        above: the crossing.
        towards: the crossing at the other end of the street.
    """

    camera_id: str
    above: Crossing
    towards: Crossing

    def project(self, walker: Walker) -> Rect | None:
        """Where somebody is in the frame; None where they are not, or hardly."""
        (x0, y0), (x1, y1) = self.above, self.towards
        east, north = walker.place.east - x0 * BLOCK, walker.place.north - y0 * BLOCK
        ahead = east * (x1 - x0) + north * (y1 - y0)
        right = east * (y1 - y0) - north * (x1 - x0)
        if not _NEAREST <= ahead <= _FARTHEST:
            return None
        top, _ = _row_and_depth(ahead, walker.height)
        bottom, depth = _row_and_depth(ahead, 0)
        middle, half = 0.5 + _FOCAL * right / depth, _FOCAL * _SHOULDERS / 2 / depth
        shown: Rect = (_clip(middle - half), _clip(top), _clip(middle + half), _clip(bottom))
        share = (shown[2] - shown[0]) * (shown[3] - shown[1]) / (2 * half * (bottom - top))
        return shown if share >= _LEAST_SHOWN else None


def _row_and_depth(ahead: float, height: float) -> tuple[float, float]:
    """How far down the frame a point `ahead` metres away and `height` metres above the street is, how deep in it."""
    below = _POLE - height
    depth = ahead * math.cos(_PITCH) + below * math.sin(_PITCH)
    return 0.5 + _FOCAL * _ASPECT * (below * math.cos(_PITCH) - ahead * math.sin(_PITCH)) / depth, depth


def _clip(fraction: float) -> float:
    return min(1.0, max(0.0, fraction))


VIEWS: Final = (
    View("station", (0, 0), (0, 1)),
    View("market", (1, 0), (2, 0)),
    View("library", (3, 0), (2, 0)),
    View("school", (1, 1), (0, 1)),
    View("bridge", (1, 1), (1, 2)),
    View("park", (2, 1), (3, 1)),
    View("church", (0, 2), (1, 2)),
    View("harbour", (2, 2), (3, 2)),
)
"""The eight cameras; no two see the same piece of street, and between any two there is one that nobody sees."""
