"""The tracked object and its life, as a table of states."""

from enum import Enum, StrEnum, auto
from typing import Final

from msgspec import Raw

from trio_orchestrator.protocol.inbound import ABSENT
from trio_orchestrator.protocol.outbound import NO_FEATURES

from .views import View

_EMPTY_FEATURE_MAPS: Final = frozenset({b"", b"{}", b"[]", b"null"})


class State(StrEnum):
    """Where the search for a tracked object is; the values are what peers are told (docs/protocol.md)."""

    STARTED = "started"
    """A processor was told to find it; nobody has answered yet."""
    FEATURES = "features"
    """Its feature map is known, so every camera can look for it."""
    SEEN = "seen"
    """It is on a camera."""
    LOST = "lost"
    """It has been on a camera, and is on none now."""
    FAILED = "failed"
    """Nobody has answered in time; somebody still may."""
    STOPPED = "stopped"
    """It is no longer tracked; its timeline stays."""


class Event(Enum):
    """What can happen to a tracked object."""

    STARTED_AGAIN = auto()
    FEATURE_MAP = auto()
    SEEN = auto()
    LOST = auto()
    NO_ANSWER = auto()
    STOP = auto()


class IllegalTransition(Exception):
    """You misused me: what happened cannot happen to an object in that state."""


TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    State.STARTED: {
        Event.STARTED_AGAIN: State.STARTED,
        Event.FEATURE_MAP: State.FEATURES,
        Event.SEEN: State.SEEN,
        Event.NO_ANSWER: State.FAILED,
        Event.STOP: State.STOPPED,
    },
    State.FEATURES: {
        Event.FEATURE_MAP: State.FEATURES,
        Event.SEEN: State.SEEN,
        Event.STOP: State.STOPPED,
    },
    State.SEEN: {
        Event.STARTED_AGAIN: State.SEEN,
        Event.FEATURE_MAP: State.SEEN,
        Event.SEEN: State.SEEN,
        Event.LOST: State.LOST,
        Event.STOP: State.STOPPED,
    },
    State.LOST: {
        Event.STARTED_AGAIN: State.STARTED,
        Event.FEATURE_MAP: State.LOST,
        Event.SEEN: State.SEEN,
        Event.STOP: State.STOPPED,
    },
    State.FAILED: {
        Event.STARTED_AGAIN: State.STARTED,
        Event.FEATURE_MAP: State.FEATURES,
        Event.SEEN: State.SEEN,
        Event.STOP: State.STOPPED,
    },
    State.STOPPED: {},
}


class TrackedObject:
    """Somebody or something that is followed from camera to camera.

    Attributes:
        object_id: positive, never given twice in the life of a database.
        started_on: the camera it was started on.
        started_at: seconds since 1970, UTC.
        expires_at: when it stops being tracked by itself, likewise; None for never.
        image: its cut-out, a JSON string as the client sent it; empty where there is none.
        feature_map: its newest feature map, JSON as the processor sent it; `{}` while nobody has sent one.
        state: where the search for it is.
        camera_id: the camera of its last change of state.
        seen_on: the cameras it is on now, each with the last view of it there, which knows when that was.
    """

    __slots__ = (
        "camera_id",
        "expires_at",
        "feature_map",
        "image",
        "object_id",
        "seen_on",
        "started_at",
        "started_on",
        "state",
    )

    def __init__(
        self,
        object_id: int,
        started_on: str,
        started_at: float,
        *,
        expires_at: float | None = None,
        image: Raw = ABSENT,
        feature_map: Raw = ABSENT,
    ) -> None:
        self.object_id = object_id
        self.started_on = self.camera_id = started_on
        self.started_at = started_at
        self.expires_at = expires_at
        self.image = image
        self.feature_map = feature_map or NO_FEATURES
        self.state = State.FEATURES if feature_map else State.STARTED
        self.seen_on: dict[str, View] = {}

    def start_again(self) -> None:
        """The processor of the camera it was started on was told anew to find it."""
        self._advance(Event.STARTED_AGAIN)
        if self.state is State.STARTED:
            self.camera_id = self.started_on

    def learn(self, feature_map: Raw, camera_id: str) -> bool:
        """Take `feature_map` as the newest, from the processor of `camera_id`; whether it is the first."""
        first = self.feature_map is NO_FEATURES
        self._advance(Event.FEATURE_MAP)
        self.feature_map = feature_map
        if first and self.state is State.FEATURES:
            self.camera_id = camera_id
        return first

    def appear(self, camera_id: str, view: View) -> None:
        """Be on a camera from now on."""
        self._advance(Event.SEEN)
        self.seen_on[camera_id] = view
        self.camera_id = camera_id

    def disappear(self, camera_id: str) -> float:
        """Be no longer on a camera; the instant of the last sighting there. While it is on others it stays seen.

        On which of them is a rule that whoever was told of the changes can follow, since whenever that was.
        """
        view = self.seen_on.pop(camera_id)
        view.end()
        if not self.seen_on:
            self._advance(Event.LOST)
            self.camera_id = camera_id
        elif self.camera_id == camera_id:
            self.camera_id = min(self.seen_on)
        return view.at

    def give_up(self) -> None:
        """Nobody has answered in time."""
        self._advance(Event.NO_ANSWER)

    def stop(self) -> None:
        """End the tracking."""
        self._advance(Event.STOP)
        for view in self.seen_on.values():
            view.end()

    @property
    def answered(self) -> bool:
        """Whether anybody has made something of the start: sent features, or seen it."""
        return self.feature_map is not NO_FEATURES or self.state not in (State.STARTED, State.FAILED)

    @property
    def recognizable(self) -> bool:
        """Whether a processor that is sent the feature map can know the object by it (contract, "Settled details")."""
        return bytes(self.feature_map).translate(None, b" \t\r\n") not in _EMPTY_FEATURE_MAPS

    def _advance(self, event: Event) -> None:
        try:
            self.state = TRANSITIONS[self.state][event]
        except KeyError:
            raise IllegalTransition(f"object {self.object_id}: {event.name} in state {self.state.name}") from None
