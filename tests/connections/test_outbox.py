"""What one peer is told: in order, whole, and without anybody waiting for it."""

import math
from collections.abc import Callable, Iterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_orchestrator.connections.outbox import Closing, Outbox
from trio_orchestrator.connections.shared_file import SharedFile
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import PING_FRAME, close_frame, text_frame

from .wires import FakeWire, batch, box_frame

LONG = b'"' + b"l" * 20_000 + b'"'


def make(nursery: trio.Nursery, capacity: float = 0, max_bytes: int = 1_000_000) -> tuple[Outbox, FakeWire]:
    wire = FakeWire(capacity)
    outbox = Outbox(wire, max_bytes=max_bytes)
    nursery.start_soon(outbox.run)
    return outbox, wire


# While nothing waits.


async def test_what_the_socket_takes_is_written_at_once_without_a_task_switch() -> None:
    wire = FakeWire()
    outbox = Outbox(wire, max_bytes=0)  # whose writer does not even run
    outbox.offer(b"1")
    outbox.offer_each(iter([b"2", b"3"]))
    outbox.offer_boxes(batch(box_frame("a", 1), box_frame("b", 1)))
    outbox.offer(LONG)
    outbox.offer_raw(PING_FRAME)
    assert wire.read_control() == ["1", "2", "3", LONG.decode(), "ping"]
    assert wire.read_boxes() == {"a": [1], "b": [1]}
    assert wire.calls == 7  # the batch in one, the long message after its header
    assert outbox.statistics() == (0, 0)
    with trio.fail_after(1):
        await outbox.wait_written()
    assert outbox.closing is None


async def test_a_long_message_is_not_copied() -> None:
    class Memory(FakeWire):
        def send_nowait(self, data: bytes, file: SharedFile | None = None) -> int:
            written.append(data)
            return len(data)

    written: list[bytes] = []
    Outbox(Memory(), max_bytes=0).offer(LONG)
    assert written[1] is LONG


# What waits.


async def test_control_keeps_its_order_whatever_the_socket_does(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery)
    outbox.offer(b"1")
    outbox.offer_each(iter([b"2", b"3"]))
    outbox.offer(LONG)
    await wait_all_tasks_blocked()
    outbox.offer(b"4")
    outbox.offer_raw(PING_FRAME)
    outbox.offer(b"5")
    assert wire.read() == []
    assert outbox.statistics().waiting_bytes == 3 * len(text_frame(b"1")) + len(text_frame(LONG)) + len(PING_FRAME)
    wire.give()
    await outbox.wait_written()
    assert wire.read() == ["1", "2", "3", LONG.decode(), "4", "ping", "5"]
    assert outbox.statistics() == (0, 0)
    outbox.offer(b"6")  # at once again
    assert wire.read()[-1] == "6"


async def test_frames_stay_whole_wherever_the_socket_breaks_off(nursery: trio.Nursery) -> None:
    frames = [box_frame("a", 1, 10), box_frame("b", 1, 20), box_frame("a", 2, 30)]
    size = 2 * len(text_frame(b"1")) + sum(len(frame) for _, frame in frames)
    for capacity in range(size + 1):
        outbox, wire = make(nursery, capacity)
        outbox.offer(b"1")
        outbox.offer_boxes(batch(*frames))
        outbox.offer(b"2")
        await wait_all_tasks_blocked()
        while wire.capacity == 0 and len(wire.taken) < size:
            wire.give(1)
            await wait_all_tasks_blocked()
        wire.give()
        await outbox.wait_written()
        assert wire.read_control() == ["1", "2"]
        assert wire.read_boxes() == {"a": [1, 2], "b": [1]}


async def test_a_long_message_stays_whole_wherever_the_socket_breaks_off(nursery: trio.Nursery) -> None:
    for capacity in (*range(8), 1000, len(LONG) + 3, len(LONG) + 4):
        outbox, wire = make(nursery, capacity, max_bytes=10)
        outbox.offer(LONG)  # one message may always wait, however long it is
        wire.give()
        await outbox.wait_written()
        assert wire.read() == [LONG.decode()]


async def test_boxes_wait_for_the_control_that_was_offered_before_and_go_together(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery)
    outbox.offer(b"1")
    outbox.offer_boxes(batch(box_frame("a", 1)))
    outbox.offer(b"2")
    outbox.offer_boxes(batch(box_frame("b", 1), box_frame("a", 2)))
    wire.give()
    await outbox.wait_written()
    assert [text[:12] for text in wire.read()] == ["1", '{"camera": "', '{"camera": "', '{"camera": "', "2"]
    assert wire.read_boxes() == {"a": [1, 2], "b": [1]}


