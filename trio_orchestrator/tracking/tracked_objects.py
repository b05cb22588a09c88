"""What is tracked: how each live object comes, what is learned of it, and how it ends.

What must be on disk first is returned as `Pending` and takes effect when its `then` is called; all else leaves at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from msgspec import Raw

from trio_orchestrator.protocol.boxes import Frame
from trio_orchestrator.protocol.errors import UnknownCamera, UnknownObject
from trio_orchestrator.protocol.inbound import FeatureMap, Start, Stop
from trio_orchestrator.protocol.outbound import (
    NO_FEATURES,
    Accepted,
    FeatureMapUpdate,
    NewObjectNotice,
    StartCommand,
    StopNotice,
)

from .cameras import Camera
from .limits import ObjectLimits
from .objects import State, TrackedObject
from .peers import Client, Processor
from .ports import (
    Actor,
    AnswerDue,
    Deadlines,
    Journal,
    LiveObject,
    NewObject,
    ObjectErasure,
    ObjectStop,
    Pending,
    Reminder,
    StopReason,
)
from .roster import Roster
from .searches import Searches
from .views import View


class Counts(NamedTuple):
    """How many objects there are, and were since the server started.

    Attributes:
        live: tracked now.
        started: begun by a client.
        ended: no longer tracked, however that came about.
        expired: those of them whose timeout passed.
    """

    live: int
    started: int
    ended: int
    expired: int


class TrackedObjects:
    """All objects that are tracked now.

    Args:
        roster: who is to be told.
        deadlines: keeps each object's timeout.
        journal: takes sightings, feature maps and expiries.
        searches: follows what becomes of each object.
        tracking_timeout: seconds an object is tracked; None for until it is stopped.
        limits: what live objects may cost.
    """

    def __init__(
        self,
        *,
        roster: Roster,
        deadlines: Deadlines[int],
        journal: Journal,
        searches: Searches,
        tracking_timeout: float | None,
        limits: ObjectLimits,
    ) -> None:
        self._roster = roster
        self._deadlines = deadlines
        self._journal = journal
        self._searches = searches
        self._tracking_timeout = tracking_timeout
        self._limits = limits
        self._beginning: set[object] = set()
        """One for each object that was asked for and is not on disk yet."""
        self._objects: dict[int, TrackedObject] = {}
        self._started = self._ended = self._expired = 0

    def __iter__(self) -> Iterator[TrackedObject]:
        return iter(self._objects.values())

    def counts(self) -> Counts:
        """How many there are, and were."""
        return Counts(len(self._objects), self._started, self._ended, self._expired)

    def restore(self, objects: Iterable[LiveObject], at: float) -> None:
        """Track again, from `at` on, what was live when the server last stopped."""
        for stored in objects:
            tracked = TrackedObject(
                stored.object_id,
                stored.camera_id,
                stored.started_at,
                expires_at=None if stored.remaining is None else at + stored.remaining,
                image=Raw(stored.image),
                feature_map=Raw(stored.feature_map),
            )
            self._objects[stored.object_id] = tracked
            self._deadlines.start(stored.object_id, stored.remaining)
            self._searches.resume(tracked)

    # How they begin and end.

    def start(self, client: Client, message: Start, at: float) -> Pending:
        """A client wants an object tracked; it begins once it is on disk.

        Raises:
            UnknownCamera: no processor stands for the camera.
            TooLarge, LimitReached: it would cost more than allowed.
        """
        if message.camera_id not in self._roster.processors:
            raise UnknownCamera("this camera is not connected", request_id=message.request_id)
        self._limits.check_start(message, len(self._objects) + len(self._beginning))
        change = NewObject(message.camera_id, bytes(message.image), self._tracking_timeout, client.actor)
        beginning = object()
        self._beginning.add(beginning)
        then = partial(self._begin, beginning, client, message, at)
        return Pending(change, then, message.request_id, partial(self._beginning.discard, beginning))

    def _begin(self, beginning: object, client: Client, message: Start, at: float, object_id: int) -> None:
        """The second half of `start`: the object is on disk, so it exists."""
        self._beginning.discard(beginning)
        expires_at = None if self._tracking_timeout is None else at + self._tracking_timeout
        tracked = TrackedObject(object_id, message.camera_id, at, expires_at=expires_at, image=message.image)
        self._objects[object_id] = tracked
        self._started += 1
        self._deadlines.start(object_id, self._tracking_timeout)
        processor = self._roster.processors.get(message.camera_id)
        if processor is not None:  # else it left meanwhile, and is sent the object when it comes back
            assert processor.camera is not None
            processor.knows.add(object_id)
            frame_id = processor.camera.own_frame_id(message.frame_id)
            processor.outbox.offer(StartCommand(object_id, frame_id, message.box_id, message.image).encode())
        self._roster.tell_image_users(NewObjectNotice(object_id, message.image).encode())
        self._searches.begin(tracked, at, client.subject)
        if message.request_id is not None:
            client.outbox.offer(Accepted(message.request_id, object_id).encode())

    def stop(self, client: Client, message: Stop, at: float) -> Pending:
        """A client wants an object no longer tracked; it ends once that is on disk.

        Raises:
            UnknownObject: it is not tracked.
        """
        self._tracked(message.object_id, message.request_id)
        change = ObjectStop(message.object_id, client.actor)
        return Pending(change, partial(self._finish, client, message, at), message.request_id)

    def _finish(self, client: Client, message: Stop, at: float, object_id: int) -> None:
        """The second half of `stop`: the end is on disk. It may have come by other ways meanwhile."""
        if object_id in self._objects:
            self._end(object_id, at, StopReason.CLIENT, client.subject)
        if message.request_id is not None:
            client.outbox.offer(Accepted(message.request_id, object_id).encode())

    def erase(self, object_id: int, actor: Actor | None, at: float) -> Pending:
        """Let nothing be left of an object, live or past, but that its id was given.

        Args:
            object_id: an object that is in the store.
            actor: who asks for it; None where its time is over.
            at: when, seconds since 1970, UTC.
        """
        return Pending(ObjectErasure(object_id, actor), partial(self._forget, actor, at), None)

    def _forget(self, actor: Actor | None, at: float, object_id: int) -> None:
        """The second half of `erase`: nothing of the object is on disk any more."""
        if object_id in self._objects:
            self._end(object_id, at, StopReason.ERASED, actor and actor.subject)

    def expire(self, object_id: int, at: float) -> None:
        """The tracking timeout of a live object has passed."""
        self._expired += 1
        self._journal.stopped(object_id, StopReason.TIMEOUT)
        self._end(object_id, at, StopReason.TIMEOUT)

    def _end(self, object_id: int, at: float, reason: StopReason, by: str | None = None) -> None:
        """However it came about: from here on the object is not tracked, and those concerned know."""
        tracked = self._objects.pop(object_id)
        self._ended += 1
        self._deadlines.end(object_id)
        notice = StopNotice(object_id).encode()
        for processor in self._roster.processors.values():
            if object_id in processor.knows:
                processor.knows.discard(object_id)
                processor.outbox.offer(notice)
        self._roster.tell_image_users(notice)
        self._searches.end(tracked, at, reason, by)

    # What becomes of them.

    def state_of(self, object_id: int) -> State | None:
        """Where the search for a live object is; None where it is not tracked."""
        tracked = self._objects.get(object_id)
        return None if tracked is None else tracked.state

    def see(self, frame: Frame, camera: Camera, at: float) -> None:
        """A camera sees what is in `frame`; what of that is tracked counts."""
        view = camera.view
        if view is None or view.object_ids != frame.object_ids or view.as_of != self._started:
            view = camera.view = self._view(frame.object_ids, camera.camera_id, at)
        view.at = at
        if view.tracked_ids:
            self._journal.sighted(camera.camera_id, at, view.tracked_ids, view.of_tracked(frame.certainties))

    def _view(self, object_ids: tuple[int, ...], camera_id: str, at: float) -> View:
        """A camera begins to see these."""
        view = View(object_ids, self._objects, at, self._started)
        for object_id in view.tracked_ids:
            seen_on = self._objects[object_id].seen_on
            if camera_id in seen_on:
                seen_on[camera_id] = view
            else:
                self._searches.see(self._objects[object_id], camera_id, view)
        return view

    def learn_features(self, camera_id: str, message: FeatureMap, at: float) -> None:
        """The processor of `camera_id` says what an object looks like; all processors are told, this one too.

        Raises:
            TooLarge: the feature map is longer than allowed.
            UnknownObject: the object is not tracked.
        """
        self._limits.check_features(message)
        tracked = self._tracked(message.object_id)
        self._searches.learn(tracked, message.feature_map, camera_id, at)
        self._journal.feature_map_changed(tracked.object_id, bytes(tracked.feature_map))
        update = FeatureMapUpdate(tracked.object_id, tracked.feature_map).encode()
        for processor in self._roster.processors.values():
            processor.meet(tracked)
            processor.outbox.offer(update)

    def remind(self, reminder: Reminder, at: float) -> None:
        """A reminder is due. It is always of a live object: its end takes its reminders back."""
        tracked = self._objects[reminder.object_id]
        if isinstance(reminder, AnswerDue):
            self._searches.look_for_answer(tracked, at, camera_online=tracked.started_on in self._roster.processors)
        else:
            self._searches.look_for_visit(tracked, reminder.camera_id, at)

    # What those who come are told of them. All snapshots are made late, as the peer takes them: of an object that ends
    # before that nothing needs to be said, and those that start meanwhile are told of by themselves.

    def images(self) -> Iterator[bytes]:
        """A `newObject` for each object that has an image."""
        return self._images(list(self))

    def _images(self, live: Sequence[TrackedObject]) -> Iterator[bytes]:
        for tracked in live:
            if tracked.image and tracked.object_id in self._objects:
                yield NewObjectNotice(tracked.object_id, tracked.image).encode()

    def feature_maps(self, processor: Processor) -> Iterator[bytes]:
        """A `featureMap` for each object, for a processor that has come to stand for a camera."""
        return self._feature_maps(processor, list(self))

    def _feature_maps(self, processor: Processor, live: Sequence[TrackedObject]) -> Iterator[bytes]:
        for tracked in live:
            if tracked.object_id in self._objects:
                processor.meet(tracked)
                yield FeatureMapUpdate(tracked.object_id, tracked.feature_map).encode()

    def start_again(self, processor: Processor, at: float) -> None:
        """A camera came back that was to find objects by their images and has not said what they look like."""
        wanted = [tracked for tracked in self if _is_wanted_from(tracked, processor)]
        if wanted:
            for tracked in wanted:
                self._searches.begin_again(tracked, at)
            processor.outbox.offer_each(self._starts(processor, wanted))

    def _starts(self, processor: Processor, wanted: Sequence[TrackedObject]) -> Iterator[bytes]:
        for tracked in wanted:
            if tracked.object_id in self._objects and _is_wanted_from(tracked, processor):
                processor.knows.add(tracked.object_id)
                yield StartCommand(tracked.object_id, image=tracked.image).encode()

    def _tracked(self, object_id: int, request_id: str | None = None) -> TrackedObject:
        try:
            return self._objects[object_id]
        except KeyError:
            raise UnknownObject("this object is not tracked", request_id=request_id) from None


def _is_wanted_from(tracked: TrackedObject, processor: Processor) -> bool:
    """Whether the processor is to find it by its image, and nobody has said yet what it looks like."""
    return tracked.started_on == processor.camera_id and bool(tracked.image) and tracked.feature_map is NO_FEATURES
