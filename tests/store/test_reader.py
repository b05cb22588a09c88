import threading

import pytest
import trio
import trio.testing

from trio_orchestrator.store import questions
from trio_orchestrator.store.changes import Batch, NoteBatch, SecondRow
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.engine import READING_THREADS
from trio_orchestrator.store.errors import DatabaseUnavailable
from trio_orchestrator.store.questions import BEGINNING
from trio_orchestrator.store.reader import Reader
from trio_orchestrator.store.statistics import ReaderStatistics
from trio_orchestrator.tracking.ports import NewObject

from .conftest import Stranger, lock, only_sqlite


async def test_it_tells_what_is_on_disk(database: Database) -> None:
    reader = Reader(database)
    assert await reader.ask(questions.object_id_page(0, None)) == []
    database.apply(Batch([NewObject("cam", b"", None, None)]))
    database.apply(Batch(notes=NoteBatch([((1, "cam", 5), SecondRow(1, 5, 5, None))])))
    assert await reader.ask(questions.object_id_page(0, None)) == [1]
    assert await reader.ask(questions.timeline_page(1, BEGINNING, None)) == [(5, "cam")]
    assert await reader.ask(questions.timeline_page(2, BEGINNING, None)) == []


async def test_it_reads_while_somebody_writes(database: Database, stranger: Stranger) -> None:
    reader = Reader(database)
    lock(stranger)
    with trio.fail_after(5):
        assert await reader.ask(questions.object_id_page(0, None)) == []


async def test_many_may_ask_at_once(database: Database) -> None:
    reader = Reader(database)
    answers: list[list[int]] = []

    async def ask() -> None:
        answers.append(await reader.ask(questions.object_id_page(0, None)))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(ask)
    assert answers == [[]] * 50


async def test_a_database_that_does_not_work_is_an_error_of_ours(database: Database, stranger: Stranger) -> None:
    stranger.execute("ALTER TABLE objects RENAME TO elsewhere")
    with pytest.raises(DatabaseUnavailable):
        await Reader(database).ask(questions.object_id_page(0, None))


@only_sqlite
async def test_what_cannot_be_understood_is_an_error_of_ours(database: Database, stranger: Stranger) -> None:
    stranger.execute("PRAGMA foreign_keys = OFF")
    stranger.execute("INSERT INTO sightings VALUES (1, 5, x'ff', 1, 5000, 5000, NULL)")
    with pytest.raises(DatabaseUnavailable):
        await Reader(database).ask(questions.timeline_page(1, BEGINNING, None))


async def test_it_tells_how_much_waits(database: Database) -> None:
    reader, goes_on = Reader(database), threading.Event()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(READING_THREADS + 3):
                nursery.start_soon(reader.ask, questions.object_id_page(0, None), lambda _ids: goes_on.wait())
            await trio.testing.wait_all_tasks_blocked()
            told = reader.statistics()
            goes_on.set()
    assert told == ReaderStatistics(asked=READING_THREADS, waiting=3)
    assert reader.statistics() == ReaderStatistics(asked=0, waiting=0)
