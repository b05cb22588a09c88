"""Whether to send traffic, with a database that is well, refuses, or hangs."""

import pytest
import trio
import trio.testing

from trio_orchestrator import readiness
from trio_orchestrator.readiness import Readiness
from trio_orchestrator.store.errors import DatabaseUnavailable


class FakeDatabase:
    """As much of a database as is probed."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.hangs = False

    async def probe(self) -> None:
        self.asked += 1
        await trio.sleep(float("inf") if self.hangs else 0)
        if self.error is not None:
            raise self.error


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase()


@pytest.fixture
def listening(database: FakeDatabase) -> Readiness:
    made = Readiness(database.probe, lambda: False)
    made.listening = True
    return made


async def test_before_it_listens_and_once_it_stops_it_is_not(database: FakeDatabase) -> None:
    asked = Readiness(database.probe, lambda: False)
    assert await asked.reason() == "not listening yet"
    asked.listening = True
    assert await asked.reason() is None
    asked.stopping = True
    assert await asked.reason() == "stopping"


async def test_many_questions_cost_the_database_one(database: FakeDatabase, listening: Readiness) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(listening.reason)
    assert database.asked == 1


async def test_an_old_answer_is_not_told_again(
    database: FakeDatabase, listening: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_FRESH_SECONDS", 0.0)
    assert await listening.reason() is None
    database.error = DatabaseUnavailable("/var/lib/secret.db is gone")
    assert await listening.reason() == "the database takes no changes"  # and not where it is
    database.error = None
    assert await listening.reason() is None


async def test_a_database_that_hangs(
    database: FakeDatabase, listening: Readiness, autojump_clock: trio.testing.MockClock
) -> None:
    database.hangs = True
    for _ in range(3):
        assert await listening.reason() == "the database does not answer"
        await trio.sleep(1)
    database.hangs = False
    assert await listening.reason() is None
    assert trio.current_time() == 3 * (readiness.PATIENCE + 1)


async def test_changes_that_wait_in_vain_are_reason_enough(database: FakeDatabase) -> None:
    asked = Readiness(database.probe, lambda: True)
    asked.listening = True
    assert await asked.reason() == "the database takes no changes"
    assert database.asked == 0
