"""One server a database of PostgreSQL, and what becomes of that when the server of the database has its own will."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, event
from structlog.testing import capture_logs

from tests.e2e.conftest import start_process  # noqa: F401  # a fixture
from trio_orchestrator.store.changes import Batch
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.dialects import advisory_lock
from trio_orchestrator.store.errors import CannotOpen, DatabaseInUse, StoreError
from trio_orchestrator.tracking.ports import NewObject

if TYPE_CHECKING:
    from tests.e2e.conftest import StartProcess
    from tests.postgresql import PostgreSql

_LOST = "the lock on the database was lost"
_TAKEN_AGAIN = "the lock on the database was taken again"


@pytest.fixture
def address(postgresql: "PostgreSql") -> str:
    return postgresql.new_database()


def started(database: Database) -> int:
    (object_id,) = database.apply(Batch([NewObject("cam", b"", None, None)])).object_ids
    return object_id


def end_its_session(postgresql: "PostgreSql", address: str) -> None:
    """As a database does that is restarted, or whoever runs it."""
    with postgresql.connect(address) as other:
        ended = other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert ended.fetchall() == [(True,)]


def test_a_second_server_does_not_start(start_process: "StartProcess", address: str) -> None:  # noqa: F811
    server = start_process(DATABASE_URL=address)
    second = subprocess.run(
        [sys.executable, "-m", "trio_orchestrator"],
        env={**os.environ, "DATABASE_URL": address, "HTTP_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 2
    (line,) = second.stderr.splitlines()
    assert line.startswith("DATABASE_URL: cannot open the database postgresql+psycopg://")
    assert "another server has it open" in line
    server.send_signal(signal.SIGKILL)
    assert start_process(DATABASE_URL=address).stop() == 0


def test_it_is_given_back_at_the_end_and_is_the_schemas(postgresql: "PostgreSql", address: str) -> None:
    with postgresql.connect(address) as other:
        other.execute("CREATE SCHEMA elsewhere")
    with closing(Database(address)):
        with pytest.raises(CannotOpen, match="another server has it open"):
            Database(address)
        with closing(Database(f"{address}&options=-csearch_path%3Delsewhere")) as neighbour:
            assert started(neighbour) == 1
    with closing(Database(address)) as database:
        assert started(database) == 1


def test_one_that_was_lost_is_taken_again_before_anything_is_written(postgresql: "PostgreSql", address: str) -> None:
    with closing(Database(address)) as database, capture_logs() as log:
        end_its_session(postgresql, address)
        assert started(database) == 1
        with pytest.raises(CannotOpen):
            Database(address)
        assert started(database) == 2
    assert [line["event"] for line in log] == [_LOST, _TAKEN_AGAIN]


def test_while_another_server_has_it_nothing_is_written(postgresql: "PostgreSql", address: str) -> None:
    with closing(Database(address)) as database, capture_logs() as log:
        end_its_session(postgresql, address)
        with closing(Database(address)) as other:
            for _ in range(3):
                with pytest.raises(DatabaseInUse):
                    started(database)
            with pytest.raises(DatabaseInUse):
                database.probe()
            assert started(other) == 1
            assert database.object_ids() == [1], "what is kept may be read"
        assert started(database) == 2
    assert [line["event"] for line in log] == [
        _LOST,
        "another server has taken the database, nothing is written until it ends",
        _TAKEN_AGAIN,
    ]


def test_a_session_that_the_database_does_not_know_to_be_over_is_ended(postgresql: "PostgreSql", address: str) -> None:
    with closing(Database(address)) as database:
        lock = database._engines._make_sure_it_is_ours.__self__  # type: ignore[attr-defined]  # the method of the lock
        # As if the network between had swallowed the end: what it was is forgotten here, and goes on there.
        forgotten, lock._connection = lock._connection, None
        assert started(database) == 1
        forgotten.invalidate()
        forgotten.close()


@pytest.mark.parametrize(
    "statement",
    ["tcp_keepalives_idle", "pg_terminate_backend", "lock_timeout", "pg_backend_pid", "pg_advisory_lock"],
)
def test_a_session_that_ends_before_it_has_the_lock_is_not_kept(
    postgresql: "PostgreSql", address: str, statement: str
) -> None:
    with closing(Database(address)) as database, postgresql.connect(address) as other, capture_logs() as log:
        lock = database._engines._make_sure_it_is_ours.__self__  # type: ignore[attr-defined]  # the method of the lock
        # The database holds the session before for alive: the one after the broken one must still know it.
        forgotten, lock._connection = lock._connection, None
        broken: list[str] = []

        @event.listens_for(lock._engine.engine, "before_cursor_execute")
        def end_once(connection: Connection, _cursor: object, text: str, *_: object) -> None:
            if statement in text and not broken:
                broken.append(text)
                pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
                assert other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchall() == [(True,)]

        with pytest.raises(StoreError, match="administrator command"):
            started(database)
        assert started(database) == 1
        with pytest.raises(CannotOpen, match="another server has it open"):
            Database(address)
        assert started(database) == 2
        forgotten.invalidate()
        forgotten.close()
    assert [line["event"] for line in log] == [_LOST, _TAKEN_AGAIN]


def test_it_is_asked_for_now_and_then_by_itself(
    postgresql: "PostgreSql", address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that swallows everything tells of no end."""
    monkeypatch.setattr(advisory_lock, "_SECONDS_BETWEEN_QUESTIONS", 0.0)
    with closing(Database(address)) as database, capture_logs() as log:
        started(database)
        postgresql.freeze()
        try:
            with pytest.raises(StoreError, match="has not answered"):
                started(database)
        finally:
            postgresql.thaw()
        assert started(database) == 2
    assert [line["event"] for line in log] == [_LOST, _TAKEN_AGAIN]
