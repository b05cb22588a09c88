"""Streets as a graph, and people who walk them; pure, and the same for the same seed."""

import math
import random
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

Crossing: TypeAlias = tuple[int, int]

BLOCK: Final = 36.0
"""Metres from one crossing to the next."""
_SLOWEST, _FASTEST = 0.9, 1.8
_SIDEWALK: Final = 2.5
_COLUMNS, _ROWS = 4, 3
_MISSING: Final = frozenset({((0, 0), (1, 0)), ((1, 1), (2, 1)), ((3, 1), (3, 2))})
_TURN_BACK: Final = 0.03


def _streets() -> dict[Crossing, tuple[Crossing, ...]]:
    """Where one can go from each crossing: a grid with a few streets left out."""
    ways: dict[Crossing, list[Crossing]] = {(x, y): [] for x in range(_COLUMNS) for y in range(_ROWS)}
    for x, y in list(ways):
        for other in ((x + 1, y), (x, y + 1)):
            if other in ways and ((x, y), other) not in _MISSING:
                ways[x, y].append(other)
                ways[other].append((x, y))
    return {crossing: tuple(sorted(others)) for crossing, others in ways.items()}


STREETS: Final = _streets()


class Place(NamedTuple):
    """A point of the quarter, in metres to the east and to the north."""

    east: float
    north: float


@dataclass
class Walker:
    """Somebody on the way from one crossing to the next.

    Attributes:
        number: names them, from 0.
        speed: in metres a second.
        side: how far to the right of the middle of the street they walk, in metres.
        height: in metres.
        came_from: the crossing behind.
        goes_to: the crossing ahead.
        walked: metres since the crossing behind.
    """

    number: int
    speed: float
    side: float
    height: float
    came_from: Crossing
    goes_to: Crossing
    walked: float

    @property
    def place(self) -> Place:
        """Where they are."""
        (x0, y0), (x1, y1) = self.came_from, self.goes_to
        ahead_east, ahead_north = x1 - x0, y1 - y0
        return Place(
            x0 * BLOCK + ahead_east * self.walked + ahead_north * self.side,
            y0 * BLOCK + ahead_north * self.walked - ahead_east * self.side,
        )


class World:
    """The quarter and its people.

    Args:
        people: how many walk there.
        seed: another one is another day; the same one is the same day.
    """

    def __init__(self, people: int, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a toy world, guards nothing
        self.walkers = [self._walker(number) for number in range(people)]

    def advance(self, seconds: float) -> None:
        """Let everybody walk on."""
        for walker in self.walkers:
            walker.walked += walker.speed * seconds
            while walker.walked >= BLOCK:
                walker.walked -= BLOCK
                walker.came_from, walker.goes_to = walker.goes_to, self._next(walker)

    def _walker(self, number: int) -> Walker:
        came_from = self._random.choice(sorted(STREETS))
        return Walker(
            number,
            speed=self._random.uniform(_SLOWEST, _FASTEST),
            side=self._random.uniform(0.5, _SIDEWALK),
            height=self._random.uniform(1.5, 1.95),
            came_from=came_from,
            goes_to=self._random.choice(STREETS[came_from]),
            walked=self._random.uniform(0, BLOCK),
        )

    def _next(self, walker: Walker) -> Crossing:
        """Where to go from the crossing ahead: seldom back where they came from."""
        ways = STREETS[walker.goes_to]
        onward = [way for way in ways if way != walker.came_from]
        if not onward or self._random.random() < _TURN_BACK:
            return walker.came_from
        return self._random.choice(onward)


def look_of(number: int, seed: int, length: int = 16) -> tuple[float, ...]:
    """What somebody looks like: a vector of length 1, far from everybody else's."""
    source = random.Random(f"{seed} {number}")  # noqa: S311 - likewise
    values = [source.gauss(0, 1) for _ in range(length)]
    size = math.hypot(*values)
    return tuple(round(value / size, 4) for value in values)
