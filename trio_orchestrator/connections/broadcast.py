"""What many peers get at once, the boxes: encoded once, framed once, handed over once a tick."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, TypeAlias

import trio

from trio_orchestrator.protocol.frames import text_frame
from trio_orchestrator.tracking.ports import Outbox as AnyOutbox

from .boxes_lane import Batch, BoxFrame
from .outbox import Outbox
from .shared_file import SharedFile

_Cameras: TypeAlias = frozenset[str] | None
_NOTHING: Final[_Cameras] = frozenset()

_OUTBOXES_A_STEP: Final = 256
"""After this many outboxes other tasks get their turn."""

_FEWEST_FRAMES: Final = 8
_MOST_FRAMES: Final = 32
"""Between these are as many frames worth a hand-over as there are outboxes."""

_SHARED_BYTES: Final = 16384
_SHARERS: Final = 8
"""So many bytes for so many outboxes are worth a file from which all are sent: filling it costs about two copies."""


class Statistics(NamedTuple):
    """What a broadcast has done so far.

    Attributes:
        frames: frames that were published while anybody was there to see them.
        deliveries: frames handed to outboxes, one for each that was to get it; some may have given way to newer ones.
    """

    frames: int
    deliveries: int


class _Handover(NamedTuple):
    """Frames and those who want all of them.

    Attributes:
        batch: the frames.
        cameras: the wish that these have in common.
        outboxes: they, in the order in which they came.
        changes: how often anybody had come, gone or wished for something else by then.
    """

    batch: Batch
    cameras: _Cameras
    outboxes: Sequence[Outbox]
    changes: int


class Broadcast:
    """Collects what is published in one tick and hands it to each outbox as one piece.

    A tick is what is done inside of `tick`, or else one pass of the scheduler.
    """

    def __init__(self) -> None:
        self._audiences: defaultdict[_Cameras, dict[Outbox, None]] = defaultdict(dict)
        """Outboxes by what they want; None: all cameras."""
        self._wants: dict[Outbox, _Cameras] = {}
        self._frames: list[BoxFrame] = []
        self._published = trio.lowlevel.ParkingLot()
        self._is_ticking = False
        self._is_handing_over = False
        self._changes = 0
        self._shared_file = SharedFile()
        self._frames_handed_over = 0
        self._deliveries = 0

    def join(self, outbox: AnyOutbox, cameras: frozenset[str] | None) -> None:
        """From now on `outbox` gets the frames of `cameras`, of all where None."""
        assert isinstance(outbox, Outbox)
        self.leave(outbox)
        self._changes += 1
        self._wants[outbox] = cameras
        self._audiences[cameras][outbox] = None

    def leave(self, outbox: AnyOutbox) -> None:
        """From now on `outbox` gets nothing, not even what was published in this pass."""
        assert isinstance(outbox, Outbox)
        if outbox in self._wants:
            self._changes += 1
            cameras = self._wants.pop(outbox)
            audience = self._audiences[cameras]
            del audience[outbox]
            if not audience:
                del self._audiences[cameras]

    def publish(self, camera_id: str, message: Sequence[bytes]) -> None:
        """Send a JSON text, one frame of that camera, to all that want it, at the end of this tick.

        `message` are its parts, one behind the other.
        """
        if self._audiences:
            if not (self._frames or self._is_ticking):
                self._published.unpark()
            self._frames.append((camera_id, text_frame(*message)))

    def tick(self) -> AbstractContextManager[None]:
        """What is published inside is handed over at the end, without a task switch where few are to get it."""
        return _Tick(self)

    def frames_a_tick(self) -> int:
        """How many frames are worth a hand-over, which costs one write for each outbox.

        Fewer cost too many writes; more wait too long, and leave the processor's cache before they are written.
        """
        return min(max(len(self._wants), _FEWEST_FRAMES), _MOST_FRAMES)

    def begin_tick(self) -> None:
        """See `tick`."""
        self._is_ticking = True

    def end_tick(self) -> None:
        """See `tick`."""
        self._is_ticking = False
        if self._frames:
            if self._is_handing_over or len(self._wants) > _OUTBOXES_A_STEP:
                self._published.unpark()
            else:
                for handover in self._take():
                    self._hand_over(handover, handover.outboxes)

    def statistics(self) -> Statistics:
        """Counters of this broadcast."""
        return Statistics(self._frames_handed_over, self._deliveries)

    async def run(self) -> None:
        """Hand over what is published, for as long as the server lives."""
        try:
            while True:
                # Woken by the first frame, this task runs after all that are runnable now: the rest of a pass.
                if not self._frames:
                    await self._published.park()
                self._is_handing_over = True
                await self._hand_over_in_steps()
                self._is_handing_over = False
        finally:
            self._shared_file.close()

    async def _hand_over_in_steps(self) -> None:
        served = 0
        for handover in self._take():
            for first in range(0, len(handover.outboxes), _OUTBOXES_A_STEP):
                step = handover.outboxes[first : first + _OUTBOXES_A_STEP]
                if served + len(step) > _OUTBOXES_A_STEP:
                    await trio.lowlevel.checkpoint()
                    served = 0
                served += len(step)
                self._hand_over(handover, step)

    def _take(self) -> Iterator[_Handover]:
        """All that was published, and for whom, one hand-over after the other: what is shared holds until the next.

        What is published from now on is for the next tick.
        """
        frames, self._frames = self._frames, []
        self._frames_handed_over += len(frames)
        # All are listed at once: who changes its mind on the way is in one list all the same.
        audiences = [(cameras, list(audience)) for cameras, audience in self._audiences.items()]
        changes = self._changes
        for cameras, outboxes in audiences:
            if wanted := _of_cameras(frames, cameras):
                batch = Batch(wanted)
                if batch.size >= _SHARED_BYTES and len(outboxes) >= _SHARERS:
                    self._shared_file.hold(batch.joined)
                    batch.file = self._shared_file
                yield _Handover(batch, cameras, outboxes, changes)

    def _hand_over(self, handover: _Handover, outboxes: Sequence[Outbox]) -> None:
        batch = handover.batch
        # Here and not in each outbox: a count that costs the same for one client and for a thousand.
        self._deliveries += len(batch.frames) * len(outboxes)
        if handover.changes == self._changes:
            for outbox in outboxes:
                outbox.offer_boxes(batch)
            return
        for outbox in outboxes:
            wants = self._wants.get(outbox, _NOTHING)
            if wants == handover.cameras:
                outbox.offer_boxes(batch)
            elif left := _of_cameras(batch.frames, wants):
                outbox.offer_boxes(Batch(left))


class _Tick(AbstractContextManager[None]):
    """One tick. A generator would do, for three times as long, and there is one for nearly every message."""

    __slots__ = ("_broadcast",)

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast

    def __enter__(self) -> None:
        self._broadcast.begin_tick()

    def __exit__(self, *_: object) -> None:
        self._broadcast.end_tick()


def _of_cameras(frames: Sequence[BoxFrame], cameras: _Cameras) -> Sequence[BoxFrame]:
    return frames if cameras is None else [frame for frame in frames if frame[0] in cameras]
