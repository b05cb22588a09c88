"""A database in a temporary folder, and somebody else who locks it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from trio_orchestrator.store.database import Database


class WallClock:
    """The time as the test sets it, seconds since 1970, UTC."""

    def __init__(self) -> None:
        self.seconds = 1_795_000_000.5

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def wall_clock() -> WallClock:
    return WallClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orchestrator.db"


@pytest.fixture
def database(path: Path, wall_clock: WallClock) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{path}", clock=wall_clock, busy_timeout=0.05)) as database:
        yield database


@pytest.fixture
def stranger(path: Path, database: Database) -> Iterator[sqlite3.Connection]:
    """Another program with the same file open; begins no transaction by itself."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def refuse_images(connection: sqlite3.Connection) -> None:
    """From now on an object with an image cannot be made."""
    connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON images BEGIN SELECT RAISE(ABORT, 'no images today'); END"
    )
