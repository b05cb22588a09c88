"""Which cameras there are: online or not, since when, how many frames they send, and how they name them."""

from typing import Final, NamedTuple

MAX_OFFLINE: Final = 1000
"""So many cameras that are gone are remembered; names are the peers' own, so there may be any number of them."""

_WINDOW: Final = 60  # seconds over which frames are counted


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


class Cameras:
    """All cameras that a processor stood for since the server started. Instants are seconds since 1970, UTC."""

    def __init__(self) -> None:
        self._online: dict[str, _Camera] = {}
        self._offline: dict[str, _Camera] = {}  # those that went first in front

    def came(self, camera_id: str, at: float) -> None:
        """A processor stands for the camera from now on; nothing new where it is online already."""
        if camera_id not in self._online:
            camera = self._offline.pop(camera_id, None) or _Camera()
            camera.change(at)
            self._online[camera_id] = camera

    def left(self, camera_id: str, at: float) -> None:
        """No processor stands for the camera any more."""
        camera = self._online.pop(camera_id)
        camera.change(at)
        self._offline[camera_id] = camera
        if len(self._offline) > MAX_OFFLINE:
            del self._offline[next(iter(self._offline))]

    def sent_frame(self, camera_id: str, at: float) -> None:
        """A frame of an online camera came."""
        self._online[camera_id].count(at)

    def note_floats(self, camera_id: str) -> None:
        """The frame ids of an online camera are floats."""
        self._online[camera_id].writes_floats = True

    def writes_floats(self, camera_id: str) -> bool:
        """Whether those of an online camera are, or were on a connection before."""
        return self._online[camera_id].writes_floats

    def status(self, at: float) -> list[CameraStatus]:
        """All of them as they are at the instant `at`, by id."""
        found = [(camera_id, True, camera) for camera_id, camera in self._online.items()]
        found += [(camera_id, False, camera) for camera_id, camera in self._offline.items()]
        return [
            CameraStatus(camera_id, online, camera.since, camera.last_frame, camera.rate(at) if online else 0.0)
            for camera_id, online, camera in sorted(found, key=lambda entry: entry[0])
        ]


class _Camera:
    """One camera's counters: a ring of as many seconds as the window has."""

    __slots__ = ("_counting_since", "_counts", "_newest", "last_frame", "since", "writes_floats")

    def __init__(self) -> None:
        self.since = 0.0
        self.last_frame: float | None = None
        self.writes_floats = False
        self._counts = [0] * _WINDOW
        self._newest = 0  # the second that was counted last
        self._counting_since = 0.0

    def change(self, at: float) -> None:
        """It came, or it left."""
        self.since = self._counting_since = at
        self._counts = [0] * _WINDOW
        self._newest = int(at)

    def count(self, at: float) -> None:
        """One frame more. Called for every frame of every camera: kept short on purpose."""
        second = int(at)
        if second != self._newest:
            self._advance(second)
        self._counts[second % _WINDOW] += 1
        self.last_frame = at

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
        self._newest = second
