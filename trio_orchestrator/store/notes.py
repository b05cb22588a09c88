"""What the journal was told and is not on disk yet: merged as it comes, bounded, handed out in small batches."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

from trio_orchestrator.protocol.boxes import Certainty
from trio_orchestrator.tracking.ports import Actor

from .changes import Action, AuditNote, NoteBatch, OwnStop, SecondKey, SecondRow

_Presence: TypeAlias = tuple[int, str]
_Rows: TypeAlias = dict[tuple[str, int], dict[int, SecondRow]]
"""Rows of sightings by camera and second, which all sightings of a frame have in common, and then by object."""

# A transaction is kept short, as a command may be waiting for the next one; but the more rows of an object are written
# together, the fewer pages are touched for each.
_ROWS_A_BATCH: Final = 5_000
_FEATURE_BYTES_A_BATCH: Final = 8 * 1024 * 1024
_MAX_LOOK_UPS: Final = 100_000

_FRAMES_AT_ONCE: Final = 32
"""So many frames of a camera that show the same are counted at once, each object's together."""

_MOST_SHOWN: Final = 64
"""A frame that shows more is counted at once: what waits to be counted is a stranger's to fill."""


@dataclass(slots=True)
class _Sealed:
    """What was waiting at one instant; nothing merges into it any more, it is only handed out."""

    rows: Iterator[tuple[SecondKey, SecondRow]] = field(default_factory=lambda: iter(()))
    rows_left: int = 0
    feature_maps: dict[int, bytes] = field(default_factory=dict)
    stops: dict[int, OwnStop] = field(default_factory=dict)
    look_ups: list[AuditNote] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows_left or self.feature_maps or self.stops or self.look_ups)


class _Run:
    """Frames of a camera within a second that show the same objects, and are yet to be counted.

    Args:
        rows: the objects' rows, in their order.
        at: when the last frame came that was counted, seconds since 1970, UTC.

    Attributes:
        last: when the last one came.
        end: when the second is over.
        certainties: of each frame.
    """

    __slots__ = ("_rows", "certainties", "end", "last")

    def __init__(self, rows: Sequence[SecondRow], at: float) -> None:
        self._rows = rows
        self.last = at
        self.end = float(int(at) + 1)
        self.certainties: list[tuple[Certainty, ...]] = []

    def count(self) -> None:
        """Count them."""
        frames = len(self.certainties)
        for row, certainties in zip(self._rows, zip(*self.certainties, strict=True), strict=False):
            row.absorb(SecondRow(frames, self.last, self.last, _best(certainties)))
        self.certainties.clear()


def _best(certainties: tuple[Certainty, ...]) -> Certainty:
    """The greatest of them; None where there is none."""
    try:
        return max(certainties)  # type: ignore[type-var]
    except TypeError:  # None is among them
        return max((certainty for certainty in certainties if certainty is not None), default=None)


