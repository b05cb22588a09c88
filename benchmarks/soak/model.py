"""What must be true of what peers heard, whatever happened beside it."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_MOST_TOLD = 100


@dataclass
class CameraSession:
    """One connection of one camera.

    Attributes:
        camera_id: the camera.
        sent: how many frames it has sent, numbered from 1.
        in_good_order: whether it ended so that all it had sent must have arrived.
        started: ids of the objects that it was told to find.
    """

    camera_id: str
    sent: int = 0
    in_good_order: bool = False
    started: set[int] = field(default_factory=set)


@dataclass
class Hearing:
    """What one watcher, who was there from the beginning, has heard.

    Attributes:
        last: number of the last frame of each session of a camera.
        announced: ids of the objects that it was told of.
        ended: ids of those that it was told the end of.
    """

    last: Counter[str] = field(default_factory=Counter)
    announced: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)


class Model:
    """Knows what everybody should hear, and collects what does not fit.

    Attributes:
        violations: what did not fit, in words.
        delays: how long frames took from a camera to a watcher since this was last emptied, in seconds.
        counts: how much of what has happened.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.delays: list[float] = []
        self.counts: Counter[str] = Counter()
        self._sessions: dict[str, CameraSession] = {}
        self._current: dict[str, CameraSession] = {}
        self._hearings: list[Hearing] = []
        self._accepted: dict[int, CameraSession | None] = {}

    def violated(self, what: str) -> None:
        """Something is not as it must be."""
        self.counts["violations"] += 1
        if len(self.violations) < _MOST_TOLD:
            self.violations.append(what)

    # Cameras.

    def connected(self, camera_id: str) -> tuple[str, CameraSession]:
        """A camera is registered; a name for this session of it, and the session."""
        name = f"{camera_id}-{len(self._sessions)}"
        session = self._sessions[name] = self._current[camera_id] = CameraSession(camera_id)
        self.counts["camera sessions"] += 1
        return name, session

    def disconnecting(self, session: CameraSession, *, in_good_order: bool) -> None:
        """From now on it sends nothing."""
        session.in_good_order = in_good_order
        if self._current.get(session.camera_id) is session:
            del self._current[session.camera_id]

    def current(self, camera_id: str) -> CameraSession | None:
        """The session of the camera that is there now."""
        return self._current.get(camera_id)

    # Operators.

    def accepted(self, object_id: int, session: CameraSession | None) -> None:
        """An operator was given an object; `session` if the camera was there all the time since it asked."""
        self.counts["objects"] += 1
        if object_id in self._accepted:
            self.violated(f"the id {object_id} was given twice")
        self._accepted[object_id] = session

    # Watchers.

    def watcher(self) -> Hearing:
        """Somebody who watches from now on to the end."""
        hearing = Hearing()
        self._hearings.append(hearing)
        return hearing

    def heard(self, hearing: Hearing, message: dict[str, Any]) -> None:
        """A watcher has heard `message`."""
        kind = message["type"]
        if kind == "boundingBoxes":
            self._heard_frame(hearing, message)
        elif kind == "newObject":
            if message["objectId"] in hearing.announced:
                self.violated(f"object {message['objectId']} was announced twice")
            hearing.announced.add(message["objectId"])
        elif kind == "stop":
            if message["objectId"] not in hearing.announced or message["objectId"] in hearing.ended:
                self.violated(f"object {message['objectId']} ended without having begun, or twice")
            hearing.ended.add(message["objectId"])
        elif kind == "error":
            self.violated(f"a watcher was told {message['code']}: {message['message']}")

    def _heard_frame(self, hearing: Hearing, message: dict[str, Any]) -> None:
        name, _, number = message["frameId"].partition(".")
        self.delays.append(time.monotonic() - message["boxes"][0]["sent"])
        self.counts["frames heard"] += 1
        if int(number) != hearing.last[name] + 1:
            self.violated(f"frame {number} of {name} came after {hearing.last[name]}")
        hearing.last[name] = int(number)

    # The end.

    def settled(self) -> bool:
        """Whether everybody has heard all."""
        return not list(self._missing())

    def judge(self, stored: set[int]) -> None:
        """At the end, when nobody speaks any more: `stored` are the ids that the server knows."""
        for missing in self._missing():
            self.violated(missing)
        if lost := self._accepted.keys() - stored:
            self.violated(f"accepted and not stored: {sorted(lost)[:10]}")
        if unheard := stored - self._hearings[0].announced:
            self.violated(f"stored and not announced: {sorted(unheard)[:10]}")

    def _missing(self) -> "list[str]":
        missing = []
        for hearing in self._hearings:
            missing += [
                f"of {session.sent} frames of {name} the last heard is {hearing.last[name]}"
                for name, session in self._sessions.items()
                if session.in_good_order and hearing.last[name] != session.sent
            ]
            for what, ids in (("announced", hearing.announced), ("ended", hearing.ended)):
                if lost := self._accepted.keys() - ids:
                    missing.append(f"not {what}: {sorted(lost)[:10]}")
        missing += [
            f"{session.camera_id} was not told to find object {object_id}"
            for object_id, session in self._accepted.items()
            if session is not None and session.in_good_order and object_id not in session.started
        ]
        return missing
