"""What becomes of notes, of everything while the database does not work, and of what waits at the end."""

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from tests.clocks import WallClock
from trio_orchestrator.protocol.errors import StorageUnavailable
from trio_orchestrator.store.audit import AuditFilter, audit_page
from trio_orchestrator.store.changes import Action, Applied, Batch
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.errors import DatabaseUnavailable
from trio_orchestrator.store.recorder import Recorder
from trio_orchestrator.tracking.ports import Actor, StopReason

from .conftest import Stranger, lock, refuse
from .recording import PATIENCE, new_object, no_effect, running, until

# The database does not work


async def test_a_locked_database_fails_commands_and_keeps_notes(database: Database, stranger: Stranger) -> None:
    begun: list[int] = []
    recorder = Recorder(database)
    with capture_logs() as log:
        async with running(recorder):
            await recorder.commit(new_object(begun.append))
            lock(stranger)
            recorder.sighted("cam", 5.25, (1,), (0.5,))
            recorder.feature_map_changed(1, b"[1]")
            for _ in range(3):
                with pytest.raises(StorageUnavailable):
                    await recorder.commit(new_object(begun.append))
            await until(lambda: recorder.statistics().failed_transactions > 4)
            recorder.sighted("cam", 5.5, (1,), (0.75,))
            recorder.sighted("cam", 6.0, (1,), (None,))
            assert recorder.statistics().in_trouble
            assert database.object_ids() == [1]

            stranger.execute("COMMIT")
            await recorder.commit(new_object(begun.append))
            await recorder.flush()
            statistics = recorder.statistics()
    assert begun == [1, 2]
    assert database.timeline(1) == [(5, "cam"), (6, "cam")]
    count = stranger.execute("SELECT count, first_at, last_at, best_certainty FROM sightings WHERE second = 5")
    assert count.fetchall() == [(2, 5250, 5500, 0.75)]
    assert database.restore()[0].feature_map == b"[1]"
    assert (statistics.waiting_rows, statistics.waiting_feature_maps, statistics.in_trouble) == (0, 0, False)
    assert [entry["event"] for entry in log] == [
        "the database takes no changes, notes wait and commands fail",
        "the database takes changes again",
    ]


async def test_notes_catch_up_by_themselves(database: Database, stranger: Stranger) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        lock(stranger)
        recorder.sighted("cam", 5.0, (1,), (None,))
        await until(lambda: recorder.statistics().failed_transactions >= 2)
        stranger.execute("COMMIT")
        await until(lambda: database.timeline(1) == [(5, "cam")])


async def test_trouble_is_over_once_a_probe_is_taken(database: Database, stranger: Stranger) -> None:
    recorder = Recorder(database)
    with capture_logs() as log:
        async with running(recorder):
            lock(stranger)
            with pytest.raises(StorageUnavailable):
                await recorder.commit(new_object(no_effect))
            with pytest.raises(DatabaseUnavailable):
                await recorder.probe()
            assert recorder.statistics().in_trouble
            stranger.execute("COMMIT")
            await recorder.probe()
            assert not recorder.statistics().in_trouble
    assert [entry["event"] for entry in log] == [
        "the database takes no changes, notes wait and commands fail",
        "the database takes changes again",
    ]


async def test_stuck_are_notes_that_were_tried_in_vain_and_no_others(database: Database, stranger: Stranger) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        lock(stranger)
        with pytest.raises(StorageUnavailable):
            await recorder.commit(new_object(no_effect))
        recorder.sighted("cam", 5.0, (1,), (None,))
        assert recorder.statistics().in_trouble
        assert not recorder.is_stuck, "nobody has tried yet"
        await until(lambda: recorder.is_stuck)
        assert recorder.statistics().waiting_rows == 1
        stranger.execute("COMMIT")
        await recorder.flush()
        assert not recorder.is_stuck


async def test_waiting_sightings_are_bounded_and_none_is_lost(database: Database, stranger: Stranger) -> None:
    recorder = Recorder(database, max_waiting_rows=10)
    with capture_logs() as log:
        async with running(recorder):
            await recorder.commit(new_object(no_effect))
            lock(stranger)
            for second in range(100):
                recorder.sighted("cam", second + 0.5, (1,), (None,))
            assert recorder.statistics().waiting_rows == 10
            await until(lambda: recorder.statistics().failed_transactions >= 1)
            stranger.execute("COMMIT")
            await recorder.flush()
    assert recorder.statistics().merged_rows == 90
    assert stranger.execute("SELECT sum(count), min(first_at), max(last_at) FROM sightings").fetchall() == [
        (100, 500, 99_500)
    ]
    assert {
        "event": "too many sightings wait for the database, seconds were merged",
        "rows": 90,
        "log_level": "warning",
    } in log


async def test_notes_about_unknown_objects_are_counted_and_told(database: Database) -> None:
    recorder = Recorder(database)
    with capture_logs() as log:
        async with running(recorder):
            recorder.sighted("cam", 5.0, (99,), (None,))
            await recorder.flush()
    assert recorder.statistics().homeless_notes == 1
    assert [(entry["event"], entry["count"]) for entry in log] == [
        ("notes about objects that are not in the database were left out", 1)
    ]


async def test_a_note_that_is_refused_for_good_is_left_out_and_holds_nothing_up(
    database: Database, stranger: Stranger
) -> None:
    refuse(stranger, "sightings", "no sevens today", "NEW.second IN (7, 70)")
    recorder = Recorder(database)
    with capture_logs() as log:
        async with running(recorder):
            await recorder.commit(new_object(no_effect))
            for second in range(100):
                recorder.sighted("cam", second + 0.5, (1,), (None,))
            recorder.feature_map_changed(1, b"[1]")
            await recorder.flush()
            await recorder.commit(new_object(no_effect))
            statistics = recorder.statistics()
    assert [second for second, _ in database.timeline(1)] == [second for second in range(100) if second not in (7, 70)]
    assert database.restore()[0].feature_map == b"[1]"
    assert (statistics.refused_notes, statistics.failed_transactions, statistics.in_trouble) == (2, 0, False)
    assert log == [{"event": "the database refused notes, they are left out", "count": 2, "log_level": "error"}]


