"""What is written to the database in one transaction, as plain records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from trio_orchestrator.tracking.ports import Actor, Change, StopReason

Command: TypeAlias = Change

SecondKey: TypeAlias = tuple[int, str, int]
"""Object, camera and second (since 1970, UTC): there is at most one row of each."""


def milliseconds(seconds: float) -> int:
    """An instant or a duration as the database has it."""
    return int(seconds * 1000)


class SecondRow(Struct, gc=False):
    """The sightings of one object on one camera in one second, taken together.

    Attributes:
        count: how many they are.
        first: instant of the first, seconds since 1970, UTC.
        last: instant of the last, likewise; later than the row's second where rows had to be merged.
        best: the greatest certainty among them, as the boxes had it; None where no box had one.
    """

    count: int
    first: float
    last: float
    best: float | None

    def absorb(self, other: "SecondRow") -> None:
        """Take the sightings of `other` in."""
        self.count += other.count
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        if other.best is not None and (self.best is None or other.best > self.best):
            self.best = other.best


class OwnStop(NamedTuple):
    """An object stopped being tracked by itself.

    Attributes:
        reason: why.
        at: when, milliseconds since 1970, UTC.
    """

    reason: StopReason
    at: int


class Action(StrEnum):
    """What somebody did with an object, for the audit."""

    STARTED = "started"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    """A start or stop was undone, as whoever asked for it had been told that it failed."""
    LOOKED_UP = "looked_up"
    ERASED = "erased"


class AuditNote(NamedTuple):
    """Something that was done.

    Attributes:
        at: when, milliseconds since 1970, UTC.
        action: what.
        object_id: with which object.
        actor: who did it; None where the server did it by itself.
    """

    at: int
    action: Action
    object_id: int
    actor: Actor | None


@dataclass(frozen=True, slots=True)
class NoteBatch:
    """What the journal was told: nobody waits for it, but it must not be lost.

    Attributes:
        rows: sightings by object, camera and second; added to what the database has of the same key.
        feature_maps: the newest feature map by object, JSON text.
        stops: objects that stopped by themselves.
        look_ups: who was told of which object.
    """

    rows: Sequence[tuple[SecondKey, SecondRow]] = ()
    feature_maps: Mapping[int, bytes] = field(default_factory=dict)
    stops: Mapping[int, OwnStop] = field(default_factory=dict)
    look_ups: Sequence[AuditNote] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.feature_maps or self.stops or self.look_ups)


NO_NOTES: Final = NoteBatch()


@dataclass(frozen=True, slots=True)
class Batch:
    """One transaction: all of it is made durable, or nothing.

    Attributes:
        commands: changes that somebody waits for, in the order in which they are to be made.
        notes: changes that nobody waits for.
    """

    commands: Sequence[Command] = ()
    notes: NoteBatch = NO_NOTES


class Applied(NamedTuple):
    """What became of a batch.

    Attributes:
        object_ids: the id of each command's object, in the order of the commands.
        homeless_notes: rows and feature maps left out because the database never had such an object.
        refused_notes: notes of any kind left out because the database does not take them.
    """

    object_ids: list[int]
    homeless_notes: int
    refused_notes: int
