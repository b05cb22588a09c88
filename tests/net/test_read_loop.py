"""One task that takes what many sockets have."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import trio
import trio.testing

from trio_orchestrator.net.read_loop import ReadLoop


class Peer:
    """Both ends of a connection, and what was taken from it."""

    def __init__(self, enough: int = 1000) -> None:
        self.far, self.near = socket.socketpair()
        self.near.setblocking(False)
        self.taken: list[bytes] = []
        self.enough = enough
        self.called = trio.Event()

    def take(self, _now: float) -> bool:
        self.called.set()
        self.taken.append(self.near.recv(100))
        return len(self.taken) < self.enough

    async def wait_called(self) -> None:
        self.called = trio.Event()
        with trio.fail_after(5):
            await self.called.wait()

    def close(self) -> None:
        self.far.close()
        self.near.close()


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made = [Peer() for _ in range(3)]
    yield made
    for peer in made:
        peer.close()


async def test_each_is_called_back_with_its_own(nursery: trio.Nursery, peers: list[Peer]) -> None:
    loop = ReadLoop()
    nursery.start_soon(loop.run)
    with loop.reading(peers[0].near, peers[0].take), loop.reading(peers[1].near, peers[1].take):
        for number, peer in enumerate(peers):
            peer.far.send(b"%d" % number)
        await peers[1].wait_called()
        peers[0].far.send(b"more")
        await peers[0].wait_called()
    assert [b"".join(peer.taken) for peer in peers] == [b"0more", b"1", b""]


async def test_who_has_enough_is_left_alone(nursery: trio.Nursery, peers: list[Peer]) -> None:
    loop = ReadLoop()
    nursery.start_soon(loop.run)
    peers[0].enough = 1
    with loop.reading(peers[0].near, peers[0].take), loop.reading(peers[1].near, peers[1].take):
        peers[0].far.send(b"a")
        await peers[0].wait_called()
        peers[0].far.send(b"b")
        peers[1].far.send(b"c")
        await peers[1].wait_called()
    assert peers[0].taken == [b"a"]


async def test_outside_nobody_is_called(nursery: trio.Nursery, peers: list[Peer]) -> None:
    loop = ReadLoop()
    nursery.start_soon(loop.run)
    with loop.reading(peers[0].near, peers[0].take):
        pass
    peers[0].far.send(b"a")
    with loop.reading(peers[1].near, peers[1].take):
        peers[1].far.send(b"b")
        await peers[1].wait_called()
    assert peers[0].taken == []


async def test_who_wants_to_be_called_when_it_was_awake_is(nursery: trio.Nursery, peers: list[Peer]) -> None:
    loop = ReadLoop()
    nursery.start_soon(loop.run)
    calls: list[tuple[float, list[bytes]]] = []
    with loop.reading(peers[0].near, peers[0].take):
        with loop.when_awake(lambda now: calls.append((now, list(peers[0].taken)))):
            await trio.testing.wait_all_tasks_blocked()
            assert calls == []
            begun = trio.current_time()
            peers[0].far.send(b"a")
            await peers[0].wait_called()
        [(now, taken)] = calls
        assert begun <= now <= trio.current_time()
        assert taken == [b"a"]
        peers[0].far.send(b"b")
        await peers[0].wait_called()
    assert len(calls) == 1


async def test_a_number_that_is_given_again_is_another_socket(nursery: trio.Nursery, peers: list[Peer]) -> None:
    loop = ReadLoop()
    nursery.start_soon(loop.run)
    with loop.reading(peers[0].near, peers[0].take):
        number = peers[0].near.fileno()
        peers[0].close()
        successor = Peer()
        try:
            assert number in (successor.near.fileno(), successor.far.fileno())
            if successor.near.fileno() != number:
                successor.near, successor.far = successor.far, successor.near
                successor.near.setblocking(False)
            with loop.reading(successor.near, successor.take):
                successor.far.send(b"mine")
                await successor.wait_called()
            assert successor.taken == [b"mine"]
        finally:
            successor.close()


@pytest.mark.parametrize(("limits", "expected"), [((), [3]), ((lambda: 2,), [2, 1])])
async def test_a_turn_takes_all_that_are_ready_up_to_its_limit_and_the_next_the_others(
    nursery: trio.Nursery, peers: list[Peer], limits: tuple[Callable[[], int], ...], expected: list[int]
) -> None:
    turns: list[int] = []

    def count() -> int:
        return sum(len(peer.taken) for peer in peers)

    @contextmanager
    def turn() -> Iterator[None]:
        before = count()
        yield
        turns.append(count() - before)

    loop = ReadLoop(turn, *limits)
    with ExitStack() as reading:
        for peer in peers:
            reading.enter_context(loop.reading(peer.near, peer.take))
            peer.far.send(b"a")
        nursery.start_soon(loop.run)
        await peers[2].wait_called()
    assert turns == expected


async def test_what_comes_during_a_turn_is_taken_without_a_task_switch(
    nursery: trio.Nursery, peers: list[Peer]
) -> None:
    events: list[str] = []

    def take_first(_now: float) -> bool:
        events.append(f"first {peers[0].near.recv(100).decode()}")
        peers[1].far.send(b"an answer")
        return True

    def take_second(_now: float) -> bool:
        events.append(f"second {peers[1].near.recv(100).decode()}")
        peers[1].called.set()
        return True

    async def other() -> None:
        while True:
            events.append("other")
            await trio.lowlevel.checkpoint()

    loop = ReadLoop()
    with loop.reading(peers[0].near, take_first), loop.reading(peers[1].near, take_second):
        nursery.start_soon(loop.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(other)
        peers[0].far.send(b"a question")
        await peers[1].wait_called()
    first = events.index("first a question")
    assert events[first + 1] == "second an answer"


async def test_however_much_there_is_others_get_their_time(nursery: trio.Nursery, peers: list[Peer]) -> None:
    calls = 0

    def leave_it(_now: float) -> bool:
        nonlocal calls
        calls += 1
        assert calls < 1_000_000, "nobody else came to anything"
        return True

    loop = ReadLoop()
    with loop.reading(peers[0].near, leave_it):
        peers[0].far.send(b"unread, and so there for ever")
        nursery.start_soon(loop.run)
        for _ in range(10):
            await trio.lowlevel.checkpoint()
    assert calls
