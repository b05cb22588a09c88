"""What the handlers work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from trio_orchestrator.erasing import Eraser
from trio_orchestrator.store.reader import Reader
from trio_orchestrator.tracking.hub import Hub
from trio_orchestrator.tracking.ports import Actor

from .access import Access


class Auditor(Protocol):
    """Takes note of who is told of what, without waiting."""

    def looked_up(self, object_id: int, actor: Actor) -> None:
        """`actor` is told of an object."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all handlers share.

    Attributes:
        archive: what is kept.
        hub: what is live, and which cameras there are.
        eraser: erases.
        auditor: takes note of look-ups.
        access: who may.
        visit_gap: seconds without a sighting after which an object is no longer on a camera.
        clock: tells the time in seconds since 1970, UTC.
    """

    archive: Reader
    hub: Hub
    eraser: Eraser
    auditor: Auditor
    access: Access
    visit_gap: float
    clock: Callable[[], float]
