"""Databases of other versions than this server's."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from trio_orchestrator.store import dialects, migrations
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.engine import _url
from trio_orchestrator.store.errors import CannotOpen
from trio_orchestrator.store.schema import METADATA

from .conftest import Stranger, only_postgresql, only_sqlite

_BEFORE_STEPS = """
CREATE TABLE objects (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, camera_id BLOB NOT NULL, started_at BIGINT NOT NULL,
    started_by BLOB, expires_at BIGINT, stopped_at BIGINT, stop_reason VARCHAR(16), stopped_by BLOB);
CREATE INDEX objects_live ON objects (id) WHERE stopped_at IS NULL;
CREATE TABLE images (
    object_id INTEGER NOT NULL, image BLOB NOT NULL, CONSTRAINT images_key PRIMARY KEY (object_id),
    CONSTRAINT images_object_id_refers FOREIGN KEY(object_id) REFERENCES objects (id) ON DELETE CASCADE);
CREATE TABLE feature_maps (
    object_id INTEGER NOT NULL, feature_map BLOB NOT NULL, CONSTRAINT feature_maps_key PRIMARY KEY (object_id),
    CONSTRAINT feature_maps_object_id_refers FOREIGN KEY(object_id) REFERENCES objects (id) ON DELETE CASCADE);
CREATE TABLE sightings (
    object_id BIGINT NOT NULL, second BIGINT NOT NULL, camera_id BLOB NOT NULL, count INTEGER NOT NULL,
    first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, best_certainty DOUBLE,
    CONSTRAINT sightings_key PRIMARY KEY (object_id, second, camera_id),
    CONSTRAINT sightings_object_id_refers FOREIGN KEY(object_id) REFERENCES objects (id) ON DELETE CASCADE
) WITHOUT ROWID;
"""


def _migrate(address: str, revision: str) -> None:
    url = _url(address)
    with dialects.for_url(url).migrating(url, 5) as connection:
        migrations.upgrade(connection, revision)


def _fill(stranger: Stranger) -> None:
    blob = "x'63'" if isinstance(stranger, sqlite3.Connection) else "'c'"
    for statement in (
        f"INSERT INTO objects (camera_id, started_at, expires_at) VALUES ({blob}, 1794999990000, NULL)",
        f"INSERT INTO objects (camera_id, started_at, stopped_at) VALUES ({blob}, 1794999990000, 1794999995000)",
        f"INSERT INTO images VALUES (1, {blob})",
        f"INSERT INTO feature_maps VALUES (1, {blob})",
        f"INSERT INTO sightings VALUES (2, 1794999991, {blob}, 3, 1794999991000, 1794999991500, 0.5)",
    ):
        stranger.execute(statement)


def _assert_all_is_there(address: str) -> None:
    with closing(Database(address)) as database:
        assert database.object_ids() == [1, 2]
        (live,) = database.restore()
        assert (live.object_id, live.image, live.feature_map, live.remaining) == (1, b"c", b"c", None)
        assert database.timeline(2) == [(1794999991, "c")]


def test_the_steps_lead_to_the_schema_of_the_code(address: str) -> None:
    Database(address).close()
    engine = create_engine(address)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrations.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_a_database_of_the_first_version_opens(address: str, stranger: Stranger) -> None:
    _migrate(address, "0001")
    _fill(stranger)
    _assert_all_is_there(address)
    _assert_all_is_there(address)


@only_sqlite
def test_a_database_from_before_there_were_versions_opens(address: str, stranger: Stranger) -> None:
    assert isinstance(stranger, sqlite3.Connection)
    stranger.executescript(_BEFORE_STEPS)
    _fill(stranger)
    _assert_all_is_there(address)


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(address: str, stranger: Stranger) -> None:
    Database(address).close()
    stranger.execute("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(CannotOpen) as caught:
        Database(address)
    assert "a newer version of this server has changed it (to 9999; known here is up to 0" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert stranger.execute("SELECT version_num FROM schema_version").fetchall() == [("9999",)]


def test_a_step_that_fails_leaves_nothing_behind(address: str, stranger: Stranger) -> None:
    stranger.execute("CREATE TABLE sightings (colour TEXT)")  # somebody else's
    with pytest.raises(CannotOpen):
        Database(address)
    master = "sqlite_master" if isinstance(stranger, sqlite3.Connection) else "pg_tables WHERE schemaname = 'public'"
    column = "name" if isinstance(stranger, sqlite3.Connection) else "tablename"
    assert stranger.execute(f"SELECT {column} FROM {master}").fetchall() == [("sightings",)]


@only_postgresql
def test_servers_that_start_at_once_do_not_race(address: str) -> None:
    opening = "import sys; from trio_orchestrator.store.database import Database; Database(sys.argv[1]).close()"
    servers = [subprocess.Popen([sys.executable, "-c", opening, address]) for _ in range(3)]
    assert [server.wait(60) for server in servers] == [0, 0, 0]


_HOLDING = """
import sys
from trio_orchestrator.store.database import Database
database = Database(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@only_sqlite
def test_two_servers_on_one_file_refuse_each_other_until_the_first_is_killed(address: str, path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDING, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        other_name = path.with_name("link.db")
        other_name.symlink_to(path)
        for name in (path, other_name):
            with pytest.raises(CannotOpen) as caught:
                Database(f"sqlite:///{name}")
            assert str(caught.value) == (f"cannot open the database sqlite:///{name}: another server has it open")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    Database(address).close()


def test_alembics_chatter_is_for_who_debugs(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        _migrate(address, "0001")
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG):
        Database(address).close()
    told = [record for record in caplog.records if record.name.startswith("alembic")]
    assert {record.levelname for record in told} == {"DEBUG"}
