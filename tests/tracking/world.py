"""A world for the hub: peers that remember what they were told; deadlines, a journal and a disk in the test's hands."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from trio_orchestrator.protocol.boxes import Certainty
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.errors import PeerError
from trio_orchestrator.protocol.inbound import CLIENT_MESSAGES, PROCESSOR_MESSAGES, Unknown
from trio_orchestrator.tracking.announcements import Announcements
from trio_orchestrator.tracking.hub import Hub, Peer
from trio_orchestrator.tracking.limits import ObjectLimits, Takeovers
from trio_orchestrator.tracking.ports import (
    Actor,
    Change,
    LiveObject,
    NewObject,
    ObjectErasure,
    Outbox,
    Pending,
    Reminder,
    StopReason,
)
from trio_orchestrator.tracking.searches import Searches

Key = TypeVar("Key", bound=Hashable)


def kept(
    object_id: int,
    image: bytes = b"",
    feature_map: bytes = b"",
    remaining: float | None = None,
    camera_id: str = "elsewhere",
) -> LiveObject:
    """An object that was live when the server last stopped."""
    return LiveObject(object_id, image, feature_map, remaining, camera_id, started_at=500.0)


class FakeOutbox:
    """Takes at once what it is offered, unless it is slow: then all waits, unmade, for `catch_up`."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.closed: CloseCode | None = None
        self.slow = False
        self.make_report: Callable[[int], bytes] | None = None
        self._waiting: list[Iterable[bytes]] = []

    def offer(self, message: bytes) -> None:
        self._take([message])

    def offer_each(self, messages: Iterable[bytes]) -> None:
        assert isinstance(messages, Iterator), "a snapshot must wait unmade"
        self._take(messages)

    def report_left_out(self, make: Callable[[int], bytes] | None) -> None:
        self.make_report = make

    def close(self, code: CloseCode, reason: str) -> None:
        assert reason
        self.closed = code

    def catch_up(self) -> None:
        """Be slow no more."""
        self.slow = False
        waiting, self._waiting = self._waiting, []
        for messages in waiting:
            self._take(messages)

    def _take(self, messages: Iterable[bytes]) -> None:
        if self.closed is not None:
            return
        if self.slow:
            self._waiting.append(messages)
        else:
            self.told += [message.decode() for message in messages]


class FakeBroadcast:
    """Hands over at once what is published."""

    def __init__(self) -> None:
        self.wants: dict[Outbox, frozenset[str] | None] = {}

    def join(self, outbox: Outbox, cameras: frozenset[str] | None) -> None:
        self.wants[outbox] = cameras

    def leave(self, outbox: Outbox) -> None:
        self.wants.pop(outbox, None)

    def publish(self, camera_id: str, message: Sequence[bytes]) -> None:
        for outbox, cameras in self.wants.items():
            if cameras is None or camera_id in cameras:
                outbox.offer(b"".join(message))


class FakeDeadlines(Generic[Key]):
    """Remembers what is to come due, and in how many seconds each."""

    def __init__(self) -> None:
        self.running: dict[Key, float | None] = {}

    def start(self, key: Key, seconds: float | None) -> None:
        assert not (isinstance(key, int) and key in self.running), "an object's end is set once"
        self.running[key] = seconds

    def end(self, key: Key) -> None:
        self.running.pop(key, None)


class Seen(NamedTuple):
    """A sighting as the journal was told of it."""

    object_id: int
    camera_id: str
    at: float
    certainty: float | None = None


class FakeJournal:
    """Remembers what is to be kept; refuses what is said of objects that are not live."""

    def __init__(self, is_live: Callable[[int], bool]) -> None:
        self._is_live = is_live
        self.sightings: list[Seen] = []
        self.feature_maps: list[tuple[int, str]] = []
        self.stops: list[tuple[int, StopReason]] = []

    def sighted(
        self, camera_id: str, at: float, object_ids: tuple[int, ...], certainties: tuple[Certainty, ...]
    ) -> None:
        for object_id, certainty in zip(object_ids, certainties, strict=True):
            assert self._is_live(object_id)
            self.sightings.append(Seen(object_id, camera_id, at, certainty))

    def feature_map_changed(self, object_id: int, feature_map: bytes) -> None:
        assert self._is_live(object_id)
        self.feature_maps.append((object_id, feature_map.decode()))

    def stopped(self, object_id: int, reason: StopReason) -> None:
        self.stops.append((object_id, reason))


class Held(NamedTuple):
    """A decision that waits for the disk."""

    peer: "Somebody"
    pending: Pending


