"""What each message does: about who is connected here, about what is tracked in `tracked_objects`.

The hub decides: it handles a message completely and returns, it never awaits, and it reads no clock. What it
decides leaves at once through outboxes, the broadcast, the deadlines and the journal (`ports`); only what must
be on disk first is returned as `Pending` and takes effect when its `then` is called.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from trio_orchestrator.protocol.boxes import Frame
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.errors import NotIdentified
from trio_orchestrator.protocol.inbound import FeatureMap, Hello, Identifier, SetUsesImages, Start, Stop, Subscribe
from trio_orchestrator.protocol.outbound import bounding_boxes

from .announcements import Announcements
from .cameras import Cameras
from .limits import ObjectLimits, Takeovers
from .peers import Client, Processor
from .ports import Actor, Broadcast, Deadlines, Journal, Outbox, Pending
from .roster import Roster
from .searches import Searches
from .statistics import HubStatistics
from .tracked_objects import TrackedObjects

Peer: TypeAlias = Client | Processor
_Decision: TypeAlias = Callable[[Any, Any, float], Pending | None]


class Hub:
    """The state of the whole orchestrator, and every decision about it.

    Args:
        broadcast: takes the boxes.
        deadlines: keeps each live object's timeout and calls `objects.expire`.
        journal: takes sightings, feature maps and expiries.
        searches: follows what becomes of each live object.
        announcements: tells those who asked.
        tracking_timeout: seconds an object is tracked; None for until it is stopped.
        limits: what live objects may cost.
        takeovers: how often a camera's name may change hands; as often as anybody wants where None.

    Attributes:
        objects: what is tracked; who keeps their time, and who erases them, speaks to them.
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
        self._announcements = announcements
        self._takeovers = takeovers
        self._roster = Roster()
        self.objects = TrackedObjects(
            roster=self._roster,
            deadlines=deadlines,
            journal=journal,
            searches=searches,
            tracking_timeout=tracking_timeout,
            limits=limits or ObjectLimits(),
        )
        self.cameras = Cameras()
        # A new type of message is one Struct in `protocol.inbound`, one method here and one line below.
        self._decisions: dict[type, _Decision] = {
            Hello: self._welcome,
            Start: self.objects.start,
            Stop: self.objects.stop,
            SetUsesImages: self._set_uses_images,
            Subscribe: self._subscribe,
            Identifier: self._identify,
            Frame: self._show_boxes,
            FeatureMap: self._learn_features,
        }

    def statistics(self) -> HubStatistics:
        """What there is now, and what was so far."""
        clients = self._roster.clients
        objects = self.objects.counts()
        return HubStatistics(
            clients=len(clients),
            image_users=sum(client.uses_images for client in clients),
            cameras=len(self._roster.processors),
            live_objects=objects.live,
            started=objects.started,
            ended=objects.ended,
            expired=objects.expired,
        )

    # Peers come and go.

    def connect_client(self, outbox: Outbox, actor: Actor | None = None) -> Client:
        """A client that may see has connected; `actor` is who it is, as far as that is known."""
        client = Client(outbox, actor)
        self._roster.clients.add(client)
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
            self._roster.clients.discard(peer)
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
        self._announcements.welcome(peer.outbox, message.features, cameras, list(self.objects))

    # What clients ask for.

    def _set_uses_images(self, client: Client, message: SetUsesImages, _at: float) -> None:
        client.uses_images = message.uses_images
        if message.uses_images:
            client.outbox.offer_each(self.objects.images())

    def _subscribe(self, client: Client, message: Subscribe, _at: float) -> None:
        self._broadcast.join(client.outbox, message.camera_ids)

    # What processors say.

    def _identify(self, processor: Processor, message: Identifier, at: float) -> None:
        before = self._roster.processors.get(message.id, processor)
        if before is not processor and self._takeovers is not None and not self._takeovers.allow(message.id, at):
            processor.outbox.close(CloseCode.LIMIT_REACHED, "this camera is taken over too often")
            return
        comes_back = False
        if processor.camera_id != message.id:
            self._release(processor, at)
            replaced = self._roster.processors.get(message.id)
            if replaced is None:
                self._announcements.camera(message.id, online=True, at=at)
            else:  # the camera stays online: nothing to announce
                replaced.camera = None
                replaced.outbox.close(CloseCode.REPLACED, "a newer connection registered this camera")
            comes_back = True
        self._roster.processors[message.id] = processor
        processor.camera = self.cameras.came(message.id, at)
        processor.outbox.offer_each(self.objects.feature_maps(processor))
        if comes_back:
            self.objects.start_again(processor, at)

    def _show_boxes(self, processor: Processor, frame: Frame, at: float) -> None:
        camera = processor.camera
        if camera is None:
            raise NotIdentified("send `identifier` first")
        camera.sent_frame(frame.frame_id, at)
        self._broadcast.publish(camera.camera_id, bounding_boxes(camera.head, frame.frame_id, frame.boxes))
        if frame.object_ids:
            self.objects.see(frame, camera, at)

    def _learn_features(self, processor: Processor, message: FeatureMap, at: float) -> None:
        if processor.camera is None:
            raise NotIdentified("send `identifier` first")
        self.objects.learn_features(processor.camera.camera_id, message, at)

    def _release(self, processor: Processor, at: float) -> None:
        """A processor only ever unregisters itself: a camera that a newer one took over stays."""
        camera_id = processor.camera_id
        if camera_id is not None and self._roster.processors.get(camera_id) is processor:
            del self._roster.processors[camera_id]
            self.cameras.left(camera_id, at)
            self._announcements.camera(camera_id, online=False, at=at)
        processor.camera = None
