"""What the decisions need of the world, as small Protocols and plain records; Trio and sockets are behind them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from trio_orchestrator.protocol.boxes import Certainty
from trio_orchestrator.protocol.codes import CloseCode


class StopReason(StrEnum):
    """Why an object is no longer tracked."""

    CLIENT = "client"
    TIMEOUT = "timeout"
    ERASED = "erased"


class Actor(NamedTuple):
    """Who asks for something, as far as that can be told.

    Attributes:
        subject: the token's `sub`; None where no token was asked for.
        name: the token's name for people; likewise.
        address: where the request came from, an IP address without a port; None where a token tells who it was.
    """

    subject: str | None = None
    name: str | None = None
    address: str | None = None


class Outbox(Protocol):
    """Takes what one peer is to be told; never waits, never raises, and is silent once the peer is gone."""

    def offer(self, message: bytes) -> None:
        """Send the JSON text `message`, after all that was offered before."""

    def offer_each(self, messages: Iterable[bytes]) -> None:
        """Send `messages` likewise, each made only when the peer takes it, so that a long snapshot waits unmade."""

    def report_left_out(self, make: Callable[[int], bytes] | None) -> None:
        """From now on tell the peer, in what `make` makes of their number, when boxes were left out; None: do not."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Send what was offered, then close the connection with `code` and `reason`."""


class Broadcast(Protocol):
    """Takes what many clients get at once: the boxes of a camera's frame."""

    def join(self, outbox: Outbox, cameras: frozenset[str] | None) -> None:
        """From now on `outbox` gets the boxes of `cameras`, of all where None; replaces what it got before."""

    def leave(self, outbox: Outbox) -> None:
        """From now on `outbox` gets no boxes."""

    def publish(self, camera_id: str, message: Sequence[bytes]) -> None:
        """Send a JSON text, one frame of that camera, to all that want it; `message` are its parts, in their order."""


class AnswerDue(NamedTuple):
    """A reminder: by now somebody should have answered the start of an object."""

    object_id: int


class VisitDue(NamedTuple):
    """A reminder: an object may have left a camera by now."""

    object_id: int
    camera_id: str


Reminder: TypeAlias = AnswerDue | VisitDue
_Key = TypeVar("_Key", contravariant=True)


class Deadlines(Protocol[_Key]):
    """Keeps one deadline a key: a live object's end (`Hub.expire`), or a reminder of the hub's own (`Hub.remind`)."""

    def start(self, key: _Key, seconds: float | None) -> None:
        """Let `key` be due in `seconds` (monotonic), never where None; in place of what was set for it before."""

    def end(self, key: _Key) -> None:
        """Let `key` not be due; it is not reported after this returns."""


class Journal(Protocol):
    """Takes what is to be kept, without waiting; it is on disk at most a second later."""

    def sighted(
        self, camera_id: str, at: float, object_ids: tuple[int, ...], certainties: tuple[Certainty, ...]
    ) -> None:
        """A frame of a camera, at `at` (seconds since 1970, UTC), showed these live objects, so certainly each.

        It costs less where `object_ids` is the very tuple that came with the camera's last frame.
        """

    def feature_map_changed(self, object_id: int, feature_map: bytes) -> None:
        """A live object has a new feature map, JSON text."""

    def stopped(self, object_id: int, reason: StopReason) -> None:
        """An object stopped being tracked by itself, now."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """A durable change to be made: an object comes into being.

    Attributes:
        camera_id: the camera it is started on.
        image: its cut-out, the client's JSON string; empty where there is none.
        timeout: seconds after which it stops being tracked; None for never.
        started_by: who asked for it; None where nobody is known.
    """

    camera_id: str
    image: bytes
    timeout: float | None
    started_by: Actor | None


@dataclass(frozen=True, slots=True)
class ObjectStop:
    """A durable change to be made: a client ends the tracking of an object.

    Attributes:
        object_id: the object.
        stopped_by: who asked for it; None where nobody is known.
    """

    object_id: int
    stopped_by: Actor | None


@dataclass(frozen=True, slots=True)
class ObjectErasure:
    """A durable change to be made: all that tells of an object goes, but that its id was given.

    Attributes:
        object_id: the object, live or past.
        erased_by: who asked for it; None where its time was over.
    """

    object_id: int
    erased_by: Actor | None


def _do_nothing() -> None:
    pass


Change: TypeAlias = NewObject | ObjectStop | ObjectErasure


@dataclass(frozen=True, slots=True)
class Pending:
    """A decision whose effects wait until its change is on disk.

    Attributes:
        change: what is to be made durable.
        then: to be called once it is, with the object's id, on the event loop and without awaiting before;
            not to be called where the change could not be made.
        request_id: what an `error` is to give back where the change could not be made.
        otherwise: to be called instead of `then` where it could not be made.
    """

    change: Change
    then: Callable[[int], None]
    request_id: str | None
    otherwise: Callable[[], None] = _do_nothing


class LiveObject(NamedTuple):
    """An object that was live when the server stopped, as the store kept it.

    Attributes:
        object_id: its id.
        image: its cut-out, JSON text; empty where there is none.
        feature_map: its newest feature map, JSON text; empty where nobody has sent one.
        remaining: seconds until it stops being tracked, negative where that is over; None for never.
        camera_id: the camera it was started on.
        started_at: seconds since 1970, UTC.
    """

    object_id: int
    image: bytes
    feature_map: bytes
    remaining: float | None
    camera_id: str
    started_at: float
