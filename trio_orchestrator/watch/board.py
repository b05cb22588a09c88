"""What is shown: cameras and objects, and how many frames come; plain and synchronous, `at` is handed in."""

from collections import deque
from typing import Final

from trio_orchestrator.client import BoundingBoxes, Connected, Event, Lagged, Overview, Welcome

RATE_SECONDS: Final = 5.0


class Board:
    """How things stand, for whoever hands it every event.

    Attributes:
        overview: cameras and live objects.
        server: name and version of the server; empty before it has said so.
        connections: how many connections were made so far.
        connected: whether there is one now; without, all else is as it was when it ended. To be set by whoever knows.
        left_out: frames that the server left out because this peer is slow.
    """

    def __init__(self) -> None:
        self.overview = Overview()
        self.server = ""
        self.connections = 0
        self.connected = False
        self.left_out = 0
        self._frames: dict[str, deque[float]] = {}
        self._boxes: dict[str, int] = {}

    def apply(self, event: Event, at: float) -> None:
        """Take note of what came at `at`, in seconds on any one clock."""
        match event:
            case BoundingBoxes(camera_id=camera_id, boxes=boxes):
                frames = self._frames.setdefault(camera_id, deque())
                frames.append(at)
                _forget_old(frames, at)
                self._boxes[camera_id] = len(boxes)
            case Connected(number=number):
                self.connections = number
            case Welcome(server=server):
                self.server = server
            case Lagged(dropped=dropped):
                self.left_out += dropped
            case _:
                self.overview.apply(event)

    def rate(self, camera_id: str, at: float) -> float:
        """Frames a second of a camera, over the last five."""
        frames = self._frames.get(camera_id)
        if not frames:
            return 0.0
        _forget_old(frames, at)
        return len(frames) / RATE_SECONDS

    def boxes(self, camera_id: str) -> int:
        """Boxes in the newest frame of a camera."""
        return self._boxes.get(camera_id, 0)


def _forget_old(frames: deque[float], at: float) -> None:
    while frames and frames[0] <= at - RATE_SECONDS:
        frames.popleft()
