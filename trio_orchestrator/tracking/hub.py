"""Who is connected, what is tracked, and what each message does about it.

The hub decides: it handles a message completely and returns, it never awaits, and it reads no clock. What it
decides leaves at once through outboxes, the broadcast, the deadlines and the journal (`ports`); only what must
be on disk first is returned as `Pending` and takes effect when its `then` is called.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from msgspec import Raw

from trio_orchestrator.protocol.boxes import Frame, Sighting
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.errors import NotIdentified, UnknownCamera, UnknownObject
from trio_orchestrator.protocol.inbound import (
    FeatureMap,
    Hello,
    Identifier,
    SetUsesImages,
    Start,
    Stop,
    Subscribe,
)
from trio_orchestrator.protocol.outbound import (
    NO_FEATURES,
    Accepted,
    FeatureMapUpdate,
    NewObjectNotice,
    StartCommand,
    StopNotice,
    bounding_boxes,
)

from .announcements import Announcements
from .cameras import Cameras
from .limits import ObjectLimits, Takeovers
from .objects import State, TrackedObject
from .peers import Client, Processor
from .ports import (
    Actor,
    AnswerDue,
    Broadcast,
    Deadlines,
    Journal,
    LiveObject,
    NewObject,
    ObjectErasure,
    ObjectStop,
    Outbox,
    Pending,
    Reminder,
    StopReason,
)
from .searches import Searches
from .statistics import HubStatistics

Peer: TypeAlias = Client | Processor


class Hub:
    """The state of the whole orchestrator, and every decision about it.

    Args:
        broadcast: takes the boxes.
        deadlines: keeps each live object's timeout and calls `expire`.
        journal: takes sightings, feature maps and expiries.
        searches: follows what becomes of each live object.
        announcements: tells those who asked.
        tracking_timeout: seconds an object is tracked; None for until it is stopped.
        limits: what live objects may cost.
        takeovers: how often a camera's name may change hands; as often as anybody wants where None.

    Attributes:
        cameras: which cameras there are and what they send; to be read only.
    """

    def __init__(
        self,
        *,
        broadcast: Broadcast,
        deadlines: Deadlines[int],
        journal: Journal,
        searches: Searches,
        announcements: Announcements,
        tracking_timeout: float | None = None,
        limits: ObjectLimits | None = None,
        takeovers: Takeovers | None = None,
    ) -> None:
        self._broadcast = broadcast
        self._deadlines = deadlines
        self._journal = journal
        self._searches = searches
        self._announcements = announcements
        self._tracking_timeout = tracking_timeout
        self._limits = limits or ObjectLimits()
        self._takeovers = takeovers
        self._beginning: set[object] = set()
        """One for each object that was asked for and is not on disk yet."""
        self._objects: dict[int, TrackedObject] = {}
        self._clients: set[Client] = set()
        self._cameras: dict[str, Processor] = {}
        self.cameras = Cameras()
        self._started = self._ended = self._expired = 0
        # A new type of message is one Struct in `protocol.inbound`, one method here and one line below.
        self._decisions: dict[type, Callable[[Any, Any, float], Pending | None]] = {
            Hello: self._welcome,
            Start: self._start,
            Stop: self._stop,
            SetUsesImages: self._set_uses_images,
            Subscribe: self._subscribe,
            Identifier: self._identify,
            Frame: self._show_boxes,
            FeatureMap: self._learn_features,
        }

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

    def statistics(self) -> HubStatistics:
        """What there is now, and what was so far."""
        return HubStatistics(
            clients=len(self._clients),
            image_users=sum(client.uses_images for client in self._clients),
            cameras=len(self._cameras),
            live_objects=len(self._objects),
            started=self._started,
            ended=self._ended,
            expired=self._expired,
        )

    # Peers come and go.

    def connect_client(self, outbox: Outbox, actor: Actor | None = None) -> Client:
        """A client that may see has connected; `actor` is who it is, as far as that is known."""
        client = Client(outbox, actor)
        self._clients.add(client)
        self._broadcast.join(outbox, None)
        return client

    def connect_processor(self, outbox: Outbox) -> Processor:
        """A processor that may speak has connected; it stands for no camera before its `identifier`."""
        return Processor(outbox)

    def disconnect(self, peer: Peer, at: float) -> None:
        """`peer` is gone since `at`; whatever happens from now on is not its business."""
        self._announcements.forget(peer.outbox)
        if isinstance(peer, Processor):
            self._release(peer, at)
        else:
            self._clients.discard(peer)
            self._broadcast.leave(peer.outbox)

    def receive(self, peer: Peer, message: Any, at: float) -> Pending | None:
        """Do what `message` from `peer` asks for.

        Args:
            peer: the sender, as `connect_client` or `connect_processor` returned it.
            message: one of `protocol.inbound` that this kind of peer may send, `Authenticate` excepted.
            at: when it was received, seconds since 1970, UTC.

        Returns:
            What must be made durable before the rest of the decision takes effect; None where all is done.

        Raises:
            PeerError: the message could not be carried out, and nothing has changed.
        """
        return self._decisions[type(message)](peer, message, at)

    # What either kind of peer asks for.

    def _welcome(self, peer: Peer, message: Hello, at: float) -> None:
        cameras = self.cameras.status(at)
        self._announcements.welcome(peer.outbox, message.features, cameras, self._objects.values())

    # What clients ask for.

    def _start(self, client: Client, message: Start, at: float) -> Pending:
        if message.camera_id not in self._cameras:
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
        processor = self._cameras.get(message.camera_id)
        if processor is not None:  # else it left meanwhile, and is sent the object when it comes back
            processor.knows.add(object_id)
            frame_id = processor.own_frame_id(message.frame_id)
            processor.outbox.offer(StartCommand(object_id, frame_id, message.box_id, message.image).encode())
        self._tell_image_users(NewObjectNotice(object_id, message.image).encode())
        self._searches.begin(tracked, at, client.subject)
        if message.request_id is not None:
            client.outbox.offer(Accepted(message.request_id, object_id).encode())

    def _stop(self, client: Client, message: Stop, at: float) -> Pending:
        self._tracked(message.object_id, message.request_id)
        change = ObjectStop(message.object_id, client.actor)
        return Pending(change, partial(self._finish, client, message, at), message.request_id)

    def _finish(self, client: Client, message: Stop, at: float, object_id: int) -> None:
        """The second half of `stop`: the end is on disk. It may have come by other ways meanwhile."""
        if object_id in self._objects:
            self._end(object_id, at, StopReason.CLIENT, client.subject)
        if message.request_id is not None:
            client.outbox.offer(Accepted(message.request_id, object_id).encode())

    def _set_uses_images(self, client: Client, message: SetUsesImages, _at: float) -> None:
        client.uses_images = message.uses_images
        if message.uses_images:
            client.outbox.offer_each(self._images(list(self._objects.values())))

    def _images(self, live: Sequence[TrackedObject]) -> Iterator[bytes]:
        """One message for each of `live`; one that ends before the peer takes its message needs none."""
        for tracked in live:
            if tracked.image and tracked.object_id in self._objects:
                yield NewObjectNotice(tracked.object_id, tracked.image).encode()

    def _subscribe(self, client: Client, message: Subscribe, _at: float) -> None:
        self._broadcast.join(client.outbox, message.camera_ids)

    # What processors say.

    def _identify(self, processor: Processor, message: Identifier, at: float) -> None:
        before = self._cameras.get(message.id, processor)
        if before is not processor and self._takeovers is not None and not self._takeovers.allow(message.id, at):
            processor.outbox.close(CloseCode.LIMIT_REACHED, "this camera is taken over too often")
            return
        comes_back = False
        if processor.camera_id != message.id:
            self._release(processor, at)
            replaced = self._cameras.get(message.id)
            if replaced is None:
                self._announcements.camera(message.id, online=True, at=at)
            else:  # the camera stays online: nothing to announce
                replaced.unregister()
                replaced.outbox.close(CloseCode.REPLACED, "a newer connection registered this camera")
            comes_back = True
        self._cameras[message.id] = processor
        self.cameras.came(message.id, at)
        processor.register(message.id)
        processor.outbox.offer_each(self._feature_maps_for(processor, list(self._objects.values())))
        if comes_back:
            self._start_again(processor, message.id, at)

    def _start_again(self, processor: Processor, camera_id: str, at: float) -> None:
        """A camera came back that was to find objects by their images and has not said what they look like."""
        for tracked in self._objects.values():
            if tracked.started_on == camera_id and tracked.image and tracked.feature_map is NO_FEATURES:
                processor.knows.add(tracked.object_id)
                processor.outbox.offer(StartCommand(tracked.object_id, image=tracked.image).encode())
                self._searches.begin_again(tracked, at)

    def _feature_maps_for(self, processor: Processor, live: Sequence[TrackedObject]) -> Iterator[bytes]:
        """Likewise. Both are made late; objects that start meanwhile are told of by themselves, not here as well."""
        for tracked in live:
            if tracked.object_id in self._objects:
                processor.meet(tracked)
                yield FeatureMapUpdate(tracked.object_id, tracked.feature_map).encode()

    def _show_boxes(self, processor: Processor, frame: Frame, at: float) -> None:
        camera_id = processor.camera_id
        if camera_id is None:
            raise NotIdentified("send `identifier` first")
        self.cameras.sent_frame(camera_id, at)
        if not processor.floats:
            processor.note_frame(frame.frame_id)
        self._broadcast.publish(camera_id, bounding_boxes(processor.head, frame.frame_id, frame.boxes))
        if frame.sightings:
            self._note_sightings(frame.sightings, camera_id, at)

    def _note_sightings(self, sightings: Sequence[Sighting], camera_id: str, at: float) -> None:
        objects = self._objects
        live = [sighting for sighting in sightings if sighting[0] in objects]
        self._journal.sighted(camera_id, at, live)
        for object_id, _ in live:
            seen_on = objects[object_id].seen_on
            if camera_id in seen_on:  # in all frames of a visit but the first
                seen_on[camera_id] = at
            else:
                self._searches.see(objects[object_id], camera_id, at)

    def _learn_features(self, processor: Processor, message: FeatureMap, at: float) -> None:
        if processor.camera_id is None:
            raise NotIdentified("send `identifier` first")
        self._limits.check_features(message)
        tracked = self._tracked(message.object_id)
        self._searches.learn(tracked, message.feature_map, processor.camera_id, at)
        self._journal.feature_map_changed(tracked.object_id, bytes(tracked.feature_map))
        update = FeatureMapUpdate(tracked.object_id, tracked.feature_map).encode()
        for every in self._cameras.values():
            every.meet(tracked)
            every.outbox.offer(update)

    # What others ask for.

    def state_of(self, object_id: int) -> State | None:
        """Where the search for a live object is; None where it is not tracked."""
        tracked = self._objects.get(object_id)
        return None if tracked is None else tracked.state

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

    # What time does.

    def expire(self, object_id: int, at: float) -> None:
        """The tracking timeout of a live object has passed."""
        self._expired += 1
        self._journal.stopped(object_id, StopReason.TIMEOUT)
        self._end(object_id, at, StopReason.TIMEOUT)

    def remind(self, reminder: Reminder, at: float) -> None:
        """A reminder is due. It is always of a live object: its end takes its reminders back."""
        tracked = self._objects[reminder.object_id]
        if isinstance(reminder, AnswerDue):
            self._searches.look_for_answer(tracked, at, camera_online=tracked.started_on in self._cameras)
        else:
            self._searches.look_for_visit(tracked, reminder.camera_id, at)

    def _end(self, object_id: int, at: float, reason: StopReason, by: str | None = None) -> None:
        """However it came about: from here on the object is not tracked, and those concerned know."""
        tracked = self._objects.pop(object_id)
        self._ended += 1
        self._deadlines.end(object_id)
        notice = StopNotice(object_id).encode()
        for processor in self._cameras.values():
            if object_id in processor.knows:
                processor.knows.discard(object_id)
                processor.outbox.offer(notice)
        self._tell_image_users(notice)
        self._searches.end(tracked, at, reason, by)

    def _tracked(self, object_id: int, request_id: str | None = None) -> TrackedObject:
        try:
            return self._objects[object_id]
        except KeyError:
            raise UnknownObject("this object is not tracked", request_id=request_id) from None

    def _tell_image_users(self, message: bytes) -> None:
        for client in self._clients:
            if client.uses_images:
                client.outbox.offer(message)

    def _release(self, processor: Processor, at: float) -> None:
        """A processor only ever unregisters itself: a camera that a newer one took over stays."""
        if processor.camera_id is not None and self._cameras.get(processor.camera_id) is processor:
            del self._cameras[processor.camera_id]
            self.cameras.left(processor.camera_id, at)
            self._announcements.camera(processor.camera_id, online=False, at=at)
        processor.unregister()