async def test_of_too_many_boxes_the_newest_frame_of_each_camera_is_kept(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery)
    outbox.offer(b"1")
    for number in range(100):
        outbox.offer_boxes(batch(box_frame("a", number, 10_000), box_frame("b", number, 10_000)))
    outbox.offer_boxes(batch(box_frame("c", 0)))
    outbox.offer(b"2")
    assert outbox.statistics().waiting_bytes < 300_000 + 4 * 10_100
    wire.give()
    await outbox.wait_written()
    boxes = wire.read_boxes()
    assert (boxes["a"][-1], boxes["b"][-1], boxes["c"]) == (99, 99, [0])
    assert boxes["a"] == sorted(set(boxes["a"]))
    assert boxes["b"] == sorted(set(boxes["b"]))
    received = sum(map(len, boxes.values()))
    assert received + outbox.statistics().left_out == 201
    assert outbox.statistics().left_out > 100
    assert wire.read_control() == ["1", "2"]  # never left out
    assert outbox.closing is None


async def test_who_asks_is_told_how_many_frames_were_left_out(nursery: trio.Nursery) -> None:
    def many(count: int) -> None:
        for number in range(count):
            outbox.offer_boxes(batch(box_frame("a", number, 100_000)))

    outbox, wire = make(nursery)
    outbox.report_left_out(lambda dropped: b'"left out: %d"' % dropped)
    told = 0
    for _ in range(2):
        wire.capacity = 0
        before = outbox.statistics().left_out
        outbox.offer(b"1")
        many(20)
        wire.give()
        await outbox.wait_written()
        left_out = outbox.statistics().left_out - before
        assert left_out > 0
        assert wire.read_control()[told:] == ["1", f'"left out: {left_out}"']
        told += 2
    outbox.report_left_out(None)
    wire.capacity = 0
    outbox.offer(b"1")
    many(20)
    wire.give()
    await outbox.wait_written()
    assert wire.read_control()[told:] == ["1"]


# Snapshots.


class Snapshot:
    """Counts how much of it was made."""

    def __init__(self, size: int) -> None:
        self.made = 0
        self._size = size

    def messages(self) -> Iterator[bytes]:
        for number in range(self._size):
            self.made += 1
            yield b"%d" % number


async def test_a_snapshot_is_made_as_the_peer_takes_it(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, capacity=7, max_bytes=100)
    snapshot = Snapshot(1000)
    outbox.offer_each(snapshot.messages())
    outbox.offer(b"after")
    await wait_all_tasks_blocked()
    assert snapshot.made == 3  # two that fitted, and the one that broke off
    for made in (4, 5, 6):
        wire.give(3)
        await wait_all_tasks_blocked()
        assert snapshot.made == made
    assert outbox.statistics().waiting_bytes < 100
    wire.give()
    await outbox.wait_written()
    assert wire.read() == [*map(str, range(1000)), "after"]


async def test_a_long_snapshot_holds_nobody_up_where_the_socket_takes_all(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, capacity=math.inf)
    snapshot = Snapshot(1000)
    outbox.offer_each(snapshot.messages())
    outbox.offer(b"after")
    assert snapshot.made == 64  # the writer goes on
    await outbox.wait_written()
    assert wire.read() == [*map(str, range(1000)), "after"]


@pytest.mark.parametrize(
    ("offer", "size"),
    [
        (lambda outbox: outbox.offer_boxes(batch(box_frame("a", 1))), len(box_frame("a", 1)[1])),
        (lambda outbox: outbox.offer_each(iter([b"1", b"2"])), len(text_frame(b"1"))),
        (lambda outbox: outbox.offer(b"1"), len(text_frame(b"1"))),
    ],
)
async def test_what_the_writer_holds_is_counted_as_waiting(
    nursery: trio.Nursery, offer: Callable[[Outbox], None], size: int
) -> None:
    outbox, wire = make(nursery)
    offer(outbox)
    await wait_all_tasks_blocked()
    assert outbox.statistics().waiting_bytes == size
    wire.give()
    await outbox.wait_written()
    assert outbox.statistics().waiting_bytes == 0


