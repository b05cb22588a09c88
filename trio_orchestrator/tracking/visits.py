"""Sightings → visits: when an object was on a camera without interruption.

A visit lasts as long as no more than the gap passes between two sightings. Rows are taken one by one and a visit is
given out once it is over, so however long a timeline is, only the visits that are still open are kept.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Presence(NamedTuple):
    """The sightings of one object on one camera within a second, taken together.

    Attributes:
        camera_id: the camera.
        first: instant of the first, milliseconds since 1970, UTC.
        last: instant of the last, likewise.
        sightings: how many they are.
        best_certainty: the greatest certainty among them; None where no box had one.
    """

    camera_id: str
    first: int
    last: int
    sightings: int
    best_certainty: float | None


class Visit(NamedTuple):
    """An uninterrupted presence on one camera; members as in `Presence`."""

    camera_id: str
    first: int
    last: int
    sightings: int
    best_certainty: float | None


class Visits:
    """Makes visits of one object's presences, which come in the order of their seconds.

    Args:
        gap: milliseconds; a longer time without a sighting ends a visit.
    """

    def __init__(self, gap: int) -> None:
        self._gap = gap
        self._open: dict[str, Visit] = {}
        self._second = 0
        self._of_second: list[Presence] = []

    def add(self, presences: Iterable[Presence]) -> Iterator[Visit]:
        """Take `presences` in; the visits that are over by them, those that ended first in front.

        Only as much is taken in as is iterated.
        """
        for presence in presences:
            second = presence.first // 1000
            if second > self._second:
                yield from self._take_second()
                self._second = second
                # Later rows cannot begin before this second, so they join none of these.
                yield from self._over(second * 1000)
            self._of_second.append(presence)

    def rest(self) -> list[Visit]:
        """The visits that no row has ended, those that ended first in front; none is open any more."""
        left = [*self._take_second(), *sorted(self._open.values(), key=_end)]
        self._open.clear()
        return left

    def goes_on(self, visit: Visit, at: int) -> bool:
        """Whether a sighting at the instant `at`, milliseconds since 1970, would still belong to `visit`."""
        return at - visit.last <= self._gap

    def _take_second(self) -> Iterator[Visit]:
        """Take in the rows of a second, which come in any order; the visits that are over by them."""
        presences, self._of_second = sorted(self._of_second, key=_begin), []
        for presence in presences:
            visit = self._open.get(presence.camera_id)
            if visit is not None and presence.first - visit.last > self._gap:
                yield from self._over(presence.first)
                visit = None
            self._open[presence.camera_id] = Visit(*presence) if visit is None else _joined(visit, presence)

    def _over(self, at: int) -> list[Visit]:
        """The visits that no row can join any more that begins at the instant `at` or later."""
        over = sorted((visit for visit in self._open.values() if at - visit.last > self._gap), key=_end)
        for visit in over:
            del self._open[visit.camera_id]
        return over


def _joined(visit: Visit, presence: Presence) -> Visit:
    best, other = visit.best_certainty, presence.best_certainty
    return Visit(
        visit.camera_id,
        min(visit.first, presence.first),
        # Not simply the later row's: where rows had to be merged, an earlier one may end later.
        max(visit.last, presence.last),
        visit.sightings + presence.sightings,
        other if best is None or (other is not None and other > best) else best,
    )


def _begin(presence: Presence) -> int:
    return presence.first


def _end(visit: Visit) -> tuple[int, int, str]:
    return visit.last, visit.first, visit.camera_id
