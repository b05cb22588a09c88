"""What many peers get at once: each frame once, in order, to those who want it, joined once a tick."""

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from trio_orchestrator.connections.broadcast import Broadcast
from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.shared_file import SharedFile

from .wires import FakeWire


class Viewer:
    """A peer that takes what it is given."""

    def __init__(self, capacity: float = 1e9) -> None:
        self.wire = FakeWire(capacity)
        self.outbox = Outbox(self.wire, max_bytes=1_000_000)

    def seen(self) -> dict[str, list[int]]:
        return self.wire.read_boxes()


def publish(broadcast: Broadcast, camera: str, number: int) -> None:
    broadcast.publish(camera, (b'{"camera":"', camera.encode(), b'","number":%d}' % number))


async def begun(nursery: trio.Nursery) -> Broadcast:
    broadcast = Broadcast()
    nursery.start_soon(broadcast.run)
    await wait_all_tasks_blocked()
    return broadcast


async def test_what_is_published_in_one_pass_goes_out_as_one_piece(nursery: trio.Nursery) -> None:
    broadcast, alice, bob = await begun(nursery), Viewer(), Viewer()
    for viewer in (alice, bob):
        broadcast.join(viewer.outbox, None)
    for number in range(10):
        publish(broadcast, "ab"[number % 2], number)
    assert alice.wire.calls == 0
    await wait_all_tasks_blocked()
    for viewer in (alice, bob):
        assert viewer.seen() == {"a": [0, 2, 4, 6, 8], "b": [1, 3, 5, 7, 9]}
        assert viewer.wire.calls == 1
    publish(broadcast, "a", 10)
    await wait_all_tasks_blocked()
    assert alice.wire.calls == 2
    assert broadcast.statistics() == (11, 22)


async def test_each_gets_what_it_wants(nursery: trio.Nursery) -> None:
    broadcast = await begun(nursery)
    everything, some, other, nothing, nobody = (Viewer() for _ in range(5))
    broadcast.join(everything.outbox, None)
    broadcast.join(some.outbox, frozenset({"a", "c"}))
    broadcast.join(other.outbox, frozenset({"c", "a"}))
    broadcast.join(nothing.outbox, frozenset())
    for number, camera in enumerate("abcab"):
        publish(broadcast, camera, number)
    await wait_all_tasks_blocked()
    assert everything.seen() == {"a": [0, 3], "b": [1, 4], "c": [2]}
    assert some.seen() == other.seen() == {"a": [0, 3], "c": [2]}
    assert nothing.seen() == nobody.seen() == {}
    assert nothing.wire.calls == 0


async def test_to_join_again_replaces_what_was_wanted(nursery: trio.Nursery) -> None:
    broadcast, alice = await begun(nursery), Viewer()
    for number, wanted in enumerate([None, frozenset("a"), frozenset("b"), None]):
        broadcast.join(alice.outbox, wanted)
        for camera in "ab":
            publish(broadcast, camera, number)
        await wait_all_tasks_blocked()
    assert alice.seen() == {"a": [0, 1, 3], "b": [0, 2, 3]}


async def test_who_leaves_gets_nothing_not_even_what_was_published_just_before(nursery: trio.Nursery) -> None:
    broadcast, alice, bob = await begun(nursery), Viewer(), Viewer()
    for viewer in (alice, bob):
        broadcast.join(viewer.outbox, None)
    publish(broadcast, "a", 1)
    broadcast.leave(alice.outbox)
    broadcast.leave(alice.outbox)  # nor does it matter to leave twice
    await wait_all_tasks_blocked()
    assert (alice.seen(), bob.seen()) == ({}, {"a": [1]})


async def test_without_an_audience_nothing_is_kept(nursery: trio.Nursery) -> None:
    broadcast, alice = await begun(nursery), Viewer()
    publish(broadcast, "a", 1)
    broadcast.join(alice.outbox, None)
    publish(broadcast, "a", 2)
    await wait_all_tasks_blocked()
    assert alice.seen() == {"a": [2]}


async def test_a_slow_peer_holds_nobody_up(nursery: trio.Nursery) -> None:
    broadcast, alice, bob = await begun(nursery), Viewer(0), Viewer()
    for viewer in (alice, bob):
        broadcast.join(viewer.outbox, None)
        nursery.start_soon(viewer.outbox.run)
    for number in range(20_000):
        publish(broadcast, "ab"[number % 2], number)
        if number % 100 == 0:
            await wait_all_tasks_blocked()
    await wait_all_tasks_blocked()
    assert bob.seen() == {"a": list(range(0, 20_000, 2)), "b": list(range(1, 20_000, 2))}
    alice.wire.give()
    await alice.outbox.wait_written()
    assert [numbers[-1] for numbers in alice.seen().values()] == [19_998, 19_999]
    assert alice.outbox.statistics().left_out > 0


