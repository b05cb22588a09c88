"""What becomes of commands."""

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs
from trio.testing import MockClock

from trio_orchestrator.protocol.errors import InvalidMessage, StorageUnavailable
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.recorder import Recorder
from trio_orchestrator.tracking.ports import Actor, ObjectStop, Pending

from .conftest import Stranger, lock, refuse_images
from .recording import PATIENCE, PatientDatabase, new_object, no_effect, run, running, until


async def test_an_object_is_on_disk_before_its_effects_begin(database: Database) -> None:
    seen: list[tuple[int, list[int]]] = []
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(lambda object_id: seen.append((object_id, database.object_ids()))))
        assert seen == [(1, [1])]


async def test_commands_that_come_together_share_a_transaction_and_begin_in_order(database: Database) -> None:
    begun: list[tuple[str, int]] = []
    recorder = Recorder(database)

    async def start(name: str) -> None:
        await recorder.commit(new_object(lambda object_id: begun.append((name, object_id)), name))
        assert (name, int(name) + 1) in begun

    async with trio.open_nursery() as senders:
        for number in range(20):
            senders.start_soon(start, str(number))
            await trio.testing.wait_all_tasks_blocked()
        async with running(recorder):
            await until(lambda: len(begun) == 20)
            assert recorder.statistics().commits == 1
    assert begun == [(str(number), number + 1) for number in range(20)]


async def test_an_object_that_has_stopped_already_may_be_stopped(database: Database) -> None:
    stopped: list[int] = []
    recorder = Recorder(database)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        for _ in range(2):
            await recorder.commit(Pending(ObjectStop(1, Actor("ann")), stopped.append, None))
    assert stopped == [1, 1]
    assert database.restore() == []


async def test_what_is_committed_begins_even_where_its_sender_has_gone(database: Database) -> None:
    begun: list[int] = []
    recorder = Recorder(database)
    async with running(recorder) as nursery:
        with trio.CancelScope() as sender:
            sender.cancel()
            await recorder.commit(new_object(begun.append))
        assert sender.cancelled_caught
        await recorder.commit(new_object(no_effect))
        assert begun == [1]
        assert not nursery.cancel_scope.cancel_called


async def test_what_is_being_committed_begins_even_where_its_sender_goes(
    patient: PatientDatabase, stranger: Stranger
) -> None:
    begun: list[int] = []
    recorder = Recorder(patient)
    lock(stranger)
    async with running(recorder):
        async with trio.open_nursery() as sender:
            sender.start_soon(recorder.commit, new_object(begun.append))
            await until(lambda: patient.transactions == 1)
            sender.cancel_scope.cancel()
        assert begun == []
        stranger.execute("COMMIT")
        await until(lambda: begun == [1])


async def test_effects_that_fail_cost_their_sender_only(database: Database) -> None:
    def fail(_object_id: int) -> None:
        raise InvalidMessage("no")

    begun: list[int] = []
    caught: list[Exception] = []
    recorder = Recorder(database)

    async def bad() -> None:
        with pytest.raises(InvalidMessage) as raised:
            await recorder.commit(new_object(fail))
        caught.append(raised.value)

    async with running(recorder):
        async with trio.open_nursery() as senders:
            senders.start_soon(bad)
            senders.start_soon(recorder.commit, new_object(begun.append))
        await recorder.commit(new_object(begun.append))
    assert len(caught) == 1
    assert len(begun) == 2


async def test_effects_that_fail_for_a_sender_who_has_gone_are_told_in_the_log(database: Database) -> None:
    def fail(_object_id: int) -> None:
        raise InvalidMessage("no")

    recorder = Recorder(database)
    with capture_logs() as log:
        async with running(recorder):
            with trio.CancelScope() as sender:
                sender.cancel()
                await recorder.commit(new_object(fail))
            await recorder.commit(new_object(no_effect))
    assert [entry["event"] for entry in log] == ["the effects of a command failed"]


async def test_a_poisoned_command_costs_its_sender_only(database: Database, stranger: Stranger) -> None:
    refuse_images(stranger)
    begun: list[int] = []
    failures: list[str | None] = []
    recorder = Recorder(database)

    async def poisoned() -> None:
        with pytest.raises(StorageUnavailable) as caught:
            await recorder.commit(new_object(begun.append, image=b'"poison"', request_id="r7"))
        failures.append(caught.value.request_id)

    with capture_logs() as log:
        async with running(recorder):
            await recorder.commit(new_object(begun.append))
            recorder.sighted("cam", 5.0, (1,), (None,))
            async with trio.open_nursery() as senders:
                for sender in (1, 2, 3):
                    if sender == 2:
                        senders.start_soon(poisoned)
                    senders.start_soon(recorder.commit, new_object(begun.append))
            await recorder.flush()
            statistics = recorder.statistics()
    assert failures == ["r7"]
    assert len(begun) == 4
    assert database.object_ids() == sorted(begun)
    assert database.timeline(1) == [(5, "cam")]
    assert statistics.refused_commands == 1
    assert not statistics.in_trouble
    assert [(entry["event"], entry["reason"]) for entry in log] == [
        ("the database refused a command", "no images today")
    ]


