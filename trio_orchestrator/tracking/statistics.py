"""The hub's counters, as anyone can ask for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubStatistics:
    """What a hub holds at one instant, and what it has decided so far.

    Attributes:
        clients: clients that may see.
        image_users: those of them that get `newObject` and `stop`.
        cameras: cameras that a processor stands for.
        live_objects: objects that are tracked.
        started: objects that came to be tracked since the server started; those that were live before left out.
        ended: objects whose tracking ended since, however that came about.
        expired: those of them whose tracking timeout had passed.
    """

    clients: int
    image_users: int
    cameras: int
    live_objects: int
    started: int
    ended: int
    expired: int
