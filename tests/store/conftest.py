"""A database of either kind, and somebody else who locks it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

from tests.clocks import WallClock
from trio_orchestrator.store.database import Database

from .recording import PatientDatabase

if TYPE_CHECKING:
    import psycopg

    from tests.postgresql import PostgreSql

Stranger: TypeAlias = "sqlite3.Connection | psycopg.Connection[Any]"

only_sqlite: Final = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
only_postgresql: Final = pytest.mark.parametrize("address", ["postgresql"], indirect=True)


@pytest.fixture
def wall_clock() -> WallClock:
    return WallClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orchestrator.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, path: Path) -> str:
    """Where a database is that nobody has opened yet: the contract is the same for both engines."""
    if request.param == "sqlite":
        return f"sqlite:///{path}"
    server: PostgreSql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def database(address: str, wall_clock: WallClock) -> Iterator[Database]:
    with closing(Database(address, clock=wall_clock, busy_timeout=0.05)) as database:
        yield database


@pytest.fixture
def patient(address: str) -> Iterator[PatientDatabase]:
    """In place of `database`, for tests that lock it for a while."""
    with closing(PatientDatabase(address)) as database:
        yield database


@pytest.fixture
def stranger(address: str, request: pytest.FixtureRequest) -> Iterator[Stranger]:
    """Another program with the same database open; begins no transaction by itself."""
    if address.startswith("sqlite"):
        with closing(sqlite3.connect(address.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            yield connection
    else:
        server: PostgreSql = request.getfixturevalue("postgresql")
        with server.connect(address) as other:
            yield other


def lock(stranger: Stranger) -> None:
    """Keep everybody else from writing until `COMMIT`; they may read."""
    if isinstance(stranger, sqlite3.Connection):
        stranger.execute("BEGIN EXCLUSIVE")
    else:
        stranger.execute("BEGIN")
        stranger.execute("LOCK TABLE objects, writers IN EXCLUSIVE MODE")


def refuse(stranger: Stranger, table: str, text: str, condition: str = "TRUE") -> None:
    """From now on no row can be added to `table` for which `condition` holds, of NEW."""
    if isinstance(stranger, sqlite3.Connection):
        stranger.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{text}'); END"
        )
    else:
        stranger.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF {condition} THEN RAISE EXCEPTION '{text}'; END IF; RETURN NEW; END $$"
        )
        stranger.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()")


def refuse_images(stranger: Stranger) -> None:
    """From now on an object with an image cannot be made."""
    refuse(stranger, "images", "no images today")
