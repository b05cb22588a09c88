import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_orchestrator.client.errors import OutboxFull
from trio_orchestrator.client.outbox import MAX_FRAMES, MAX_KEPT, Outbox


def take_all(outbox: Outbox) -> list[bytes]:
    taken = []
    while (message := outbox.next_nowait()) is not None:
        text, key = message
        taken.append(text)
        if key is not None:
            outbox.sent(key, text)
    return taken


def test_what_is_for_this_connection_goes_first_and_frames_last() -> None:
    outbox = Outbox()
    outbox.put_frame(b"frame")
    outbox.put_kept(7, b"features")
    outbox.put_once(b"greeting")
    assert take_all(outbox) == [b"greeting", b"features", b"frame"]


def test_the_newest_frames_win() -> None:
    outbox = Outbox()
    for number in range(MAX_FRAMES + 5):
        outbox.put_frame(b"%d" % number)
    assert take_all(outbox) == [b"%d" % number for number in range(5, MAX_FRAMES + 5)]
    assert outbox.frames_dropped == 5
    assert outbox.frames_sent == MAX_FRAMES


def test_the_newest_feature_map_of_each_object_is_kept() -> None:
    outbox = Outbox()
    outbox.put_kept(1, b"old")
    outbox.put_kept(2, b"other")
    outbox.put_kept(1, b"new")
    assert take_all(outbox) == [b"new", b"other"]


def test_feature_maps_are_bounded_and_that_is_said() -> None:
    outbox = Outbox()
    for object_id in range(MAX_KEPT):
        outbox.put_kept(object_id, b"features")
    outbox.put_kept(0, b"newer")
    with pytest.raises(OutboxFull):
        outbox.put_kept(MAX_KEPT, b"one too many")


def test_a_kept_message_that_did_not_go_out_whole_still_waits() -> None:
    outbox = Outbox()
    outbox.put_kept(1, b"features")
    assert outbox.next_nowait() == (b"features", 1)
    outbox.forget_once()
    assert outbox.next_nowait() == (b"features", 1)


def test_a_newer_one_that_came_while_sending_still_waits() -> None:
    outbox = Outbox()
    outbox.put_kept(1, b"old")
    assert outbox.next_nowait() == (b"old", 1)
    outbox.put_kept(1, b"new")
    outbox.sent(1, b"old")
    assert outbox.next_nowait() == (b"new", 1)


def test_a_kept_message_that_broke_the_connection_can_be_forgotten() -> None:
    outbox = Outbox()
    outbox.put_kept(1, b"too large")
    outbox.put_kept(2, b"fine")
    outbox.next_nowait()
    outbox.forget_once()
    outbox.forget_in_flight()
    assert take_all(outbox) == [b"fine"]


def test_what_is_for_one_connection_ends_with_it() -> None:
    outbox = Outbox()
    outbox.put_once(b"request")
    outbox.put_frame(b"frame")
    outbox.forget_once()
    assert take_all(outbox) == [b"frame"]


def test_a_request_can_be_taken_back() -> None:
    outbox = Outbox()
    outbox.put_once(b"request")
    outbox.take_back(b"request")
    outbox.take_back(b"request")
    assert take_all(outbox) == []


async def test_next_waits_and_ends_once_closed_and_empty() -> None:
    outbox = Outbox()
    taken = []

    async def take() -> None:
        while (message := await outbox.next()) is not None:
            taken.append(message[0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await wait_all_tasks_blocked()
        outbox.put_frame(b"1")
        await wait_all_tasks_blocked()
        assert taken == [b"1"]
        outbox.put_frame(b"2")
        outbox.close()
    assert taken == [b"1", b"2"]
    with pytest.raises(trio.ClosedResourceError):
        outbox.put_frame(b"3")
