"""TRACKING_TIMEOUT on the mock clock, from a start to what its end makes peers hear: hub and supervisor together."""

from collections.abc import Iterable

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_orchestrator.supervisor import Supervisor
from trio_orchestrator.tracking.hub import Hub
from trio_orchestrator.tracking.ports import LiveObject, Reminder, StopReason
from trio_orchestrator.tracking.searches import Searches

from .tracking.world import FakeBroadcast, FakeJournal, World, kept


class TimedWorld(World):
    """The world of the hub's tests with the real supervisor in the place of the fake one."""

    def __init__(self, nursery: trio.Nursery, timeout: float | None, restored: Iterable[LiveObject] = ()) -> None:
        super().__init__(tracking_timeout=timeout)
        self.broadcast = FakeBroadcast()
        self.journal = FakeJournal(lambda object_id: self.hub.objects.state_of(object_id) is not None)
        self.ends = Supervisor[int](nursery, self._expire)
        self.hub = Hub(
            broadcast=self.broadcast,
            deadlines=self.ends,
            journal=self.journal,
            searches=Searches(self.announcements, Supervisor[Reminder](nursery, self._remind)),
            announcements=self.announcements,
            tracking_timeout=timeout,
        )
        self.hub.objects.restore(list(restored), self.at)

    def _expire(self, object_id: int) -> None:
        self.hub.objects.expire(object_id, 1000 + trio.current_time())

    def _remind(self, reminder: Reminder) -> None:
        self.hub.objects.remind(reminder, 1000 + trio.current_time())


async def test_tracking_timeout_from_start_to_stop(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    world = TimedWorld(nursery, 60)
    alice, bob = world.client(images=True), world.client()
    cam1, cam2 = world.processor("cam1"), world.processor("cam2")
    await trio.sleep(5)
    alice.says('{"type":"start","cameraId":"cam1","frameId":1.5,"boxId":2}')
    for peer in (alice, cam1):
        peer.heard()
    await trio.sleep(59.9)
    assert (alice.heard(), cam1.heard()) == ([], [])
    await trio.sleep(0.2)
    assert alice.heard() == ['{"type":"stop","objectId":1}']
    assert cam1.heard() == ['{"type":"stop","objectId":1}']
    assert (bob.heard(), cam2.heard()) == ([], [])
    assert world.journal.stops == [(1, StopReason.TIMEOUT)]
    alice.says('{"type":"stop","objectId":1}')
    assert alice.heard() == ["error: unknown_object"]
    await trio.sleep(60)
    assert not nursery.child_tasks


async def test_a_stop_leaves_no_timeout_behind(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    world = TimedWorld(nursery, 60)
    alice, cam1 = world.client(images=True), world.processor("cam1")
    alice.says('{"type":"start","cameraId":"cam1","image":"i"}')
    await trio.sleep(59)
    alice.says('{"type":"stop","objectId":1}')
    alice.heard(), cam1.heard()
    await wait_all_tasks_blocked()
    assert not nursery.child_tasks
    await trio.sleep(60)
    assert (alice.heard(), cam1.heard(), world.journal.stops) == ([], [], [])


async def test_a_stop_that_is_being_written_when_the_object_expires(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    world = TimedWorld(nursery, 60)
    alice, cam1 = world.client(images=True), world.processor("cam1")
    alice.says('{"type":"start","cameraId":"cam1","image":"i"}')
    await trio.sleep(59)
    world.holding = True
    alice.says('{"type":"stop","objectId":1,"requestId":"r"}')
    await trio.sleep(2)
    world.commit()
    assert [told for told in alice.heard() if "newObject" not in told] == [
        '{"type":"stop","objectId":1}',
        '{"type":"accepted","requestId":"r","objectId":1}',
    ]
    assert cam1.heard()[1:] == ['{"type":"stop","objectId":1}']


async def test_restored_objects_end_when_the_rest_of_their_time_is_over(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    world = TimedWorld(
        nursery, 60, [kept(1, b'"i"', b"[1]", 12.5), kept(2, b'"j"', b"[2]", -1.0), kept(3, b'"k"', b"[3]")]
    )
    cam1, alice = world.processor("cam1"), world.client(images=True)
    await wait_all_tasks_blocked()
    assert (alice.heard(), cam1.heard()) == (['{"type":"stop","objectId":2}'],) * 2
    await trio.sleep(12.4)
    assert (alice.heard(), cam1.heard()) == ([], [])
    await trio.sleep(0.2)
    assert (alice.heard(), cam1.heard()) == (['{"type":"stop","objectId":1}'],) * 2
    await trio.sleep(80_000)
    assert (alice.heard(), cam1.heard()) == ([], [])


async def test_a_search_is_lost_and_fails_by_itself(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    world = TimedWorld(nursery, None)
    bob, alice, cam1 = world.client(), world.client(), world.processor("cam1")
    bob.says('{"type":"hello","features":["tracking"]}')
    alice.says('{"type":"start","cameraId":"cam1","image":"i"}')
    alice.says('{"type":"start","cameraId":"cam1","image":"j"}')
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":[1]}')
    cam1.says('{"type":"boundingBoxes","frameId":1,"boxes":[{"objectId":1}]}')
    bob.heard()
    await trio.sleep(3.1)
    (lost,) = bob.heard()
    assert '"objectId":1,"state":"lost"' in lost
    await trio.sleep(7)
    (failed,) = bob.heard()
    assert '"objectId":2,"state":"failed"' in failed
