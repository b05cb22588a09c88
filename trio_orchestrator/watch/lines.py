"""What happens, in a line each: for a file, a pipe, or a terminal that cannot do more."""

from typing import Final

from trio_orchestrator.client import CameraChange, Cameras, Connected, Error, Event, Lagged, Tracked, TrackingChange
from trio_orchestrator.client.plain import plain

from .board import Board

FELL_BEHIND: Final = "what this is read by is too slow, and some of what happened was left out"


def line_of(event: Event) -> str | None:
    """What to say of an event; None where nothing is (boxes come by the thousand)."""
    match event:
        case Connected(number=number):
            return "connected" if number == 1 else "connected again"
        case Cameras(cameras=cameras):
            return f"{sum(camera.online for camera in cameras)} of {len(cameras)} cameras are online"
        case CameraChange(camera_id=camera_id, online=online):
            return f"camera {plain(camera_id)} is {'online' if online else 'offline'}"
        case Tracked(objects=objects):
            return f"{len(objects)} objects are tracked"
        case TrackingChange():
            return _search(event)
        case Lagged(dropped=dropped):
            return f"{dropped} frames were left out"
        case Error(code=code, message=message):
            return f"error {plain(code)}: {plain(message)}"
        case _:
            return None


def summary(board: Board, at: float) -> str:
    """The rates of all cameras that are online."""
    rates = [
        f"{plain(camera.camera_id)} {board.rate(camera.camera_id, at):.1f}/s"
        for camera in sorted(board.overview.cameras.values(), key=lambda camera: camera.camera_id)
        if camera.online
    ]
    return f"{len(board.overview.searches)} objects; frames: " + (", ".join(rates) or "none")


def _search(change: TrackingChange) -> str:
    words = [f"object {change.object_id} {plain(change.state)}"]
    if change.camera_id is not None:
        words.append(f"on {plain(change.camera_id)}")
    if change.by is not None:
        words.append(f"by {plain(change.by)}")
    if change.reason is not None:
        words.append(f"({plain(change.reason)})")
    return " ".join(words)