async def test_a_command_that_nobody_takes_fails_at_its_deadline(database: Database, autojump_clock: MockClock) -> None:
    begun: list[int] = []
    recorder = Recorder(database, command_deadline=5)
    with pytest.raises(StorageUnavailable) as caught:
        await recorder.commit(new_object(begun.append, request_id="r1"))
    assert trio.current_time() == pytest.approx(5)
    assert caught.value.request_id == "r1"
    assert recorder.statistics().waiting_commands == 0


async def test_a_command_whose_deadline_falls_on_the_writers_waking_fails(
    database: Database, autojump_clock: MockClock
) -> None:
    begun: list[int] = []
    # Which of the two wakes first is left to chance; the outcome is not.
    for _ in range(20):
        recorder = Recorder(database, command_deadline=0.005)
        async with running(recorder):
            with pytest.raises(StorageUnavailable):
                await recorder.commit(new_object(begun.append))
    assert begun == []
    assert database.object_ids() == []


async def test_a_command_in_flight_is_waited_for_and_one_behind_it_is_withdrawn(
    patient: PatientDatabase, stranger: Stranger
) -> None:
    begun: list[str] = []
    recorder = Recorder(patient, command_deadline=1)
    lock(stranger)
    async with running(recorder), trio.open_nursery() as senders:
        senders.start_soon(recorder.commit, new_object(lambda _: begun.append("first")))
        await until(lambda: patient.transactions == 1)
        with pytest.raises(StorageUnavailable):
            await recorder.commit(new_object(lambda _: begun.append("second")))
        assert begun == []
        stranger.execute("COMMIT")
        await until(lambda: begun == ["first"])
        await recorder.commit(new_object(lambda _: begun.append("third")))
    assert begun == ["first", "third"]
    assert patient.object_ids() == [1, 2]


async def test_a_command_whose_sender_has_gone_is_not_begun_after_its_deadline(
    patient: PatientDatabase, stranger: Stranger
) -> None:
    begun: list[int] = []
    recorder = Recorder(patient, command_deadline=1)
    lock(stranger)
    async with running(recorder), trio.open_nursery() as senders:
        senders.start_soon(recorder.commit, new_object(no_effect))
        await until(lambda: patient.transactions == 1)
        with trio.CancelScope() as sender:
            sender.cancel()
            await recorder.commit(new_object(begun.append))
        deadline = trio.current_time() + 1
        await until(lambda: trio.current_time() > deadline)
        stranger.execute("COMMIT")
        await recorder.commit(new_object(no_effect))
    assert begun == []
    assert patient.object_ids() == [1, 2]


async def test_commands_that_are_being_written_are_written_to_the_end(database: Database, stranger: Stranger) -> None:
    refuse_images(stranger)
    begun: list[str] = []
    recorder = Recorder(database)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as senders:
            async with trio.open_nursery() as owner:

                def begin_and_stop(_object_id: int) -> None:
                    begun.append("first")
                    owner.cancel_scope.cancel()

                async def poisoned() -> None:
                    with pytest.raises(StorageUnavailable):
                        await recorder.commit(new_object(no_effect, image=b'"poison"'))

                senders.start_soon(recorder.commit, new_object(begin_and_stop))
                await trio.testing.wait_all_tasks_blocked()
                senders.start_soon(poisoned)
                senders.start_soon(recorder.commit, new_object(lambda _: begun.append("last")))
                await trio.testing.wait_all_tasks_blocked()
                await owner.start(run, recorder)
            assert begun == ["first", "last"]


async def test_a_probe_waits_for_the_transaction_before_it(patient: PatientDatabase, stranger: Stranger) -> None:
    recorder, probed = Recorder(patient), trio.Event()

    async def probe() -> None:
        await recorder.probe()
        probed.set()

    lock(stranger)
    async with running(recorder) as nursery:
        nursery.start_soon(recorder.commit, new_object(no_effect))
        await until(lambda: patient.transactions == 1)
        nursery.start_soon(probe)
        await trio.testing.wait_all_tasks_blocked()
        assert recorder._writer._thread.statistics().tasks_waiting == 1, "one writes at a time"
        assert not probed.is_set()
        stranger.execute("COMMIT")
        await probed.wait()
    assert patient.object_ids() == [1]
