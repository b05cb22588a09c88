"""Which cameras there are: online or not, since when, how many frames they send, and how they name them."""

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Raw

from trio_orchestrator.protocol.outbound import bounding_boxes_head

if TYPE_CHECKING:
    from .views import View

MAX_OFFLINE: Final = 1000
"""So many cameras that are gone are remembered; names are the peers' own, so there may be any number of them."""

_WINDOW: Final = 60  # seconds over which frames are counted

_INTEGER: Final = re.compile(rb"-?[0-9]+")
_FLOAT: Final = re.compile(rb"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class CameraStatus(NamedTuple):
    """A camera at one instant.

    Attributes:
        camera_id: its id.
        online: whether a processor stands for it.
        since: since when it is online, or is not; seconds since 1970, UTC.
        last_frame: when its last frame came, likewise; None where none has since the server started.
        frames_per_second: how many frames it sent a second, over the last minute of its being online.
    """

    camera_id: str
    online: bool
    since: float
    last_frame: float | None
    frames_per_second: float


class Camera:
    """One camera, from the first time that a processor stood for it. Instants are seconds since 1970, UTC.

    Attributes:
        camera_id: its name.
        head: how every frame of its boxes begins on the wire.
        since: since when it is online, or is not.
        last_frame: when its last frame came; None where none has.
        view: what its last frames showed that showed anything; None where none did.
        writes_floats: whether its frame ids are floats: JavaScript writes 12.0 as 12, which a stock processor refuses,
            so a `start` for such a camera gets its float back (contract, part 3).
    """

    __slots__ = (
        "_counting_since",
        "_counts",
        "_newest",
        "_newest_begins",
        "_newest_ends",
        "camera_id",
        "head",
        "last_frame",
        "since",
        "view",
        "writes_floats",
    )

    def __init__(self, camera_id: str) -> None:
        self.camera_id = camera_id
        self.head = bounding_boxes_head(camera_id)
        self.since = 0.0
        self.last_frame: float | None = None
        self.view: View | None = None
        self.writes_floats = False
        # A ring of as many seconds as the window has.
        self._counts = [0] * _WINDOW
        # The second that was counted last; as floats, which every frame is compared with, where it begins and ends.
        self._newest = 0
        self._newest_begins = self._newest_ends = 0.0
        self._counting_since = 0.0

    def change(self, at: float) -> None:
        """It came, or it left."""
        self.since = self._counting_since = at
        self.view = None  # its ids may be many, and it is remembered for long
        self._counts = [0] * _WINDOW
        self._count_from(int(at))

    def sent_frame(self, frame_id: bytes, at: float) -> None:
        """A frame of that id came. Called for every frame of every camera: kept short on purpose."""
        if at >= self._newest_ends or at < self._newest_begins:
            self._advance(int(at))
        self._counts[self._newest % _WINDOW] += 1
        self.last_frame = at
        if not self.writes_floats and _FLOAT.fullmatch(frame_id) is not None:
            self.writes_floats = _INTEGER.fullmatch(frame_id) is None

    def own_frame_id(self, frame_id: Raw) -> Raw:
        """`frame_id`, as this camera would have written it."""
        if self.writes_floats and _INTEGER.fullmatch(bytes(frame_id)):
            return Raw(bytes(frame_id) + b".0")
        return frame_id

    def rate(self, at: float) -> float:
        """Frames a second, over the time that the ring covers at the instant `at`."""
        self._advance(int(at))
        covered = at - max(self._counting_since, self._newest - _WINDOW + 1)
        return sum(self._counts) / max(covered, 1.0)

    def _advance(self, second: int) -> None:
        passed = second - self._newest
        if 0 < passed < _WINDOW:
            for passing in range(self._newest + 1, second + 1):
                self._counts[passing % _WINDOW] = 0
        elif passed:
            # Nothing came for a whole window, or the clock was set back: what was counted tells nothing of now.
            self._counts = [0] * _WINDOW
            if passed < 0:
                self._counting_since = second
        self._count_from(second)

    def _count_from(self, second: int) -> None:
        self._newest = second
        self._newest_begins, self._newest_ends = float(second), second + 1.0


class Cameras:
    """All cameras that a processor stood for since the server started."""

    def __init__(self) -> None:
        self._online: dict[str, Camera] = {}
        self._offline: dict[str, Camera] = {}  # those that went first in front

    def came(self, camera_id: str, at: float) -> Camera:
        """The camera, which a processor stands for from now on; nothing new where it is online already."""
        camera = self._online.get(camera_id)
        if camera is None:
            camera = self._offline.pop(camera_id, None) or Camera(camera_id)
            camera.change(at)
            self._online[camera_id] = camera
        return camera

    def left(self, camera_id: str, at: float) -> None:
        """No processor stands for the camera any more."""
        camera = self._online.pop(camera_id)
        camera.change(at)
        self._offline[camera_id] = camera
        if len(self._offline) > MAX_OFFLINE:
            del self._offline[next(iter(self._offline))]

    def status(self, at: float) -> list[CameraStatus]:
        """All of them as they are at the instant `at`, by id."""
        found = [(camera_id, True, camera) for camera_id, camera in self._online.items()]
        found += [(camera_id, False, camera) for camera_id, camera in self._offline.items()]
        return [
            CameraStatus(camera_id, online, camera.since, camera.last_frame, camera.rate(at) if online else 0.0)
            for camera_id, online, camera in sorted(found, key=lambda entry: entry[0])
        ]
