"""Who is silent is pinged, who then does not answer is left: on the mock clock, without sockets."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.shared_file import SharedFile
from trio_orchestrator.net.silence import SilenceWatch
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import PING_FRAME

INTERVAL, TIMEOUT = 20.0, 10.0
LATE = 0.01
"""Where nobody else is awake."""
A_MOMENT = 0.001


class Peer:
    """A socket that takes everything, and notes when."""

    def __init__(self) -> None:
        self.heard = trio.current_time()
        self.pinged_at: list[float] = []
        self.outbox = Outbox(self, max_bytes=1000)

    def send_nowait(self, data: bytes, file: SharedFile | None = None) -> int:
        assert data == PING_FRAME
        self.pinged_at.append(trio.current_time())
        return len(data)

    async def send_some(self, data: memoryview) -> int:
        raise AssertionError("the socket took all at once")


@asynccontextmanager
async def watch(patience: float = TIMEOUT) -> AsyncIterator[SilenceWatch]:
    silence = SilenceWatch(INTERVAL, patience)
    with trio.fail_after(100 * INTERVAL):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(silence.run)
            await trio.testing.wait_all_tasks_blocked()
            yield silence
            nursery.cancel_scope.cancel()


async def test_who_is_silent_is_pinged_and_then_left(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    async with watch() as silence:
        peer = Peer()
        with silence.watching(peer, peer.outbox):
            await trio.sleep(INTERVAL + TIMEOUT - A_MOMENT)
            assert peer.outbox.closing is None
            closing = await peer.outbox.wait_closing()
    assert peer.pinged_at == [pytest.approx(begun + INTERVAL + LATE)]
    assert closing.code is CloseCode.TOO_SLOW
    assert trio.current_time() == pytest.approx(begun + INTERVAL + TIMEOUT + 2 * LATE)


async def test_whoever_is_awake_looks_at_once(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    async with watch() as silence:
        peer = Peer()
        with silence.watching(peer, peer.outbox):
            await trio.sleep(INTERVAL - A_MOMENT)
            silence.look(trio.current_time())
            assert peer.pinged_at == []
            await trio.sleep(A_MOMENT)
            silence.look(trio.current_time())
            assert peer.pinged_at == [trio.current_time()] == [pytest.approx(begun + INTERVAL)]
            await trio.sleep(TIMEOUT)
            silence.look(trio.current_time())
            assert peer.outbox.closing is not None


async def test_nobody_wakes_up_for_whom_somebody_has_looked_at(autojump_clock: MockClock) -> None:
    async with watch() as silence:
        peer = Peer()
        with silence.watching(peer, peer.outbox):
            await trio.sleep(INTERVAL)
            silence.look(trio.current_time())
            await trio.testing.wait_all_tasks_blocked()
            assert trio.lowlevel.current_statistics().seconds_to_next_deadline == pytest.approx(TIMEOUT + LATE)


async def test_of_many_that_are_due_no_more_are_looked_at_than_others_can_wait_for(autojump_clock: MockClock) -> None:
    async with watch() as silence:
        peers = [Peer() for _ in range(100)]
        watched = [silence.watching(peer, peer.outbox) for peer in peers]
        for one in watched:
            one.__enter__()
        await trio.sleep(INTERVAL)
        for pinged in (64, 100, 100):
            silence.look(trio.current_time())
            assert sum(len(peer.pinged_at) for peer in peers) == pinged


async def test_who_speaks_is_not_pinged(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    async with watch() as silence:
        peer = Peer()
        with silence.watching(peer, peer.outbox):
            for _ in range(10):
                await trio.sleep(INTERVAL - A_MOMENT)
                peer.heard = trio.current_time()
    assert trio.current_time() > begun + 9 * INTERVAL
    assert peer.pinged_at == []


async def test_who_answers_is_pinged_after_the_next_silence(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    async with watch() as silence:
        peer = Peer()
        with silence.watching(peer, peer.outbox):
            await trio.sleep(INTERVAL + 3)
            peer.heard = trio.current_time()
            await trio.sleep(INTERVAL + LATE + A_MOMENT)
    assert peer.pinged_at == pytest.approx([begun + INTERVAL + LATE, begun + INTERVAL + 3 + INTERVAL + LATE])
    assert peer.outbox.closing is None


async def test_who_has_gone_is_let_alone(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    async with watch() as silence:
        peer = Peer()
        with silence.watching(peer, peer.outbox):
            await trio.sleep(1)
        await trio.sleep(3 * INTERVAL)
    assert trio.current_time() > begun
    assert peer.pinged_at == []


async def test_those_who_have_gone_leave_nothing_however_long_the_interval(autojump_clock: MockClock) -> None:
    async with watch() as silence:
        stays = Peer()
        with silence.watching(stays, stays.outbox):
            for _ in range(1000):
                peer = Peer()
                with silence.watching(peer, peer.outbox):
                    pass
            assert len(silence._due) < 200
            await trio.sleep(INTERVAL + LATE + A_MOMENT)
            assert len(stays.pinged_at) == 1


async def test_somebody_due_sooner_than_all_others_is_not_late(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    async with watch(5 * INTERVAL) as silence:
        mute, second = Peer(), Peer()
        with silence.watching(mute, mute.outbox):
            await trio.sleep(INTERVAL + 1)
            second.heard = trio.current_time()
            with silence.watching(second, second.outbox):
                await trio.sleep(INTERVAL + LATE + A_MOMENT)
    assert second.pinged_at == pytest.approx([begun + 2 * INTERVAL + 1 + LATE])


async def test_a_thousand_that_are_due_together_hold_nobody_up(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    turns: list[int] = []

    async def be_busy(peers: list[Peer]) -> None:
        while len(turns) < 100:
            turns.append(sum(len(peer.pinged_at) for peer in peers))
            await trio.lowlevel.checkpoint()

    async with watch() as silence, trio.open_nursery() as nursery:
        peers = [Peer() for _ in range(1000)]
        watched = [silence.watching(peer, peer.outbox) for peer in peers]
        for one in watched:
            one.__enter__()
        await trio.sleep(INTERVAL + LATE - A_MOMENT)
        await trio.sleep(A_MOMENT)
        nursery.start_soon(be_busy, peers)
    assert trio.current_time() == pytest.approx(begun + INTERVAL + LATE)
    assert turns[-1] == 1000
    assert max(after - before for before, after in itertools.pairwise([0, *turns])) <= 3 * 64
