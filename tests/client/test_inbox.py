import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_orchestrator.client import inbox as limits
from trio_orchestrator.client.errors import InboxFull
from trio_orchestrator.client.inbox import MAX_FRAMES, MAX_KEYED, MAX_MESSAGES, Inbox


def take_all(inbox: Inbox[str]) -> list[str]:
    taken = []
    try:
        while True:
            taken.append(inbox.get_nowait())
    except trio.WouldBlock:
        return taken


def test_messages_and_frames_keep_their_order() -> None:
    inbox = Inbox[str]()
    inbox.put("a", 1)
    inbox.put_frame("b", 1)
    inbox.put_frame("c", 1)
    inbox.put("d", 1)
    assert take_all(inbox) == ["a", "b", "c", "d"]


def test_frames_that_nobody_reads_give_way_to_newer_ones() -> None:
    inbox = Inbox[str]()
    inbox.put("kept", 1)
    for number in range(MAX_FRAMES + 2):
        inbox.put_frame(str(number), 1)
    taken = take_all(inbox)
    assert taken[:2] == ["kept", "2"]
    assert len(taken) == MAX_FRAMES + 1
    assert inbox.frames_dropped == 2


def test_frames_give_way_where_they_are_large_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAME_BYTES", 100)
    inbox = Inbox[str]()
    for name, size in (("a", 40), ("b", 40), ("c", 40), ("d", 10)):
        inbox.put_frame(name, size)
    assert take_all(inbox) == ["b", "c", "d"]
    inbox.put_frame("e", 60)
    inbox.put_frame("larger than may wait", 101)
    assert take_all(inbox) == ["larger than may wait"]
    assert inbox.frames_dropped == 2
    inbox.put_frame("f", 100)
    assert take_all(inbox) == ["f"]


def test_messages_that_nobody_reads_are_said_aloud() -> None:
    inbox = Inbox[str]()
    for _ in range(MAX_MESSAGES):
        inbox.put("message", 1)
    with pytest.raises(InboxFull, match="iterate"):
        inbox.put("one too many", 1)


def test_bytes_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    inbox = Inbox[str]()
    inbox.put("image", 60)
    with pytest.raises(InboxFull):
        inbox.put("image", 60)
    inbox.get_nowait()
    inbox.put("image", 60)


def test_bytes_are_bounded_where_a_message_takes_the_place_of_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    inbox = Inbox[str]()
    for key in (1, 2):
        inbox.put("small", 1, key=key)
    inbox.put("large", 99, key=1)
    with pytest.raises(InboxFull):
        inbox.put("large", 99, key=2)
    inbox.put("small again", 1, key=1)
    inbox.put("large", 99, key=2)
    assert take_all(inbox) == ["small again", "large"]


def test_a_message_takes_the_place_of_an_unread_one_of_its_key() -> None:
    inbox = Inbox[str]()
    inbox.put("old", 10, key=1)
    inbox.put("other", 1)
    inbox.put("new", 1, key=1)
    assert take_all(inbox) == ["new", "other"]
    inbox.put("newest", 1, key=1)
    assert take_all(inbox) == ["newest"]


def test_a_mark_drops_what_is_said_again_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    inbox = Inbox[str]()
    inbox.put("before", 60, key=1)
    inbox.put("kept", 10)
    inbox.put("not said again", 30, key=2)
    inbox.put_mark("mark")
    inbox.put("after", 60, key=1)
    inbox.put("fits", 30)
    with pytest.raises(InboxFull):
        inbox.put("does not", 1)
    assert take_all(inbox) == ["kept", "mark", "after", "fits"]


def test_a_feature_map_of_every_live_object_fits_beside_the_messages() -> None:
    inbox = Inbox[str]()
    for _ in range(2):
        inbox.put_mark("connected")
        for object_id in range(20_000):
            inbox.put("map", 1, key=object_id)
    for _ in range(MAX_MESSAGES - 2):
        inbox.put("message", 1)
    with pytest.raises(InboxFull):
        inbox.put("one too many", 1)
    for object_id in range(20_000, MAX_KEYED):
        inbox.put("map", 1, key=object_id)
    inbox.put("newer", 1, key=0)
    with pytest.raises(InboxFull):
        inbox.put("one too many", 1, key=MAX_KEYED)
    assert len(take_all(inbox)) == MAX_MESSAGES + MAX_KEYED
    inbox.put("message", 1)
    inbox.put("map", 1, key=1)


async def test_get_waits_and_ends_once_closed_and_empty() -> None:
    inbox = Inbox[str]()
    taken = []

    async def take() -> None:
        with pytest.raises(trio.EndOfChannel):
            while True:
                taken.append(await inbox.get())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        nursery.start_soon(take)
        await wait_all_tasks_blocked()
        inbox.put("a", 1)
        await wait_all_tasks_blocked()
        assert taken == ["a"]
        inbox.put_frame("b", 1)
        inbox.close()
    assert taken == ["a", "b"]
