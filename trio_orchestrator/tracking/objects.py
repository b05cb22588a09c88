"""The tracked object and its life, as a table of states."""

from enum import Enum, auto
from typing import Final

from msgspec import Raw

from trio_orchestrator.protocol.inbound import ABSENT
from trio_orchestrator.protocol.outbound import NO_FEATURES

_EMPTY_FEATURE_MAPS: Final = frozenset({b"", b"{}", b"[]", b"null"})


class State(Enum):
    """Where a tracked object is in its life."""

    STARTED = auto()
    """A processor was told to find it; nobody has said yet what it looks like."""
    FEATURES = auto()
    """Its feature map is known, so every camera can look for it."""
    STOPPED = auto()
    """It is no longer tracked; its timeline stays."""


class Event(Enum):
    """What can happen to a tracked object."""

    FEATURE_MAP = auto()
    STOP = auto()


class IllegalTransition(Exception):
    """You misused me: what happened cannot happen to an object in that state."""


TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    State.STARTED: {Event.FEATURE_MAP: State.FEATURES, Event.STOP: State.STOPPED},
    State.FEATURES: {Event.FEATURE_MAP: State.FEATURES, Event.STOP: State.STOPPED},
    State.STOPPED: {},
}


class TrackedObject:
    """Somebody or something that is followed from camera to camera.

    Attributes:
        object_id: positive, never given twice in the life of a database.
        image: its cut-out, a JSON string as the client sent it; empty where there is none.
        feature_map: its newest feature map, JSON as the processor sent it; `{}` while nobody has sent one.
        state: where it is in its life.
    """

    __slots__ = ("feature_map", "image", "object_id", "state")

    def __init__(self, object_id: int, image: Raw = ABSENT, feature_map: Raw = ABSENT) -> None:
        self.object_id = object_id
        self.image = image
        self.feature_map = feature_map or NO_FEATURES
        self.state = State.FEATURES if feature_map else State.STARTED

    def learn(self, feature_map: Raw) -> None:
        """Take `feature_map` as the newest.

        Raises:
            IllegalTransition: the object is stopped.
        """
        self._advance(Event.FEATURE_MAP)
        self.feature_map = feature_map

    def stop(self) -> None:
        """End the tracking.

        Raises:
            IllegalTransition: it has ended already.
        """
        self._advance(Event.STOP)

    @property
    def recognizable(self) -> bool:
        """Whether a processor that is sent the feature map can know the object by it (contract, "Settled details")."""
        return bytes(self.feature_map).translate(None, b" \t\r\n") not in _EMPTY_FEATURE_MAPS

    def _advance(self, event: Event) -> None:
        try:
            self.state = TRANSITIONS[self.state][event]
        except KeyError:
            raise IllegalTransition(f"object {self.object_id}: {event.name} in state {self.state.name}") from None
