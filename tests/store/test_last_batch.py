"""Commits whose answer is lost on the way, with a real PostgreSQL at the other end of a wire that is cut."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from trio_orchestrator.protocol.errors import StorageUnavailable
from trio_orchestrator.store.changes import Batch
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.errors import OutcomeUnknown
from trio_orchestrator.store.recorder import Recorder
from trio_orchestrator.tracking.ports import NewObject, ObjectErasure, ObjectStop, Pending

from .conftest import Stranger, only_postgresql
from .recording import new_object, no_effect, running, until
from .wire import Fault, Wire

pytestmark = only_postgresql


@pytest.fixture
def wire(address: str) -> Iterator[Wire]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, closing(Wire(address, Path(folder))) as wire:
        yield wire


@pytest.fixture
def distant(wire: Wire) -> Iterator[Database]:
    """A database at the other end of the wire."""
    with closing(Database(wire.url, busy_timeout=0.1)) as database:
        yield database


def _counts(stranger: Stranger) -> list[tuple[object, ...]]:
    return [tuple(row) for row in stranger.execute("SELECT object_id, count FROM sightings ORDER BY 1").fetchall()]


async def test_what_was_committed_though_the_answer_was_lost_takes_effect_once(
    distant: Database, wire: Wire, stranger: Stranger
) -> None:
    begun: list[int] = []
    recorder = Recorder(distant)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        wire.break_next_commit(Fault.LOSE_ANSWER)
        recorder.sighted("cam", 5.0, (1,), (None,))
        await recorder.commit(new_object(begun.append))
        assert wire.is_broken
        await recorder.flush()
        await recorder.commit(new_object(begun.append))
    assert begun == [2, 3]
    assert distant.object_ids() == [1, 2, 3]
    assert _counts(stranger) == [(1, 1)]


async def test_what_was_not_committed_fails_and_its_notes_are_written_once(
    distant: Database, wire: Wire, stranger: Stranger
) -> None:
    begun: list[int] = []
    recorder = Recorder(distant)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        wire.break_next_commit(Fault.LOSE_QUESTION)
        recorder.sighted("cam", 5.0, (1,), (None,))
        with pytest.raises(StorageUnavailable):
            await recorder.commit(new_object(begun.append))
        await recorder.flush()
        await recorder.commit(Pending(ObjectStop(1, None), no_effect, None))
    assert begun == []
    assert distant.object_ids() == [1]
    assert _counts(stranger) == [(1, 1)]


async def test_what_was_given_up_and_is_on_disk_all_the_same_is_undone(
    distant: Database, wire: Wire, stranger: Stranger
) -> None:
    begun: list[int] = []
    refused: list[str | None] = []
    recorder = Recorder(distant, command_deadline=0.5)

    async def ask(pending: Pending) -> None:
        with pytest.raises(StorageUnavailable) as caught:
            await recorder.commit(pending)
        refused.append(caught.value.request_id)

    with capture_logs() as log:
        async with running(recorder):
            await recorder.commit(new_object(no_effect))
            wire.break_next_commit(Fault.LOSE_ANSWER, then_closed=True)
            recorder.sighted("cam", 5.0, (1,), (None,))
            async with trio.open_nursery() as senders:
                senders.start_soon(ask, new_object(begun.append, image=b'"i"', request_id="start"))
                senders.start_soon(ask, Pending(ObjectStop(1, None), begun.append, "stop"))
            assert _ids(stranger) == [1, 2]
            wire.open()
            await recorder.flush()
            assert _ids(stranger) == [1]
            await recorder.commit(new_object(begun.append))
    assert sorted(map(str, refused)) == ["start", "stop"]
    assert [live.object_id for live in distant.restore()] == [1, 3]
    assert begun == [3]
    assert _counts(stranger) == [(1, 1)]
    assert {
        "event": "changes were undone whose commit had not been answered",
        "count": 2,
        "log_level": "warning",
    } in log


async def test_it_is_undone_though_nothing_else_is_to_be_written(
    distant: Database, wire: Wire, stranger: Stranger
) -> None:
    recorder = Recorder(distant, command_deadline=0.2)
    async with running(recorder):
        wire.break_next_commit(Fault.LOSE_ANSWER, then_closed=True)
        with pytest.raises(StorageUnavailable):
            await recorder.commit(new_object(no_effect))
        assert _ids(stranger) == [1]
        wire.open()
        await until(lambda: _ids(stranger) == [])


async def test_it_is_undone_once_though_the_answer_to_that_is_lost_too(
    distant: Database, wire: Wire, stranger: Stranger
) -> None:
    recorder = Recorder(distant, command_deadline=0.2)

    async def ask(pending: Pending) -> None:
        with pytest.raises(StorageUnavailable):
            await recorder.commit(pending)

    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        wire.break_next_commit(Fault.LOSE_ANSWER, then_closed=True)
        async with trio.open_nursery() as senders:
            senders.start_soon(ask, new_object(no_effect))
            senders.start_soon(ask, Pending(ObjectStop(1, None), no_effect, None))
        wire.break_next_commit(Fault.LOSE_ANSWER)
        wire.open()
        await until(lambda: _ids(stranger) == [1])
        await recorder.commit(new_object(no_effect))
        assert wire.is_broken
    withdrawn = stranger.execute("SELECT object_id FROM audit WHERE action = 'withdrawn' ORDER BY object_id")
    assert withdrawn.fetchall() == [(1,), (2,)]
    assert [live.object_id for live in distant.restore()] == [1, 3]


async def test_a_commit_that_arrives_late_is_waited_for(distant: Database, wire: Wire, stranger: Stranger) -> None:
    wire.break_next_commit(Fault.DELAY_QUESTION)
    with pytest.raises(OutcomeUnknown):
        distant.apply(Batch([NewObject("cam", b"", None, None)]))
    begun: list[int] = []
    recorder = Recorder(distant)
    async with running(recorder), trio.open_nursery() as senders:
        wire.break_next_commit(Fault.DELAY_QUESTION)
        wire.deliver()
        senders.start_soon(recorder.commit, new_object(begun.append))
        await until(lambda: recorder.statistics().failed_transactions == 1)
        assert begun == []
        wire.deliver()
    assert begun == [2]
    assert _ids(stranger) == [1, 2]


async def test_an_erasure_cannot_be_undone_and_takes_effect(distant: Database, wire: Wire) -> None:
    begun: list[int] = []
    recorder = Recorder(distant, command_deadline=0.2)
    async with running(recorder):
        await recorder.commit(new_object(no_effect))
        wire.break_next_commit(Fault.LOSE_ANSWER, then_closed=True)
        with pytest.raises(StorageUnavailable):
            await recorder.commit(Pending(ObjectErasure(1, None), begun.append, None))
        assert begun == []
        wire.open()
        await until(lambda: begun == [1])


def _ids(stranger: Stranger) -> list[object]:
    return [row[0] for row in stranger.execute("SELECT id FROM objects ORDER BY id").fetchall()]