async def test_a_snapshot_ends_with_its_socket(nursery: trio.Nursery) -> None:
    snapshot = Snapshot(1000)
    outbox, wire = make(nursery)
    wire.tear()
    outbox.offer_each(snapshot.messages())
    assert snapshot.made <= 1
    outbox.offer_each(snapshot.messages())
    assert snapshot.made <= 1


# Endings.


async def test_close_ends_after_what_was_offered_and_the_first_reason_counts(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery)
    outbox.offer(b"1")
    outbox.close(CloseCode.REPLACED, "replaced")
    outbox.close(CloseCode.GOING_AWAY, "the server stops")
    outbox.offer(b"2")
    outbox.offer_each(iter([b"3"]))
    outbox.offer_boxes(batch(box_frame("a", 1)))
    assert outbox.closing == Closing(CloseCode.REPLACED, "replaced")
    assert await outbox.wait_closing() == outbox.closing
    outbox.offer_raw(close_frame(4409, "replaced"))
    wire.give()
    await outbox.wait_written()
    assert wire.read() == ["1", "closed: 4409"]


async def test_who_waits_for_the_end_is_woken_by_it(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    outbox, _ = make(nursery)
    seen: list[Closing] = []

    async def wait() -> None:
        seen.append(await outbox.wait_closing())

    nursery.start_soon(wait)
    await trio.sleep(100)
    assert seen == []
    outbox.close(CloseCode.GOING_AWAY, "the server stops")
    await wait_all_tasks_blocked()
    assert seen == [(1001, "the server stops")]


async def test_who_waits_until_all_is_written_waits_no_longer_than_the_socket_lives(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery)
    outbox.offer(b"1")
    with trio.fail_after(1):
        async with trio.open_nursery() as waiting:
            waiting.start_soon(outbox.wait_written)
            waiting.start_soon(outbox.wait_written)
            await wait_all_tasks_blocked()
            wire.tear()


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_broken_socket_ends_all_and_offers_stay_silent(nursery: trio.Nursery, waiting: bool) -> None:
    outbox, wire = make(nursery, capacity=0 if waiting else 1000)
    if waiting:
        outbox.offer(b"1")
        outbox.offer_boxes(batch(box_frame("a", 1)))
    await wait_all_tasks_blocked()
    wire.tear()
    await wait_all_tasks_blocked()
    for _ in range(2):
        outbox.offer(b"2")
        outbox.offer(LONG)
        outbox.offer_each(iter([b"3"]))
        outbox.offer_boxes(batch(box_frame("a", 2)))
        outbox.offer_raw(PING_FRAME)
    with trio.fail_after(1):
        await outbox.wait_written()
        closing = await outbox.wait_closing()
    assert closing.reason == "its socket is broken"
    assert wire.read() == []
    if waiting:
        assert not nursery.child_tasks  # the writer has ended


async def test_a_socket_that_takes_nothing_in_time_is_given_up(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    wire = FakeWire(0)
    outbox = Outbox(wire, max_bytes=1_000_000, write_timeout=30)
    nursery.start_soon(outbox.run)
    outbox.offer(b"1" * 100)
    for _ in range(3):  # while it takes anything it is slow, and that is all
        await trio.sleep(29)
        assert outbox.closing is None
        wire.give(1)
        await wait_all_tasks_blocked()
    await trio.sleep(29)
    assert outbox.closing is None
    await trio.sleep(2)
    assert await outbox.wait_closing() == (4452, "its socket took nothing")
    assert not nursery.child_tasks
    await outbox.wait_written()


async def test_an_idle_socket_is_never_given_up(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    outbox = Outbox(FakeWire(), max_bytes=100, write_timeout=30)
    nursery.start_soon(outbox.run)
    outbox.offer(b"1")
    await trio.sleep(1000)
    assert outbox.closing is None
    nursery.cancel_scope.cancel()


async def test_a_lane_of_ever_new_cameras_is_bounded_and_keeps_the_newest(nursery: trio.Nursery) -> None:
    wire = FakeWire(0)
    outbox = Outbox(wire, max_bytes=1_000_000)
    nursery.start_soon(outbox.run)
    outbox.offer(b"1")
    for number in range(400):
        outbox.offer_boxes(batch(box_frame(f"camera {number}", number, 5000)))
        assert outbox.statistics().waiting_bytes < 1_010_000
    wire.give()
    await outbox.wait_written()
    read = wire.read_boxes()
    assert outbox.statistics().left_out == 400 - len(read) > 150
    assert list(read)[-100:] == [f"camera {number}" for number in range(300, 400)]
