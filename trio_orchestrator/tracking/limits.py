"""What live objects may cost, and how often a camera's name may change hands."""

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trio_orchestrator.protocol.errors import LimitReached, TooLarge
from trio_orchestrator.protocol.inbound import FeatureMap, Start

TAKEOVERS: Final = 5
WINDOW: Final = 60.0
"""A camera may be taken over so many times in so many seconds."""

_CAMERAS: Final = 1000
"""So many cameras are watched at a time; those watched for longest are forgotten first."""


@dataclass(frozen=True, slots=True)
class ObjectLimits:
    """What live objects may cost.

    Attributes:
        max_objects: how many may be tracked at a time.
        max_image_bytes: the longest image, JSON text as it came.
        max_feature_map_bytes: the longest feature map, likewise.
    """

    max_objects: int = sys.maxsize
    max_image_bytes: int = sys.maxsize
    max_feature_map_bytes: int = sys.maxsize

    def check_start(self, message: Start, live: int) -> None:
        """Make sure that there may be the object that `message` asks for, besides the `live` ones.

        Raises:
            TooLarge: its image is too long.
            LimitReached: there are enough.
        """
        if len(bytes(message.image)) > self.max_image_bytes:
            raise TooLarge(f"`image` may have {self.max_image_bytes} bytes", request_id=message.request_id)
        if live >= self.max_objects:
            raise LimitReached(f"no more than {self.max_objects} objects are tracked", request_id=message.request_id)

    def check_features(self, message: FeatureMap) -> None:
        """Make sure that the feature map can be kept.

        Raises:
            TooLarge: it is too long.
        """
        if len(bytes(message.feature_map)) > self.max_feature_map_bytes:
            raise TooLarge(f"`featureMap` may have {self.max_feature_map_bytes} bytes")


class Takeovers:
    """Slows down processors that keep taking a camera's name from each other.

    Each that is replaced comes back and replaces the other: all would be busy with that, and the camera never heard.
    So after a few takeovers the newest registration no longer wins, until some time has passed.

    Args:
        contested: called with the camera's id once such a quarrel is noticed; once until it is over.
    """

    def __init__(self, contested: Callable[[str], None]) -> None:
        self._contested = contested
        self._quarrels: dict[str, _Quarrel] = {}

    def allow(self, camera_id: str, at: float) -> bool:
        """Whether a processor may take this camera over from another at the instant `at` (seconds since 1970)."""
        quarrel = self._quarrels.setdefault(camera_id, _Quarrel())
        if len(self._quarrels) > _CAMERAS:
            del self._quarrels[next(iter(self._quarrels))]
        takeovers = quarrel.takeovers
        while takeovers and not 0 <= at - takeovers[0] < WINDOW:  # in the future where the clock was set back
            takeovers.popleft()
        if not takeovers:
            quarrel.is_told = False
        if len(takeovers) < TAKEOVERS:
            takeovers.append(at)
            return True
        if not quarrel.is_told:
            quarrel.is_told = True
            self._contested(camera_id)
        return False


class _Quarrel:
    """When one camera was taken over of late."""

    __slots__ = ("is_told", "takeovers")

    def __init__(self) -> None:
        self.takeovers: deque[float] = deque()
        self.is_told = False