async def test_a_fault_of_ours_ends_the_writer_and_leaves_nobody_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_batch: Batch) -> Applied:
        raise ZeroDivisionError

    monkeypatch.setattr(database, "apply", broken)
    recorder = Recorder(database)
    failed: list[bool] = []

    async def start() -> None:
        with pytest.raises(StorageUnavailable):
            await recorder.commit(new_object(no_effect))
        failed.append(True)

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as senders:
            senders.start_soon(start)
            with pytest.raises(ZeroDivisionError):
                await recorder.run()
    assert failed == [True]


# Notes


async def test_notes_reach_the_disk_by_themselves(database: Database, wall_clock: WallClock) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        await recorder.commit(new_object(no_effect))
        with trio.fail_after(5):  # a quarter of a second, and what a busy machine's disk may take
            recorder.sighted("cam", 5.0, (1,), (None,))
            recorder.feature_map_changed(1, b"[1]")
            recorder.stopped(2, StopReason.TIMEOUT)
            wall_clock.seconds += 60
            await until(lambda: recorder.statistics().waiting_stops == 0)
    assert database.timeline(1) == [(5, "cam")]
    assert [(live.object_id, live.feature_map) for live in database.restore()] == [(1, b"[1]")]


async def test_a_stop_happened_when_it_was_noted(database: Database, stranger: Stranger, wall_clock: WallClock) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        at = database.now()
        recorder.stopped(1, StopReason.TIMEOUT)
        wall_clock.seconds += 60
        await recorder.flush()
    assert stranger.execute("SELECT stopped_at, stop_reason FROM objects").fetchall() == [(at, "timeout")]


async def test_the_audit_has_one_row_of_many_look_ups_in_a_second(database: Database, wall_clock: WallClock) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        for second in (0.0, 0.4, 0.8, 1.0):
            wall_clock.seconds = 1_795_000_000.0 + second
            recorder.looked_up(1, Actor("ann"))
            await recorder.flush()
    records = database.ask(audit_page(AuditFilter(), None, 10))
    look_ups = [record.note.at for record in records if record.note.action is Action.LOOKED_UP]
    assert look_ups == [1_795_000_001_000, 1_795_000_000_000]


async def test_notes_are_written_in_batches(database: Database) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        for number in range(1000):
            recorder.sighted("cam", number / 100, (1,), (None,))
            if number % 100 == 0:
                await trio.lowlevel.checkpoint()
        await recorder.flush()
    statistics = recorder.statistics()
    assert statistics.commits <= 3
    assert 10 <= statistics.written_rows <= 20


async def test_flush_waits_for_what_was_noted_before_it(database: Database) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        await recorder.flush()
        for second in range(5000):
            recorder.sighted("cam", second, (1,), (None,))
        await recorder.flush()
        assert len(database.timeline(1)) == 5000


async def test_flush_ends_where_the_recorder_does(database: Database, stranger: Stranger) -> None:
    recorder = Recorder(database, closing_time=0.1)
    outcome: list[str] = []

    async def flush() -> None:
        with pytest.raises(DatabaseUnavailable):
            await recorder.flush()
        outcome.append("ended")

    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        lock(stranger)
        recorder.sighted("cam", 5.0, (1,), (None,))
        async with trio.open_nursery() as flushing:
            flushing.start_soon(flush)
            await until(lambda: recorder.statistics().failed_transactions >= 1)
            await recorder.aclose()
    assert outcome == ["ended"]


# The end


async def test_a_normal_stop_loses_nothing(database: Database) -> None:
    begun: list[int] = []
    recorder = Recorder(database)
    with capture_logs() as log:
        async with running(recorder) as nursery:
            await recorder.commit(new_object(begun.append))
            for second in range(5000):
                recorder.sighted("cam", second, (1,), (None,))
            recorder.feature_map_changed(1, b"[1]")
            with trio.CancelScope() as sender:
                sender.cancel()
                await recorder.commit(new_object(begun.append))
            nursery.cancel_scope.cancel()
    assert len(database.timeline(1)) == 5000
    assert [live.feature_map for live in database.restore()] == [b"[1]", b""]
    assert begun == [1, 2]
    assert log == []


async def test_closing_writes_what_waits_and_takes_no_more_commands(database: Database) -> None:
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        recorder.sighted("cam", 5.0, (1,), (None,))
        await recorder.aclose()
        assert database.timeline(1) == [(5, "cam")]
        with pytest.raises(StorageUnavailable), trio.fail_after(1):
            await recorder.commit(new_object(no_effect))


async def test_a_stop_ends_though_the_database_stays_locked(database: Database, stranger: Stranger) -> None:
    recorder = Recorder(database, closing_time=0.1)
    with capture_logs() as log:
        async with running(recorder):
            await recorder.commit(new_object(no_effect))
            lock(stranger)
            recorder.sighted("cam", 5.0, (1,), (None,))
            recorder.stopped(1, StopReason.TIMEOUT)
            await recorder.aclose()
    lost = {"event": "the database took no changes until the end, notes are lost", "log_level": "error"}
    assert log[-1] == {**lost, "rows": 1, "feature_maps": 0, "stops": 1}


async def test_closing_what_never_ran_ends_at_once(database: Database) -> None:
    with trio.fail_after(1):
        await Recorder(database).aclose()
