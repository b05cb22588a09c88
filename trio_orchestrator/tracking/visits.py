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

    def add(self, presences: Iterable[Presence]) -> Iterator[Visit]:
        """Take `presences` in; the visits that are over by them, those that ended first in front.

        Only as much is taken in as is iterated.
        """
        for presence in presences:
            if presence.first // 1000 > self._second:
                self._second = presence.first // 1000
                # Later rows cannot begin before this second, so they join none of these.
                yield from self._over(self._second * 1000)
            visit = self._open.pop(presence.camera_id, None)
            if visit is None:
                visit = Visit(*presence)
            elif presence.first - visit.last > self._gap:
                yield visit
                visit = Visit(*presence)
            else:
                visit = _joined(visit, presence)
            self._open[presence.camera_id] = visit

    def rest(self) -> list[Visit]:
        """The visits that no row has ended, those that ended first in front; none is open any more."""
        left = sorted(self._open.values(), key=_end)
        self._open.clear()
        return left

    def goes_on(self, visit: Visit, at: int) -> bool:
        """Whether a sighting at the instant `at`, milliseconds since 1970, would still belong to `visit`."""
        return at - visit.last <= self._gap

    def _over(self, second: int) -> list[Visit]:
        over = sorted((visit for visit in self._open.values() if second - visit.last > self._gap), key=_end)
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


def _end(visit: Visit) -> tuple[int, int, str]:
    return visit.last, visit.first, visit.camera_id
