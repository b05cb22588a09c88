"""Timeouts on the mock clock: what expires, what does not, and in which order, to the instant."""

import gc
import math

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_orchestrator.supervisor import Supervisor


class Watch:
    """A supervisor, and what it said when."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.expired: list[tuple[int, float]] = []
        self.nursery = nursery
        self.supervisor = Supervisor[int](nursery, self._note)

    def _note(self, object_id: int) -> None:
        self.expired.append((object_id, trio.current_time()))

    async def is_left_without_tasks(self) -> bool:
        await wait_all_tasks_blocked()
        return not self.nursery.child_tasks


async def test_an_object_expires_at_its_deadline_and_its_task_is_gone(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    await trio.sleep(59.999)
    assert watch.expired == []
    await trio.sleep(10)
    assert watch.expired == [(1, 60.0)]
    assert await watch.is_left_without_tasks()


async def test_fractions_of_seconds_count(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 0.25)
    await trio.sleep(1)
    assert watch.expired == [(1, 0.25)]


async def test_what_is_stopped_before_does_not_expire_and_its_task_is_gone_at_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    await trio.sleep(59)
    watch.supervisor.end(1)
    assert await watch.is_left_without_tasks()
    assert trio.current_time() == 59
    await trio.sleep(60)
    assert watch.expired == []


async def test_what_is_stopped_before_its_task_has_begun_does_not_expire(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    watch.supervisor.end(1)
    watch.supervisor.start(2, -1)
    watch.supervisor.end(2)
    await trio.sleep(100)
    assert watch.expired == []
    assert await watch.is_left_without_tasks()


async def test_without_a_timeout_an_object_lives_until_it_is_stopped(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, None)
    await trio.sleep(80_000)
    assert watch.expired == []
    assert not await watch.is_left_without_tasks()
    watch.supervisor.end(1)
    assert await watch.is_left_without_tasks()


async def test_to_stop_what_is_not_watched_is_nothing(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    watch = Watch(nursery)
    watch.supervisor.end(7)
    watch.supervisor.start(1, 1)
    await trio.sleep(2)
    watch.supervisor.end(1)
    assert watch.expired == [(1, 1.0)]


async def test_a_thousand_objects_expire_each_in_its_time(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    watch = Watch(nursery)
    before = count_scopes()
    for object_id in range(1, 1001):
        watch.supervisor.start(object_id, (object_id * 7919) % 1000)
    for object_id in range(3, 1001, 3):
        watch.supervisor.end(object_id)
    await trio.sleep(2000)
    assert sorted(watch.expired) == [(i, (i * 7919) % 1000) for i in range(1, 1001) if i % 3]
    assert [at for _, at in watch.expired] == sorted(at for _, at in watch.expired)
    assert await watch.is_left_without_tasks()
    assert count_scopes() <= before  # none is remembered


def count_scopes() -> int:
    gc.collect()
    return sum(isinstance(thing, trio.CancelScope) for thing in gc.get_objects())


# Races in one instant.


async def test_a_stop_while_the_expiry_is_on_its_way_wins(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    await wait_all_tasks_blocked()
    autojump_clock.jump(60)  # it is due, and nobody has run since
    watch.supervisor.end(1)
    await trio.sleep(1)
    assert watch.expired == []
    assert await watch.is_left_without_tasks()


async def test_a_stop_after_the_expiry_in_the_same_instant_comes_too_late(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    await trio.sleep(60)
    await wait_all_tasks_blocked()
    assert trio.current_time() == 60
    watch.supervisor.end(1)
    assert watch.expired == [(1, 60.0)]


async def test_an_expiry_may_stop_others_that_are_due_in_the_same_instant(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    expired: list[int] = []

    def end_all_others(object_id: int) -> None:
        expired.append(object_id)
        for other in range(1, 11):
            supervisor.end(other)

    supervisor = Supervisor[int](nursery, end_all_others)
    for object_id in range(1, 11):
        supervisor.start(object_id, 60)
    await trio.sleep(100)
    assert len(expired) == 1
    assert not nursery.child_tasks


# Deadlines that move.


@pytest.mark.parametrize(("seconds", "at"), [(10.0, 40.0), (100.0, 130.0), (0.0, 30.0), (None, None)])
async def test_a_deadline_moves(
    autojump_clock: MockClock, nursery: trio.Nursery, seconds: float | None, at: float | None
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    await trio.sleep(30)
    watch.supervisor.start(1, seconds)
    await wait_all_tasks_blocked()
    assert len(nursery.child_tasks) <= 1
    await trio.sleep(1000)
    assert watch.expired == ([] if at is None else [(1, at)])


async def test_a_deadline_moves_even_in_the_instant_in_which_it_is_due(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    await wait_all_tasks_blocked()
    autojump_clock.jump(60)
    watch.supervisor.start(1, 60)
    await trio.sleep(1000)
    assert watch.expired == [(1, 120.0)]
    assert await watch.is_left_without_tasks()


async def test_stopped_and_started_again_an_object_has_the_new_deadline_only(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 60)
    watch.supervisor.end(1)
    watch.supervisor.start(1, 90)
    await trio.sleep(70)
    assert watch.expired == []
    await trio.sleep(70)
    assert watch.expired == [(1, 90.0)]


async def test_to_look_at_the_scopes_changes_nothing(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    watch = Watch(nursery)
    # Merely reading `cancel_called` past the deadline cancels a scope: that must not make an expiry of a stop.
    for object_id in (1, 2, 3):
        watch.supervisor.start(object_id, 60)
    await wait_all_tasks_blocked()
    scopes = scopes_of(nursery)
    assert len(scopes) == 3
    autojump_clock.jump(60)
    assert all(scope.cancel_called for scope in scopes)
    watch.supervisor.end(1)
    watch.supervisor.start(2, 30)
    await trio.sleep(100)
    assert [scope.cancelled_caught for scope in scopes] == [True, True, True]
    assert watch.expired == [(3, 60.0), (2, 90.0)]


def scopes_of(nursery: trio.Nursery) -> list[trio.CancelScope]:
    scopes = (task.coro.cr_frame.f_locals.get("scope") for task in nursery.child_tasks if task.coro.cr_frame)
    return [scope for scope in scopes if isinstance(scope, trio.CancelScope)]


# Restarts and stops of the server.


async def test_what_was_live_goes_on_with_the_rest_of_its_time(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    watch = Watch(nursery)
    watch.supervisor.start(1, 12.5)
    watch.supervisor.start(2, -3.0)  # over while the server was down
    watch.supervisor.start(3, 0.0)
    await trio.sleep(100)
    assert sorted(watch.expired) == [(1, 12.5), (2, 0.0), (3, 0.0)]


async def test_nothing_expires_once_the_server_stops(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        watch = Watch(nursery)
        watch.supervisor.start(1, 60)
        watch.supervisor.start(2, math.inf)
        await wait_all_tasks_blocked()
        autojump_clock.jump(60)  # one is due in this very moment
        nursery.cancel_scope.cancel()
        watch.supervisor.start(3, -1)
    assert watch.expired == []
