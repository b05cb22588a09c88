"""Who is connected: what the hub remembers of each client and each processor."""

import re
from dataclasses import dataclass, field
from typing import Final

from msgspec import Raw

from trio_orchestrator.protocol.outbound import bounding_boxes_head

from .objects import TrackedObject
from .ports import Actor, Outbox

_INTEGER: Final = re.compile(rb"-?[0-9]+")
_FLOAT: Final = re.compile(rb"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


@dataclass(eq=False, slots=True)
class Client:
    """An operator interface.

    Attributes:
        outbox: takes what it is to be told.
        actor: who it is, as far as that is known.
        uses_images: whether it gets `newObject` and `stop`.
    """

    outbox: Outbox
    actor: Actor | None = None
    uses_images: bool = False

    @property
    def subject(self) -> str | None:
        """Whose token it showed; None where no token was asked for."""
        return None if self.actor is None else self.actor.subject


@dataclass(eq=False, slots=True)
class Processor:
    """A camera's processor, from the opening of its socket to its end.

    Attributes:
        outbox: takes what it is to be told.
        camera_id: the camera it is registered for; None before its `identifier` and once a newer socket took over.
        head: how every frame of that camera begins on the wire.
        floats: whether the camera's frame ids are floats: JavaScript writes 12.0 as 12, which a stock processor
            refuses, so a `start` for such a camera gets its float back (contract, part 3).
        knows: ids of the objects this socket was sent a `start` or a feature map for that is not empty; a stock
            processor dies of a `stop` for any other.
    """

    outbox: Outbox
    camera_id: str | None = None
    head: bytes = b""
    floats: bool = False
    knows: set[int] = field(default_factory=set)

    def register(self, camera_id: str, *, floats: bool) -> None:
        """Stand for `camera_id` from now on, whose frame ids were `floats` so far."""
        if camera_id != self.camera_id:
            self.camera_id, self.head, self.floats = camera_id, bounding_boxes_head(camera_id), floats

    def unregister(self) -> None:
        """Stand for no camera."""
        self.camera_id, self.head, self.floats = None, b"", False

    def note_frame(self, frame_id: bytes) -> bool:
        """Remember once that this camera's frame ids are floats; whether they are, by this one."""
        self.floats = _FLOAT.fullmatch(frame_id) is not None and _INTEGER.fullmatch(frame_id) is None
        return self.floats

    def own_frame_id(self, frame_id: Raw) -> Raw:
        """`frame_id`, as this camera would have written it."""
        if self.floats and _INTEGER.fullmatch(bytes(frame_id)):
            return Raw(bytes(frame_id) + b".0")
        return frame_id

    def meet(self, tracked: TrackedObject) -> None:
        """Remember that this socket is sent the feature map of `tracked`, if the object can be known by it."""
        if tracked.recognizable:
            self.knows.add(tracked.object_id)