class World:
    """A hub and everything around it.

    Attributes:
        at: the time of day that messages are received at.
        holding: whether the disk holds changes back until `commit` or `fail`.
        held: the changes that are held back, oldest first.
        changes: all that were made durable.
    """

    def __init__(
        self,
        *,
        tracking_timeout: float | None = None,
        restored: Iterable[LiveObject] = (),
        limits: ObjectLimits | None = None,
        takeovers: Takeovers | None = None,
    ) -> None:
        self.broadcast = FakeBroadcast()
        self.deadlines = FakeDeadlines[int]()
        self.reminders = FakeDeadlines[Reminder]()
        self.announcements = Announcements("orchestrator/1", "e-1")
        self.journal = FakeJournal(self.deadlines.running.__contains__)
        self.hub = Hub(
            broadcast=self.broadcast,
            deadlines=self.deadlines,
            journal=self.journal,
            searches=Searches(self.announcements, self.reminders),
            announcements=self.announcements,
            tracking_timeout=tracking_timeout,
            limits=limits,
            takeovers=takeovers,
        )
        self.at = 1000.0
        self.holding = False
        self.held: list[Held] = []
        self.changes: list[Change] = []
        restored = list(restored)
        self.hub.objects.restore(restored, self.at)
        self._newest_id = max((stored.object_id for stored in restored), default=0)

    def client(self, *, images: bool = False, actor: Actor | None = None) -> "Somebody":
        """A client connects."""
        outbox = FakeOutbox()
        client = Somebody(self, self.hub.connect_client(outbox, actor), outbox)
        if images:
            client.says('{"type":"setUsesImages","usesImages":true}')
            client.heard()
        return client

    def processor(self, camera_id: str | None = None) -> "Somebody":
        """A processor connects, and identifies itself where `camera_id` is given."""
        outbox = FakeOutbox()
        processor = Somebody(self, self.hub.connect_processor(outbox), outbox, is_processor=True)
        if camera_id is not None:
            processor.says('{"type":"identifier","id":"' + camera_id + '"}')
            processor.heard()
        return processor

    def expire(self, object_id: int) -> None:
        """The deadline of an object passes: as the supervisor, first forget it, then tell."""
        del self.deadlines.running[object_id]
        self.hub.objects.expire(object_id, self.at)

    def remind(self, reminder: Reminder) -> None:
        """A reminder is due, likewise."""
        del self.reminders.running[reminder]
        self.hub.objects.remind(reminder, self.at)

    def erase(self, object_id: int, actor: Actor | None = None) -> None:
        """Somebody wants an object forgotten; the disk does it at once."""
        pending = self.hub.objects.erase(object_id, actor, self.at)
        assert pending.change == ObjectErasure(object_id, actor)
        pending.then(object_id)

    def commit(self, index: int = 0) -> int:
        """The disk has made a held change durable; the id of the object it is about."""
        _, pending = self.held.pop(index)
        self.changes.append(pending.change)
        if isinstance(pending.change, NewObject):
            self._newest_id += 1
            object_id = self._newest_id
        else:
            object_id = pending.change.object_id
        pending.then(object_id)
        return object_id

    def fail(self, index: int = 0) -> None:
        """The disk cannot take a held change."""
        self.held.pop(index).pending.otherwise()

    @property
    def live(self) -> set[int]:
        """The objects that are watched over."""
        return set(self.deadlines.running)


class Somebody:
    """A peer: a client or a processor, from connecting to leaving."""

    def __init__(self, world: World, peer: Peer, outbox: FakeOutbox, *, is_processor: bool = False) -> None:
        self._world = world
        self._decoder = PROCESSOR_MESSAGES if is_processor else CLIENT_MESSAGES
        self.peer = peer
        self.outbox = outbox

    def says(self, text: str) -> None:
        """The peer sends `text`; what cannot be carried out it hears of as `error: CODE`, as from its session."""
        try:
            message = self._decoder.decode(text.encode())
            if isinstance(message, Unknown):
                return
            pending = self._world.hub.receive(self.peer, message, self._world.at)
        except PeerError as error:
            request = "" if error.request_id is None else f" for {error.request_id}"
            self.outbox.told.append(f"error: {error.code}{request}")
            return
        if pending is not None:
            self._world.held.append(Held(self, pending))
            if not self._world.holding:
                self._world.commit()

    def heard(self) -> list[str]:
        """What it was told since last asked."""
        told, self.outbox.told = self.outbox.told, []
        return told

    def leaves(self) -> None:
        """Its socket has ended."""
        self._world.hub.disconnect(self.peer, self._world.at)
