"""What came in by the door, and what became of it, as anyone can ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoorStatistics:
    """Counters of one front door at one instant.

    Attributes:
        open: connections that are open, of all kinds and in whatever state.
        accepted: connections that came in so far.
        refused: those that got no further than the door, by why.
        faults: those that ended at the crash barrier, by a fault of this server or of a library.
    """

    open: int
    accepted: int
    refused: Mapping[str, int]
    faults: int


@dataclass(frozen=True, slots=True)
class WebSocketStatistics:
    """Counters of all WebSockets at one instant.

    Attributes:
        open: WebSockets that are open, by kind of peer.
        opened: WebSockets that were opened so far, by kind of peer.
        ended: those that ended, by closing code: one of the server's own, or one that RFC 6455 names; else `other`.
        waiting_bytes: what peers were offered and their sockets have not taken, all together.
        most_waiting_bytes: the most of it that waits for a single peer.
        lagging: open WebSockets for which something waits.
        left_out: frames of boxes that gave way to newer ones, of peers that are gone too.
        most_left_out: the most that a single peer missed of those that are there now.
    """

    open: Mapping[str, int]
    opened: Mapping[str, int]
    ended: Mapping[str, int]
    waiting_bytes: int
    most_waiting_bytes: int
    lagging: int
    left_out: int
    most_left_out: int
