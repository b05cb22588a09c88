"""The bounded memory channel of one connection: everything its peer is to be told, in two lanes.

The control lane is never dropped and never overtaken by later control. The boxes lane gives way: where the peer's
socket is full it keeps the newest frame of each camera. While nothing waits, what is offered is written at once,
without a task switch; what the socket does not take then waits in the channel for the writer task.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

import trio

from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import text_frame, text_frame_header

from .boxes_lane import Batch, BoxesLane, BoxFrame
from .traffic import Traffic
from .wire import Wire

CHANNEL_PIECES: Final = 4096
"""How many pieces may wait for one peer; more of the smallest ones than fit the bytes make a peer too slow, too."""

_SHARED_BYTES: Final = 16384
"""A message this long is not copied behind its frame header, so that many outboxes share it."""

_MAX_SNAPSHOTS: Final = 16
"""How many snapshots may wait: each is a list of all live objects, as long as it waits. Nobody needs two."""

_MESSAGES_AT_ONCE: Final = 64
"""So many messages of a snapshot are written at once; the writer goes on, and others get their turn."""


class Closing(NamedTuple):
    """How a connection is to end."""

    code: CloseCode
    reason: str


class _Frames(NamedTuple):
    """Whole frames of control, or the rest of one.

    Attributes:
        parts: the bytes, to be written one part behind the other with nothing in between.
        begun: whether the socket has taken what comes before: then the rest must follow whatever happens, since a
            closing frame in the middle of another would not be understood.
        since: when it came to wait, on the monotonic clock.
    """

    parts: tuple[bytes, ...]
    begun: bool
    since: float


class _Boxes:
    """Stands in the channel for the boxes lane: whatever is in it by then."""


_BOXES: Final = _Boxes()
_Piece: TypeAlias = _Frames | Iterator[bytes] | _Boxes


class Statistics(NamedTuple):
    """What one outbox has done so far.

    Attributes:
        waiting_bytes: offered and not yet taken by the socket, the boxes lane included.
        left_out: frames of boxes that gave way to newer ones.
    """

    waiting_bytes: int
    left_out: int


class Outbox:
    """Takes what one peer is to be told; offering never waits and never raises.

    Args:
        wire: where the bytes go.
        max_bytes: how many bytes of control may wait. One message may always wait, however long it is.
        write_timeout: seconds the socket may take nothing.
        traffic: counts what is offered and how long it waits, for all outboxes together.

    Attributes:
        closing: how the connection is to end, to be read only; None while it is not.
    """

    def __init__(
        self, wire: Wire, *, max_bytes: int, write_timeout: float = math.inf, traffic: Traffic | None = None
    ) -> None:
        self._send_nowait, self._send_some = wire.send_nowait, wire.send_some
        self._traffic = traffic or Traffic()
        self._max_bytes = max_bytes
        self._write_timeout = write_timeout
        self._send_channel, self._receive_channel = trio.open_memory_channel[_Piece](CHANNEL_PIECES)
        self._pieces = 0
        """Pieces in the channel or in the writer's hands; while there are none, offers go to the wire directly."""
        self._waiting_bytes = 0
        self._snapshots = 0
        """Snapshots among the pieces."""
        self._in_hand = 0
        """Bytes in the writer's hands that are counted nowhere else: of boxes, or of a snapshot."""
        self._gave_up = False
        self._overlong = 0
        """The size of a piece that exceeds the bound by itself: one may wait, and leaves the bound to the others."""
        self._lane = BoxesLane(max_bytes)
        self.closing: Closing | None = None
        self._closing_event = trio.Event()
        self._idle_event: trio.Event | None = None
        self._broken = False

    # What the hub and the broadcast offer.

    def offer(self, message: bytes) -> None:
        """Send the JSON text `message` after all control that was offered before."""
        if self.closing is not None:
            return
        self._traffic.sent(message)
        if len(message) < _SHARED_BYTES:
            self._put(text_frame(message))
        else:
            self._put(text_frame_header(len(message)), message)

    def offer_each(self, messages: Iterable[bytes]) -> None:
        """Send `messages` likewise, each made only when the peer takes it: a snapshot, however long, waits unmade."""
        if self.closing is None:
            self._put_lazily(iter(messages))

    def offer_boxes(self, batch: Batch) -> None:
        """Send the frames of `batch`, or at least the newest of each camera once the socket takes it."""
        if self.closing is not None:
            return
        if self._pieces:
            self._delay_boxes(batch.frames)
            return
        try:  # as in `_write_now`, without the call: here it is done for every frame and every client
            taken = self._send_nowait(batch.joined, batch.file)
        except OSError:
            self._break("its socket is broken")
            return
        if taken < batch.size:
            self._delay_rest(batch, taken)

    def report_left_out(self, make: Callable[[int], bytes] | None) -> None:
        """From now on tell the peer, in what `make` makes of their number, when boxes were left out; None: do not."""
        self._lane.report(make)

    def offer_raw(self, data: bytes) -> None:
        """Send bytes that are frames already: what the WebSocket engine says, closing frames included."""
        self._put(data)

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection once what was offered is written; whatever is offered from now on is not sent."""
        if self.closing is None:
            self.closing = Closing(code, reason)
            self._closing_event.set()

    async def wait_closing(self) -> Closing:
        """Wait until somebody wants the connection to end."""
        await self._closing_event.wait()
        assert self.closing is not None
        return self.closing

    async def wait_written(self) -> None:
        """Wait until the socket has taken all that was offered, or is broken."""
        while self._pieces and not self._broken:
            if self._idle_event is None:
                self._idle_event = trio.Event()
            await self._idle_event.wait()

    def statistics(self) -> Statistics:
        """Counters of this outbox."""
        waiting = self._waiting_bytes + self._in_hand + self._lane.waiting_bytes
        return Statistics(waiting, self._lane.left_out)

    async def run(self) -> None:
        """Write what waits, for as long as the connection lives; ends when the wire is broken."""
        try:
            async for piece in self._receive_channel:
                if isinstance(piece, _Frames):
                    for part in piece.parts:
                        await self._write(part)
                    self._waiting_bytes -= _size(piece)
                    self._traffic.write_delays.observe(time.monotonic() - piece.since)
                elif isinstance(piece, _Boxes):
                    await self._write_lane()
                else:
                    await self._write_snapshot(piece)
                    self._snapshots -= 1
                self._pieces -= 1
                if not self._pieces:
                    self._wake_waiters()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            slow = isinstance(error, trio.TooSlowError)
            self._break("its socket took nothing" if slow else "its socket is broken")

    # The control lane.

    def _put(self, *parts: bytes) -> None:
        """Write whole frames, or queue what the socket does not take of them."""
        begun = False
        while parts and not self._pieces:
            taken = self._write_now(parts[0])
            begun = begun or taken > 0
            if taken < len(parts[0]):
                parts = (parts[0][taken:], *parts[1:])
                break
            parts = parts[1:]
        if parts:
            self._queue(_Frames(parts, begun, time.monotonic()))

    def _put_lazily(self, messages: Iterator[bytes]) -> None:
        for _ in range(_MESSAGES_AT_ONCE):
            if self._pieces or self._broken:
                break
            message = next(messages, None)
            if message is None:
                return
            self._traffic.sent(message)
            self._put(text_frame(message))
        self._queue(messages)

    def _queue(self, piece: _Frames | Iterator[bytes]) -> None:
        if self._broken:
            return
        size = _size(piece)
        if not self._waiting_bytes:
            self._overlong = 0
        if size > self._max_bytes and not self._overlong:
            self._overlong = size
        waiting = self._waiting_bytes + size - self._overlong if self.closing is None else 0
        too_much = waiting > self._max_bytes or self._snapshots + _is_snapshot(piece) > _MAX_SNAPSHOTS
        if too_much or not self._queue_unless_full(piece):
            self._overflow()

    def _queue_unless_full(self, piece: _Piece) -> bool:
        """Put `piece` into the channel; whether there was room for one more."""
        try:
            self._send_channel.send_nowait(piece)
        except trio.WouldBlock:
            return False
        self._pieces += 1
        self._snapshots += _is_snapshot(piece)
        self._waiting_bytes += _size(piece)
        return True

    def _overflow(self) -> None:
        """The peer does not keep up even with control, of which nothing may be dropped: it must go.

        What waits is of no use to it any more and gives way to the closing frame, except for the rest of a frame.
        """
        if self.closing is not None:
            self._break("it does not take its closing frame")
            return
        self.close(CloseCode.TOO_SLOW, "too slow")
        self._gave_up = True
        rest: _Frames | None = None
        while self._send_channel.statistics().current_buffer_used:
            piece = self._receive_channel.receive_nowait()
            self._pieces -= 1
            self._snapshots -= _is_snapshot(piece)
            self._waiting_bytes -= _size(piece)
            if isinstance(piece, _Frames) and piece.begun:
                rest = piece
        self._lane.clear()
        if rest is not None:
            self._queue_unless_full(rest)

    # The boxes lane.

    def _delay_rest(self, batch: Batch, taken: int) -> None:
        """Keep what the socket did not take: the frame it broke off in as control, since frames must be whole."""
        position = 0
        for index, (_, frame) in enumerate(batch.frames):
            position += len(frame)
            if position > taken:
                cut = position - taken
                if cut < len(frame):
                    self._queue(_Frames((frame[-cut:],), begun=True, since=time.monotonic()))
                    index += 1
                self._delay_boxes(batch.frames[index:])
                return

    def _delay_boxes(self, frames: Sequence[BoxFrame]) -> None:
        if not frames or self._broken:
            return
        if self._lane or self._queue_unless_full(_BOXES):
            self._lane.add(frames)
        else:
            self._lane.leave_out(len(frames))

    async def _write_lane(self) -> None:
        since = self._lane.since
        report, joined = self._lane.take()
        if report is not None:
            self._traffic.sent(report)
        await self._write_uncounted(joined)
        self._traffic.write_delays.observe(time.monotonic() - since)

    # The wire.

    def _write_now(self, data: bytes) -> int:
        if self._broken:
            return len(data)
        try:
            return self._send_nowait(data)
        except OSError:
            self._break("its socket is broken")
            return len(data)

    async def _write_snapshot(self, messages: Iterator[bytes]) -> None:
        for message in messages:
            if self._gave_up:
                return
            self._traffic.sent(message)
            await self._write_uncounted(text_frame(message))

    async def _write_uncounted(self, data: bytes) -> None:
        self._in_hand = len(data)
        await self._write(data)
        self._in_hand = 0

    async def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            with trio.fail_after(self._write_timeout):
                taken = await self._send_some(rest)
            rest = rest[taken:]

    def _break(self, reason: str) -> None:
        """Nothing can be sent any more; let everybody who waits for this outbox know."""
        self._broken = True
        self.close(CloseCode.TOO_SLOW, reason)
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        if self._idle_event is not None:
            self._idle_event.set()
            self._idle_event = None


def _is_snapshot(piece: _Piece) -> bool:
    return not isinstance(piece, _Frames | _Boxes)


def _size(piece: _Piece) -> int:
    """How many bytes of control `piece` holds; what is made late holds none yet."""
    return sum(map(len, piece.parts)) if isinstance(piece, _Frames) else 0
