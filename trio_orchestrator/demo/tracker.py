"""What one camera's processor makes of what it sees, and what it gets wrong as real trackers do; plain and synchronous.

With `errors` from 0 (none) to 1 (so many that it is hard to use): people are missed for a frame, re-identified late or
as somebody else, change identities where they pass each other, and boxes appear where nobody is.
"""

import math
import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from trio_orchestrator.client import Box, Command, Connected, FeatureMap, Rect, Start, Stop

from .views import View
from .world import Walker, look_of

REMEMBERED_FRAMES: Final = 600
_GHOST: Final = -1
_LIKE: Final = 0.8
"""The cosine of two looks from which on they are taken for the same person's."""
_MISSED, _SWITCHED, _APPEARED, _MISTAKEN = 0.25, 0.3, 0.02, 0.25
"""Chances at errors 1: missed in a frame; switched while touching, a second; a ghost in a frame; a wrong identity."""
_PROMPT, _LATE = 0.4, 4.0


class Answer(NamedTuple):
    """A feature map to be sent: what an object looks like."""

    object_id: int
    look: list[float]


@dataclass
class _Track:
    """One box that is followed from frame to frame: whom it is on, and whom the tracker takes them for."""

    number: int
    walker: int
    taken_for: int
    known_at: float
    ends_at: float = math.inf
    rect: Rect = (0.0, 0.0, 0.0, 0.0)


class Tracker:
    """The processor of one camera.

    Args:
        view: what it sees.
        people: how many there are, whom it may mistake for each other.
        seed: of the world; looks and errors follow from it.
        errors: from 0 to 1.
    """

    def __init__(self, view: View, people: int, seed: int, errors: float) -> None:
        self.camera_id = view.camera_id
        self._view = view
        self._errors = errors
        self._random = random.Random(f"{seed} {view.camera_id}")  # noqa: S311 - a toy's errors, guards nothing
        self._looks = [look_of(number, seed) for number in range(people)]
        self._tracks: list[_Track] = []
        self._count = 0
        self._clickable: OrderedDict[float, dict[int, int]] = OrderedDict()
        self._known: dict[int, int] = {}
        self._started: dict[int, int] = {}
        self._wanted: list[int] = []

    def see(self, at: float, walkers: Sequence[Walker]) -> list[Box]:
        """The boxes of the frame at `at` seconds, its id."""
        self._follow(at, walkers)
        self._switch()
        shown = [track for track in self._tracks if not self._happens(_MISSED)]
        self._clickable[at] = {track.number: track.taken_for for track in shown}
        if len(self._clickable) > REMEMBERED_FRAMES:
            self._clickable.popitem(last=False)
        objects = {walker: object_id for object_id, walker in sorted(self._known.items())}
        return [self._box(track, objects.get(track.taken_for) if at >= track.known_at else None) for track in shown]

    def obey(self, command: Command) -> list[Answer]:
        """Do what the orchestrator says; what is to be answered."""
        match command:
            case Start(object_id=object_id):
                walker = self._clicked(command)
                if walker is None:
                    self._wanted.append(object_id)
                    return []
                return [self._found(object_id, walker)]
            case FeatureMap(object_id=object_id) if not command.is_empty:
                walker = self._recognize(command.feature_map)
                if walker is not None:
                    self._known[object_id] = walker
            case FeatureMap(object_id=object_id) if object_id in self._started:
                return [self._found(object_id, self._started[object_id])]  # it was lost on its way
            case Stop(object_id=object_id):
                self._known.pop(object_id, None)
                self._started.pop(object_id, None)
                self._wanted = [wanted for wanted in self._wanted if wanted != object_id]
            case Connected():
                self._known.clear()  # what is still tracked is said again
                self._wanted.clear()
        return []

    def look_for_wanted(self) -> list[Answer]:
        """Whoever is largest in the view is taken for the object of a start by an image alone."""
        people = [track for track in self._tracks if track.walker != _GHOST]
        if not self._wanted or not people:
            return []
        largest = max(people, key=lambda track: track.rect[3] - track.rect[1])
        found = [self._found(object_id, largest.taken_for) for object_id in self._wanted]
        self._wanted.clear()
        return found

    def _found(self, object_id: int, walker: int) -> Answer:
        self._known[object_id] = self._started[object_id] = walker
        return Answer(object_id, list(self._looks[walker]))

    def _clicked(self, command: Start) -> int | None:
        """Who is in the clicked box; None where there is none, or nobody is in it."""
        if not isinstance(command.frame_id, int | float) or not isinstance(command.box_id, int):
            return None
        walker = self._clickable.get(float(command.frame_id), {}).get(command.box_id)
        return None if walker == _GHOST else walker

    def _recognize(self, look: Any) -> int | None:
        """Who looks like that."""
        if not isinstance(look, list) or len(look) != len(self._looks[0]):
            return None
        if not all(isinstance(value, int | float) for value in look):
            return None
        likeness = [sum(a * b for a, b in zip(look, known, strict=True)) for known in self._looks]
        best = max(range(len(likeness)), key=likeness.__getitem__)
        return best if likeness[best] >= _LIKE else None

    def _follow(self, at: float, walkers: Sequence[Walker]) -> None:
        """Keep the tracks of whoever is still there, and begin those of whoever came."""
        seen = {walker.number: rect for walker in walkers if (rect := self._view.project(walker)) is not None}
        self._tracks = [
            track for track in self._tracks if (track.walker in seen or track.walker == _GHOST) and at < track.ends_at
        ]
        followed = {track.walker for track in self._tracks}
        for number in seen:
            if number not in followed:
                self._tracks.append(self._track(number, at))
        for track in self._tracks:
            if track.walker != _GHOST:
                track.rect = seen[track.walker]
        if self._happens(_APPEARED):
            self._tracks.append(self._ghost(at))

    def _track(self, walker: int, at: float) -> _Track:
        taken_for = self._random.randrange(len(self._looks)) if self._happens(_MISTAKEN) else walker
        self._count += 1
        return _Track(self._count, walker, taken_for, at + _PROMPT + self._errors * self._random.uniform(0, _LATE))

    def _ghost(self, at: float) -> _Track:
        self._count += 1
        left, top = self._random.uniform(0, 0.9), self._random.uniform(0.1, 0.6)
        rect = (left, top, left + 0.05, top + 0.2)
        return _Track(self._count, _GHOST, _GHOST, math.inf, at + self._random.uniform(0.2, 1), rect)

    def _switch(self) -> None:
        """Where two people touch, each may be taken for the other."""
        people = [track for track in self._tracks if track.walker != _GHOST]
        for index, one in enumerate(people):
            for other in people[index + 1 :]:
                if _touch(one.rect, other.rect) and self._happens(_SWITCHED / 10):
                    one.number, other.number = other.number, one.number
                    one.taken_for, other.taken_for = other.taken_for, one.taken_for

    def _box(self, track: _Track, object_id: int | None) -> Box:
        shake = 0.002 + 0.006 * self._errors
        left, top, right, bottom = (
            round(min(1.0, max(0.0, edge + self._random.uniform(-shake, shake))), 4) for edge in track.rect
        )
        rect = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        certainty = round(self._random.uniform(0.4, 0.6) if track.walker == _GHOST else self._random.uniform(0.8, 1), 2)
        return Box(track.number, rect, "person", certainty, object_id)

    def _happens(self, chance: float) -> bool:
        """Whether an error of that chance at `errors` 1 happens now."""
        return self._random.random() < chance * self._errors


def _touch(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
