"""How things stand, by the snapshots and changes that were told; plain and synchronous."""

from datetime import datetime
from typing import Final, NamedTuple

from .messages import Command, Event
from .news import CameraChange, Cameras, CameraState, Tracked, TrackingChange

MAX_OFFLINE: Final = 1000
"""So many cameras that are gone are remembered, the last to go; as many as the server itself remembers."""

_NEWS_OF_ITS_LOOKS_ALONE = ("seen", "lost")


class Search(NamedTuple):
    """Where the search for one live object is.

    Attributes:
        object_id: the object.
        state: `started`, `features`, `seen`, `lost` or `failed`.
        camera_id: the camera of its last change.
        seen_on: the cameras it is on now.
        started_at: when it was started, UTC.
        changed_at: when it last changed, UTC; the same where only a snapshot told of it.
    """

    object_id: int
    state: str
    camera_id: str
    seen_on: frozenset[str]
    started_at: datetime
    changed_at: datetime


class Overview:
    """All cameras and live objects, for whoever hands every event of a client or a processor to `apply`.

    The features `cameras` and `tracking` must have been asked for. A new connection brings new snapshots; between the
    two the last known state stays.

    Attributes:
        cameras: the cameras by their ids, of those that are gone the last 1000.
        searches: the live objects by their ids.
    """

    def __init__(self) -> None:
        self.cameras: dict[str, CameraState] = {}
        self.searches: dict[int, Search] = {}
        self._offline: dict[str, None] = {}  # those that went first in front

    def apply(self, event: Event | Command) -> None:
        """Take note of what an event says of cameras and objects, if anything."""
        match event:
            case Cameras(cameras=cameras):
                self.cameras, self._offline = {}, {}
                for camera in sorted(cameras, key=lambda camera: camera.since):
                    self._set(camera)
            case CameraChange():
                self._set(CameraState(event.camera_id, event.online, event.since))
            case Tracked(objects=objects):
                self.searches = {
                    state.object_id: Search(
                        state.object_id,
                        state.state,
                        state.camera_id,
                        frozenset(state.seen_on),
                        state.started_at,
                        state.started_at,
                    )
                    for state in objects
                }
            case TrackingChange():
                self._change(event)

    def _set(self, camera: CameraState) -> None:
        self.cameras[camera.camera_id] = camera
        self._offline.pop(camera.camera_id, None)
        if not camera.online:
            self._offline[camera.camera_id] = None
            if len(self._offline) > MAX_OFFLINE:
                forgotten = next(iter(self._offline))
                del self._offline[forgotten], self.cameras[forgotten]

    def _change(self, change: TrackingChange) -> None:
        if change.state == "stopped":
            self.searches.pop(change.object_id, None)
            return
        camera_id = change.camera_id or ""
        search = self.searches.get(change.object_id)
        if search is None:
            search = Search(change.object_id, "started", camera_id, frozenset(), change.at, change.at)
        state, seen_on = change.state, search.seen_on
        if state == "seen":
            seen_on |= {camera_id}
        elif state == "lost":
            seen_on -= {camera_id}
            if seen_on:  # it is still on another one
                state = "seen"
                camera_id = search.camera_id if search.camera_id in seen_on else min(seen_on)
        elif state == "features" and search.state in _NEWS_OF_ITS_LOOKS_ALONE:
            state, camera_id = search.state, search.camera_id
        self.searches[change.object_id] = search._replace(
            state=state, camera_id=camera_id, seen_on=seen_on, changed_at=change.at
        )