A_STEP = 256
"""So many outboxes are served before others have their turn: all of them, but in no certain order."""


class Watched(FakeWire):
    """Notices when it is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = trio.Event()

    def send_nowait(self, data: bytes, file: SharedFile | None = None) -> int:
        self.written.set()
        return super().send_nowait(data, file)


async def test_who_leaves_or_changes_its_mind_in_the_middle_of_a_hand_over(nursery: trio.Nursery) -> None:
    broadcast = await begun(nursery)
    leaving, narrower, elsewhere, nothing, later, early, steady = (Viewer() for _ in range(7))
    watched = Watched()

    async def change_minds() -> None:
        await watched.written.wait()
        assert (early.wire.calls, narrower.wire.calls) == (1, 0)
        broadcast.leave(leaving.outbox)
        broadcast.join(narrower.outbox, frozenset({"a"}))
        broadcast.join(elsewhere.outbox, frozenset({"c"}))
        broadcast.join(nothing.outbox, frozenset())
        broadcast.join(later.outbox, frozenset({"a"}))
        broadcast.join(early.outbox, None)
        publish(broadcast, "a", 2)

    nursery.start_soon(change_minds)
    broadcast.join(early.outbox, frozenset({"a", "b"}))
    broadcast.join(Outbox(watched, max_bytes=1000), frozenset({"a", "b"}))
    for _ in range(2 * A_STEP):
        broadcast.join(Viewer().outbox, frozenset({"a", "b"}))
    for viewer in (leaving, narrower, elsewhere, nothing, steady):
        broadcast.join(viewer.outbox, None)
    publish(broadcast, "a", 1)
    publish(broadcast, "b", 1)
    await wait_all_tasks_blocked()

    assert leaving.seen() == elsewhere.seen() == nothing.seen() == {}
    assert narrower.seen() == {"a": [1, 2]}  # only what it still wants
    assert later.seen() == {"a": [2]}
    assert early.seen() == steady.seen() == {"a": [1, 2], "b": [1]}  # each frame once


async def test_what_few_are_to_get_is_theirs_when_the_tick_ends(nursery: trio.Nursery) -> None:
    broadcast, alice, bob = await begun(nursery), Viewer(), Viewer()
    broadcast.join(alice.outbox, None)
    broadcast.join(bob.outbox, frozenset({"b"}))
    with broadcast.tick():
        publish(broadcast, "a", 1)
        publish(broadcast, "b", 2)
        assert alice.wire.calls == 0
    assert (alice.seen(), bob.seen()) == ({"a": [1], "b": [2]}, {"b": [2]})
    assert alice.wire.calls == 1
    with broadcast.tick():
        pass
    await wait_all_tasks_blocked()
    assert alice.wire.calls == 1


async def test_the_more_are_to_get_frames_the_more_are_worth_a_tick() -> None:
    broadcast = Broadcast()
    worth = {}
    for clients in range(101):
        worth[clients] = broadcast.frames_a_tick()
        broadcast.join(Viewer().outbox, frozenset({"a"}) if clients % 2 else None)
    assert [worth[clients] for clients in (0, 1, 8, 9, 20, 32, 33, 100)] == [8, 8, 8, 9, 20, 32, 32, 32]


async def test_what_many_are_to_get_at_a_tick_leaves_others_their_turn(nursery: trio.Nursery) -> None:
    broadcast, viewers = await begun(nursery), [Viewer() for _ in range(A_STEP + 1)]
    for viewer in viewers:
        broadcast.join(viewer.outbox, None)
    with broadcast.tick():
        publish(broadcast, "a", 1)
    assert viewers[0].wire.calls == 0
    await wait_all_tasks_blocked()
    assert all(viewer.seen() == {"a": [1]} for viewer in viewers)


async def test_what_is_much_for_many_is_sent_from_one_file(nursery: trio.Nursery) -> None:
    broadcast = await begun(nursery)
    many, few = [Viewer() for _ in range(8)], [Viewer() for _ in range(7)]
    slow = Viewer(20_000)
    for viewer in (*many, slow):
        broadcast.join(viewer.outbox, None)
        nursery.start_soon(viewer.outbox.run)
    for viewer in few:
        broadcast.join(viewer.outbox, frozenset({"a"}))
    for number, frames in enumerate([100, 400, 1, 400]):
        with broadcast.tick():
            for _ in range(frames):
                publish(broadcast, "ab"[number % 2], 10**60 + number)
        await wait_all_tasks_blocked()
    for viewer in many:
        assert (viewer.wire.calls, viewer.wire.from_file) == (4, 2)
        assert {camera: len(seen) for camera, seen in viewer.seen().items()} == {"a": 101, "b": 800}
    for viewer in few:
        assert (viewer.wire.calls, viewer.wire.from_file) == (2, 0)
    slow.wire.give()
    await slow.outbox.wait_written()
    assert slow.seen() == many[0].seen()


async def test_a_tick_does_not_overtake_what_is_being_handed_over(nursery: trio.Nursery) -> None:
    broadcast, watched = await begun(nursery), Watched()
    leaving, last = [Viewer() for _ in range(2 * A_STEP)], Viewer()

    async def publish_more() -> None:
        await watched.written.wait()
        for viewer in leaving:
            broadcast.leave(viewer.outbox)
        assert last.wire.calls == 0
        with broadcast.tick():
            publish(broadcast, "a", 2)

    nursery.start_soon(publish_more)
    broadcast.join(Outbox(watched, max_bytes=1000), None)
    for viewer in (*leaving, last):
        broadcast.join(viewer.outbox, None)
    publish(broadcast, "a", 1)
    await wait_all_tasks_blocked()
    assert last.seen() == {"a": [1, 2]}


async def test_a_thousand_peers_are_served_and_others_have_their_turn_meanwhile(nursery: trio.Nursery) -> None:
    broadcast, viewers = await begun(nursery), [Viewer() for _ in range(1000)]
    for viewer in viewers:
        broadcast.join(viewer.outbox, None)
    served: list[int] = []

    async def watch() -> None:
        while not served or served[-1] < 1000:
            await trio.lowlevel.checkpoint()
            served.append(sum(viewer.wire.calls for viewer in viewers))

    publish(broadcast, "a", 1)
    nursery.start_soon(watch)
    await wait_all_tasks_blocked()
    assert any(0 < count < 1000 for count in served)
    assert all(viewer.seen() == {"a": [1]} for viewer in viewers)


async def test_others_have_their_turn_also_where_each_peer_wants_something_else(nursery: trio.Nursery) -> None:
    broadcast, viewers = await begun(nursery), [Viewer() for _ in range(4 * A_STEP)]
    for number, viewer in enumerate(viewers):
        broadcast.join(viewer.outbox, frozenset({"a", f"own {number}"}))
    served: list[int] = []

    async def watch() -> None:
        while not served or served[-1] < len(viewers):
            await trio.lowlevel.checkpoint()
            served.append(sum(viewer.wire.calls for viewer in viewers))

    publish(broadcast, "a", 1)
    nursery.start_soon(watch)
    await wait_all_tasks_blocked()
    assert any(0 < count < len(viewers) for count in served)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from("abc")),
        st.tuples(st.integers(0, 3), st.sampled_from([None, "", "a", "ab", "leave"])),
        st.tuples(st.just("tick"), st.just("")),
    ),
    max_size=40,
)


@given(moves)
def test_at_every_tick_each_gets_what_was_published_of_what_it_wants(moves: list[tuple[int | str, str | None]]) -> None:
    trio.run(check, moves)


async def check(moves: list[tuple[int | str, str | None]]) -> None:
    async with trio.open_nursery() as nursery:
        broadcast = await begun(nursery)
        viewers = [Viewer() for _ in range(4)]
        wants: dict[int, str] = {}
        expected: list[dict[str, list[int]]] = [{} for _ in viewers]
        published: list[tuple[str, int]] = []
        for number, (what, how) in enumerate([*moves, ("tick", "")]):
            if what == "publish":
                assert how
                if wants:  # else there is nobody to see it
                    published.append((how, number))
                publish(broadcast, how, number)
            elif what == "tick":
                await wait_all_tasks_blocked()
                for viewer, cameras in wants.items():
                    for camera, frame in published:
                        if camera in cameras:
                            expected[viewer].setdefault(camera, []).append(frame)
                published.clear()
            else:
                assert isinstance(what, int)
                outbox = viewers[what].outbox
                if how == "leave":
                    wants.pop(what, None)
                    broadcast.leave(outbox)
                else:
                    wants[what] = "abc" if how is None else how
                    broadcast.join(outbox, None if how is None else frozenset(how))
        assert [viewer.seen() for viewer in viewers] == expected
        nursery.cancel_scope.cancel()