class Notes:
    """Sightings, feature maps and stops that wait to be written.

    Sightings of the same object, camera and second are one row from the start; of feature maps only the newest
    of an object is kept. Where `limit` rows wait already, the two oldest of an object and camera become one row
    of the earlier's second, so that sightings lose in resolution but none is lost. The last row of an object
    and camera is never given up, nor is what was handed out for writing; hence `limit` may be exceeded by one
    row for each such pair, and one.

    Args:
        limit: how many rows may wait.
        stir: called when the first note comes to wait.
    """

    def __init__(self, limit: int, stir: Callable[[], None]) -> None:
        self._limit = limit
        self._stir = stir
        self._rows: _Rows = {}
        self._rows_open = 0
        self._shown: dict[str, tuple[int, ...]] = {}
        """What each camera showed last."""
        self._runs: dict[str, _Run] = {}
        """Of each camera that has shown that twice and more in a row within a second, these frames."""
        # Only a second row makes a deque: garbage collection looks at each of them, and most have one.
        self._seconds: dict[_Presence, int | deque[int]] = {}
        # Those with two rows or more, in their order; a plain dict would find its first slower the more came before it.
        self._mergeable: OrderedDict[_Presence, None] = OrderedDict()
        self._feature_maps: dict[int, bytes] = {}
        self._stops: dict[int, OwnStop] = {}
        self._look_ups: list[AuditNote] = []
        # Who looked what up in the newest second, be it on disk already or not.
        self._look_up_second = 0
        self._looked_up: set[tuple[int, Actor]] = set()
        self._lost_look_ups = 0
        self._sealed = _Sealed()
        self._in_hand: NoteBatch | None = None
        self._seals = 0
        self._merged = 0

    def sighted(
        self, camera_id: str, at: float, object_ids: tuple[int, ...], certainties: tuple[Certainty, ...]
    ) -> None:
        """See `tracking.ports.Journal`. Called for every frame that shows anything tracked: kept short on purpose."""
        is_shown_again = self._shown.get(camera_id) is object_ids
        run = self._runs.get(camera_id)
        if run is not None:
            if is_shown_again and at >= run.last and at < run.end:  # two comparisons of floats: Python has a short way
                run.last = at
                run.certainties.append(certainties)
                if len(run.certainties) == _FRAMES_AT_ONCE:
                    run.count()
                return
            self._end_run(camera_id)
        rows = self._count(camera_id, at, object_ids, certainties)
        if not is_shown_again:
            self._shown[camera_id] = object_ids
        elif len(object_ids) <= _MOST_SHOWN and all(object_id in rows for object_id in object_ids):
            # All of them: some may have had to give way to others.
            self._runs[camera_id] = _Run([rows[object_id] for object_id in object_ids], at)

    def _count(
        self, camera_id: str, at: float, object_ids: tuple[int, ...], certainties: tuple[Certainty, ...]
    ) -> dict[int, SecondRow]:
        """Count one frame now; all rows of its camera and second."""
        rows = self._rows.get((camera_id, int(at)), {})
        for object_id, certainty in zip(object_ids, certainties, strict=True):
            row = rows.get(object_id)
            if row is None:
                rows = self._add_row(object_id, camera_id, at, certainty)
                continue
            row.count += 1
            if at > row.last:
                row.last = at
            elif at < row.first:
                row.first = at
            if certainty is not None and (row.best is None or certainty > row.best):
                row.best = certainty
        return rows

    def _end_run(self, camera_id: str) -> None:
        """Count what is yet to be counted of a camera's frames."""
        run = self._runs.pop(camera_id, None)
        if run is not None:
            run.count()

    def feature_map_changed(self, object_id: int, feature_map: bytes) -> None:
        """See `tracking.ports.Journal`."""
        self._before_note()
        self._feature_maps[object_id] = feature_map

    def stopped(self, object_id: int, stop: OwnStop) -> None:
        """An object stopped being tracked by itself."""
        self._before_note()
        self._stops.setdefault(object_id, stop)

    def looked_up(self, object_id: int, actor: Actor, at: int) -> None:
        """Somebody was told of an object, at that instant (milliseconds since 1970, UTC).

        However often that is in one second of the clock, it is kept once. Where too many wait, it is counted and not
        kept.
        """
        second, look_up = at // 1000, (object_id, actor)
        if second != self._look_up_second:
            self._look_up_second, self._looked_up = second, set()
        if look_up in self._looked_up:
            return
        if self.waiting_look_ups >= _MAX_LOOK_UPS:
            self._lost_look_ups += 1
            return
        self._before_note()
        self._looked_up.add(look_up)
        self._look_ups.append(AuditNote(at, Action.LOOKED_UP, object_id, actor))

    def take(self) -> NoteBatch:
        """The oldest notes, as many as make a transaction; the same again until `written` is called."""
        if self._in_hand is None:
            if not self._sealed:
                self._seal()
            rows = list(islice(self._sealed.rows, _ROWS_A_BATCH))
            self._sealed.rows_left -= len(rows)
            look_ups, self._sealed.look_ups = (
                self._sealed.look_ups[:_ROWS_A_BATCH],
                self._sealed.look_ups[_ROWS_A_BATCH:],
            )
            self._in_hand = NoteBatch(rows, self._take_feature_maps(), self._sealed.stops, look_ups)
            self._sealed.stops = {}
        return self._in_hand

    def written(self) -> None:
        """What was taken last is on disk."""
        self._in_hand = None

    def mark(self) -> int:
        """A mark behind all notes of now, for `is_written`."""
        return self._seals + (1 if self._open else 0)

    def is_written(self, mark: int) -> bool:
        """Whether all notes before `mark` are on disk."""
        return self._seals > mark or (self._seals == mark and not self.has_backlog)

    @property
    def has_backlog(self) -> bool:
        """Whether notes are left of what was sealed for writing earlier."""
        return bool(self._in_hand or self._sealed)

    def __bool__(self) -> bool:
        return self._open or self.has_backlog

    @property
    def waiting_rows(self) -> int:
        """How many rows of sightings are not on disk yet."""
        return self._rows_open + self._rows_sealed

    @property
    def waiting_feature_maps(self) -> int:
        """How many feature maps are not on disk yet."""
        in_hand = len(self._in_hand.feature_maps) if self._in_hand else 0
        return len(self._feature_maps) + len(self._sealed.feature_maps) + in_hand

    @property
    def waiting_stops(self) -> int:
        """How many stops are not on disk yet."""
        in_hand = len(self._in_hand.stops) if self._in_hand else 0
        return len(self._stops) + len(self._sealed.stops) + in_hand

    @property
    def waiting_look_ups(self) -> int:
        """How many look-ups are not on disk yet."""
        in_hand = len(self._in_hand.look_ups) if self._in_hand else 0
        return len(self._look_ups) + len(self._sealed.look_ups) + in_hand

    @property
    def lost_look_ups(self) -> int:
        """How many look-ups were not kept, as too many were waiting."""
        return self._lost_look_ups

    @property
    def merged(self) -> int:
        """How many rows were given up, their sightings merged into a row of an earlier second."""
        return self._merged

    @property
    def _open(self) -> bool:
        return bool(self._rows or self._feature_maps or self._stops or self._look_ups)

    @property
    def _rows_sealed(self) -> int:
        return self._sealed.rows_left + (len(self._in_hand.rows) if self._in_hand else 0)

    def _before_note(self) -> None:
        if not self._open:
            self._stir()

    def _add_row(self, object_id: int, camera_id: str, at: float, certainty: float | None) -> dict[int, SecondRow]:
        """Begin a row with its first sighting; all rows of its camera and second."""
        self._before_note()
        presence, second = (object_id, camera_id), int(at)
        if self.waiting_rows >= self._limit:
            self._make_room(presence)
        rows = self._rows.setdefault((camera_id, second), {})
        rows[object_id] = SecondRow(1, at, at, certainty)
        self._rows_open += 1
        self._note_second(presence, second)
        return rows

    def _note_second(self, presence: _Presence, second: int) -> None:
        seconds = self._seconds.get(presence)
        if seconds is None:
            self._seconds[presence] = second
            return
        if isinstance(seconds, int):
            self._seconds[presence] = deque((seconds, second))
        else:
            seconds.append(second)
        self._mergeable[presence] = None

    def _make_room(self, presence: _Presence) -> None:
        """Merge the two oldest rows of `presence`; where it has no two, those of another object or camera."""
        if presence not in self._mergeable:
            other = next(iter(self._mergeable), None)
            if other is None:
                return
            presence = other
        self._end_run(presence[1])
        seconds = self._seconds[presence]
        assert isinstance(seconds, deque)
        oldest, next_oldest = seconds.popleft(), seconds.popleft()
        seconds.appendleft(oldest)
        object_id, camera_id = presence
        given_up = self._rows[camera_id, next_oldest].pop(object_id)
        self._rows[camera_id, oldest][object_id].absorb(given_up)
        self._rows_open -= 1
        if not self._rows[camera_id, next_oldest]:
            del self._rows[camera_id, next_oldest]
        self._merged += 1
        if len(seconds) == 1:
            del self._mergeable[presence]

    def _seal(self) -> None:
        for run in self._runs.values():
            run.count()
        self._runs, self._shown = {}, {}
        # Sealed as a whole, without touching a row: this costs the event loop the same for one and for 200,000.
        self._sealed = _Sealed(_each(self._rows), self._rows_open, self._feature_maps, self._stops, self._look_ups)
        self._rows, self._rows_open, self._seconds, self._mergeable = {}, 0, {}, OrderedDict()
        self._feature_maps, self._stops, self._look_ups = {}, {}, []
        self._seals += 1

    def _take_feature_maps(self) -> dict[int, bytes]:
        waiting = self._sealed.feature_maps
        taken: dict[int, bytes] = {}
        size = 0
        for object_id in list(waiting):
            size += len(waiting[object_id])
            if taken and size > _FEATURE_BYTES_A_BATCH:
                break
            taken[object_id] = waiting.pop(object_id)
        return taken


def _each(rows: _Rows) -> Iterator[tuple[SecondKey, SecondRow]]:
    for (camera_id, second), by_object in rows.items():
        for object_id, row in by_object.items():
            yield (object_id, camera_id, second), row
