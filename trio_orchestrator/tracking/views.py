"""What a camera shows: while frame after frame shows the same objects, each of them costs next to nothing."""

from collections.abc import Callable, Container, Sequence
from operator import itemgetter
from typing import TypeAlias

from trio_orchestrator.protocol.boxes import Certainty

_Certainties: TypeAlias = tuple[Certainty, ...]


class View:
    """Frames of one camera, one behind the other, whose boxes are said to be the same objects in the same order.

    Args:
        object_ids: these objects, tracked or not.
        tracked: holds those that are tracked.
        at: when the first of the frames came, seconds since 1970, UTC.
        as_of: how many objects had been started by then; one more may be among these.

    Attributes:
        object_ids: likewise; None once it does not go on, as one of them is not tracked or not on the camera any more.
        tracked_ids: those that are tracked; always the same tuple.
        at: when the last of the frames came, likewise.
        as_of: likewise.
    """

    __slots__ = ("_pick", "as_of", "at", "object_ids", "tracked_ids")

    def __init__(self, object_ids: tuple[int, ...], tracked: Container[int], at: float, as_of: int) -> None:
        self.object_ids: tuple[int, ...] | None = object_ids
        self.at = at
        self.as_of = as_of
        self._pick: Callable[[_Certainties], _Certainties] | None = None
        self.tracked_ids = object_ids
        places = [place for place, object_id in enumerate(object_ids) if object_id in tracked]
        if len(places) < len(object_ids):
            self.tracked_ids = tuple([object_ids[place] for place in places])
            self._pick = _picking(places)

    def of_tracked(self, certainties: _Certainties) -> _Certainties:
        """Those of a frame's certainties that belong to `tracked_ids`."""
        return certainties if self._pick is None else self._pick(certainties)

    def end(self) -> None:
        """Whatever the next frame shows, it is another view."""
        self.object_ids = None


def _picking(places: Sequence[int]) -> Callable[[_Certainties], _Certainties]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda certainties: tuple([certainties[place] for place in places])
