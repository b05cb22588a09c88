"""Who is connected: every client, and the processor that stands for each camera."""

from dataclasses import dataclass, field

from .peers import Client, Processor


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody who may be told something.

    Attributes:
        clients: those who have connected, and not left.
        processors: by the id of the camera that each stands for.
    """

    clients: set[Client] = field(default_factory=set)
    processors: dict[str, Processor] = field(default_factory=dict)

    def tell_image_users(self, message: bytes) -> None:
        """Tell every client that uses images."""
        for client in self.clients:
            if client.uses_images:
                client.outbox.offer(message)
