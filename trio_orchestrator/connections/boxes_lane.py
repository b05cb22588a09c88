"""The lane of an outbox that gives way: frames of boxes that wait for one peer, and where they are many the newest."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from trio_orchestrator.protocol.frames import text_frame

if TYPE_CHECKING:
    from .shared_file import SharedFile

_CUSHION_BYTES: Final = 262144
"""How many bytes of boxes may wait before a frame gives way to a newer one of its camera."""


BoxFrame: TypeAlias = tuple[str, bytes]
"""A camera's id and a frame of its boxes, as it goes over the wire. A plain tuple: they come by the thousand."""


class Batch:
    """Frames that were published together, in their order.

    Attributes:
        frames: the frames.
        joined: all of them, one behind the other, made once for all peers.
        size: how many bytes that is.
        file: holds the same while the batch is handed over, for those who can send from it; None where there is none.
    """

    __slots__ = ("file", "frames", "joined", "size")

    def __init__(self, frames: Sequence[BoxFrame]) -> None:
        self.file: SharedFile | None = None
        self.frames = frames
        self.joined = b"".join([frame for _, frame in frames])
        self.size = len(self.joined)


class BoxesLane:
    """What waits, in its order.

    Args:
        max_bytes: how much may wait at the most, however many cameras there are; at least 512 KiB.

    Attributes:
        waiting_bytes: how much waits.
        since: when the first of it came to wait, on the monotonic clock.
        left_out: frames that gave way so far.
    """

    __slots__ = ("_frames", "_make_report", "_max_bytes", "_unreported", "left_out", "since", "waiting_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max(max_bytes, 2 * _CUSHION_BYTES)
        self._frames: list[BoxFrame] = []
        self._unreported = 0
        self._make_report: Callable[[int], bytes] | None = None
        self.waiting_bytes = 0
        self.since = 0.0
        self.left_out = 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def add(self, frames: Sequence[BoxFrame]) -> None:
        """Let `frames` wait; where much waits already, only the newest of each camera."""
        if not self._frames:
            self.since = time.monotonic()
        full = self.waiting_bytes > _CUSHION_BYTES
        self._frames += frames
        self.waiting_bytes += sum([len(frame) for _, frame in frames])
        if full:
            self._keep_newest()

    def leave_out(self, frames: int) -> None:
        """So many frames have given way."""
        self.left_out += frames
        self._unreported += frames

    def report(self, make: Callable[[int], bytes] | None) -> None:
        """From now on begin what is taken by what `make` makes of the number of frames left out; None: do not."""
        self._make_report = make
        self._unreported = 0

    def take(self) -> tuple[bytes | None, bytes]:
        """The report, if one is due, as JSON text; and all frames that wait, one behind the other."""
        report = None
        if self._unreported and self._make_report is not None:
            report = self._make_report(self._unreported)
            self._unreported = 0
        joined = b"".join([frame for _, frame in self._frames])
        self.clear()
        return report, joined if report is None else text_frame(report) + joined

    def clear(self) -> None:
        """Let nothing wait any more."""
        self._frames, self.waiting_bytes = [], 0

    def _keep_newest(self) -> None:
        newest: dict[str, BoxFrame] = {}
        size = 0
        for entry in reversed(self._frames):
            camera_id, frame = entry
            if camera_id not in newest:
                if newest and size + len(frame) > self._max_bytes:
                    break
                newest[camera_id] = entry
                size += len(frame)
        self.leave_out(len(self._frames) - len(newest))
        self._frames = list(reversed(newest.values()))
        self.waiting_bytes = size
