"""Who is connected: what the hub remembers of each client and each processor."""

from dataclasses import dataclass, field

from .cameras import Camera
from .objects import TrackedObject
from .ports import Actor, Outbox


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
        camera: the camera it is registered for; None before its `identifier` and once a newer socket took over.
        knows: ids of the objects this socket was sent a `start` or a feature map for that is not empty; a stock
            processor dies of a `stop` for any other.
    """

    outbox: Outbox
    camera: Camera | None = None
    knows: set[int] = field(default_factory=set)

    @property
    def camera_id(self) -> str | None:
        """The camera's name; None where it stands for none."""
        return None if self.camera is None else self.camera.camera_id

    def meet(self, tracked: TrackedObject) -> None:
        """Remember that this socket is sent the feature map of `tracked`, if the object can be known by it."""
        if tracked.recognizable:
            self.knows.add(tracked.object_id)
