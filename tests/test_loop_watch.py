import structlog
import trio
import trio.testing

from trio_orchestrator.loop_watch import HELD_UP_SECONDS, INTERVAL, LoopWatch


async def test_a_loop_in_time_has_no_lag(autojump_clock: trio.testing.MockClock, nursery: trio.Nursery) -> None:
    watch = LoopWatch()
    nursery.start_soon(watch.run)
    await trio.sleep(4.5 * INTERVAL)
    statistics = watch.statistics()
    assert (statistics.counts[0], sum(statistics.counts), statistics.total) == (4, 4, 0.0)


async def test_a_loop_that_was_held_up_is_told(mock_clock: trio.testing.MockClock, nursery: trio.Nursery) -> None:
    watch = LoopWatch()
    nursery.start_soon(watch.run)
    await trio.testing.wait_all_tasks_blocked()
    with structlog.testing.capture_logs() as lines:
        mock_clock.jump(INTERVAL + HELD_UP_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
    assert watch.statistics().total == HELD_UP_SECONDS
    assert [(line["event"], line["seconds"]) for line in lines] == [("the event loop was held up", 1.0)]
