"""A peer that does not keep up even with control must go, and is told why in a frame that it can understand."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_orchestrator.connections.outbox import CHANNEL_PIECES, Closing, Outbox
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import PING_FRAME, text_frame

from .wires import CLOSING_FRAME, FakeWire, batch, box_frame

LONG = b'"' + b"l" * 20_000 + b'"'
TOO_SLOW = Closing(CloseCode.TOO_SLOW, "too slow")


def make(nursery: trio.Nursery, max_bytes: int, capacity: float = 0) -> tuple[Outbox, FakeWire]:
    wire = FakeWire(capacity)
    outbox = Outbox(wire, max_bytes=max_bytes)
    nursery.start_soon(outbox.run)
    return outbox, wire


def is_closing(outbox: Outbox) -> bool:
    return outbox.closing is not None


async def all_read(outbox: Outbox, wire: FakeWire) -> list[str]:
    outbox.offer_raw(CLOSING_FRAME)  # as the WebSocket engine does once it is told
    wire.give()
    with trio.fail_after(1):
        await outbox.wait_written()
    return wire.read()


async def test_the_bound_is_met_exactly(nursery: trio.Nursery) -> None:
    frame = len(text_frame(b"123"))
    outbox, wire = make(nursery, max_bytes=10 * frame)
    for _ in range(10):
        outbox.offer(b"123")
    await wait_all_tasks_blocked()
    assert not is_closing(outbox)
    outbox.offer(b"")
    assert outbox.closing == TOO_SLOW
    read = await all_read(outbox, wire)
    assert read == ["123", "closed: 4452"]  # the one that was being written, and then the end


async def test_what_waits_gives_way_to_the_closing_frame(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=100)
    outbox.offer_each(iter([b"1" * 50]))
    outbox.offer_boxes(batch(box_frame("a", 1)))
    outbox.offer(b"2" * 50)
    outbox.offer(b"3" * 50)
    assert outbox.closing == TOO_SLOW
    assert outbox.statistics().waiting_bytes == 0
    outbox.offer(b"4")
    assert await all_read(outbox, wire) == ["closed: 4452"]


@pytest.mark.parametrize("switch", [False, True])
async def test_a_frame_that_was_begun_is_ended_first(nursery: trio.Nursery, switch: bool) -> None:
    frame = text_frame(b"1" * 200)
    for capacity in range(1, len(frame)):
        outbox, wire = make(nursery, 10, capacity)
        outbox.offer(b"1" * 200)
        if switch:
            await wait_all_tasks_blocked()
        outbox.offer(b"2" * 10)
        outbox.offer(b"3" * 10)  # of what exceeds the bound by itself one may wait, not two
        assert outbox.closing == TOO_SLOW
        assert await all_read(outbox, wire) == ["1" * 200, "closed: 4452"]


@pytest.mark.parametrize("capacity", [1, 3, 4, 5, 1000])
@pytest.mark.parametrize("switch", [False, True])
async def test_a_long_message_that_was_begun_is_ended_first(nursery: trio.Nursery, capacity: int, switch: bool) -> None:
    outbox, wire = make(nursery, 10, capacity)
    outbox.offer(LONG)
    if switch:
        await wait_all_tasks_blocked()
    outbox.offer(LONG)
    assert outbox.closing == TOO_SLOW
    assert await all_read(outbox, wire) == [LONG.decode(), "closed: 4452"]


async def test_no_half_of_a_long_message_is_sent_where_it_does_not_fit(nursery: trio.Nursery) -> None:
    for room in range(6):  # for some of its header, all of it, or a little more
        outbox, wire = make(nursery, max_bytes=len(text_frame(b"1")) + room)
        outbox.offer(b"1")
        outbox.offer(LONG)
        outbox.offer(LONG)
        assert outbox.closing == TOO_SLOW
        assert await all_read(outbox, wire) == ["closed: 4452"]


async def test_boxes_that_were_begun_are_ended_first(nursery: trio.Nursery) -> None:
    frames = [box_frame("a", 1), box_frame("b", 1)]
    for capacity in range(1, sum(len(frame) for _, frame in frames)):
        outbox, wire = make(nursery, 5, capacity)
        outbox.offer_boxes(batch(*frames))
        outbox.offer(b"1")
        outbox.offer(b"22222")
        outbox.offer(b"33333")
        assert outbox.closing == TOO_SLOW
        assert (await all_read(outbox, wire))[-1] == "closed: 4452"
        assert wire.read_control() == ["closed: 4452"]
        assert wire.read_boxes() == ({"a": [1]} if capacity <= len(frames[0][1]) else {"a": [1], "b": [1]})


async def test_an_overlong_message_may_wait_and_boxes_and_snapshots_behind_it_too(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=10)
    outbox.offer(LONG)
    for number in range(CHANNEL_PIECES + 10):
        outbox.offer_boxes(batch(box_frame("a", number, 100)))
    outbox.offer_each(iter([b"1", b"2"]))
    outbox.offer(b"3" * 8)  # all of the bound is left for the others
    assert outbox.closing is None
    wire.give()
    await outbox.wait_written()
    assert wire.read_control() == [LONG.decode(), "1", "2", "3" * 8]
    assert wire.read_boxes()["a"][-1] == CHANNEL_PIECES + 9


async def test_very_many_very_small_messages_are_too_many(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=1_000_000)
    outbox.offer(b"0")
    await wait_all_tasks_blocked()  # this one is in the writer's hands
    for _ in range(CHANNEL_PIECES):
        outbox.offer(b"1")
    assert not is_closing(outbox)
    # Boxes for which there is no room are left out; they never end a connection.
    outbox.offer_boxes(batch(box_frame("a", 1), box_frame("a", 2)))
    assert not is_closing(outbox)
    assert outbox.statistics().left_out == 2
    outbox.offer(b"2")
    assert outbox.closing == TOO_SLOW
    assert await all_read(outbox, wire) == ["0", "closed: 4452"]


async def test_pongs_and_the_closing_frame_do_not_count_once_the_end_is_settled(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=5)
    outbox.offer(b"123")
    outbox.close(CloseCode.GOING_AWAY, "the server stops")
    for _ in range(10):
        outbox.offer_raw(PING_FRAME)
    assert outbox.closing == (CloseCode.GOING_AWAY, "the server stops")
    assert await all_read(outbox, wire) == ["123", *["ping"] * 10, "closed: 4452"]


async def test_a_peer_that_does_not_even_take_its_closing_frame_is_given_up(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=1_000_000)
    outbox.offer(b"1")
    outbox.close(CloseCode.GOING_AWAY, "the server stops")
    for _ in range(CHANNEL_PIECES + 1):
        outbox.offer_raw(PING_FRAME)
    with trio.fail_after(1):
        await outbox.wait_written()  # nothing more to wait for
    assert wire.read() == []
    nursery.cancel_scope.cancel()


async def test_so_many_snapshots_may_wait_and_no_more(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=1_000_000)
    outbox.offer(b"0")
    for number in range(16):
        outbox.offer_each(iter([b"%d" % number]))
    await wait_all_tasks_blocked()
    assert not is_closing(outbox)
    outbox.offer_each(iter([b"16"]))
    assert outbox.closing == TOO_SLOW
    assert await all_read(outbox, wire) == ["0", "closed: 4452"]


async def test_of_a_snapshot_that_was_begun_no_more_is_sent(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=100)
    outbox.offer_each(iter([b"%d" % number for number in range(100)]))
    wire.give(len(text_frame(b"0")) + 1)
    await wait_all_tasks_blocked()
    outbox.offer(b"1" * 60)
    outbox.offer(b"2" * 60)
    assert outbox.closing == TOO_SLOW
    assert await all_read(outbox, wire) == ["0", "1", "closed: 4452"]


async def test_snapshots_that_were_taken_make_room_for_others(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=1_000_000)
    for _ in range(10):
        for _ in range(16):
            outbox.offer_each(iter([b"1", b"2"]))
        wire.give()
        with trio.fail_after(1):
            await outbox.wait_written()
        wire.capacity = 0
    assert not is_closing(outbox)
    assert wire.read_control() == ["1", "2"] * 160


async def test_a_snapshot_may_wait_behind_a_message_however_long(nursery: trio.Nursery) -> None:
    outbox, wire = make(nursery, max_bytes=10)
    outbox.offer(LONG)
    outbox.offer_each(iter([b"1"]))
    wire.give()
    with trio.fail_after(1):
        await outbox.wait_written()
    assert wire.read_control() == [LONG.decode(), "1"]
