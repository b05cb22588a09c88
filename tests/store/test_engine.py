import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.files import is_open
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.engine import Engines
from trio_orchestrator.store.errors import CannotOpen


def _refusal(address: str) -> str:
    with pytest.raises(CannotOpen) as caught:
        Database(address, busy_timeout=0.05)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_what_a_thread_has_at_the_end_is_closed_once_it_is_given_back(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.db"
    engines = Engines(f"sqlite:///{file}", patience=0.1)
    with engines.reading() as reading, engines.writing() as writing:
        for connection in (reading, writing):
            connection.exec_driver_sql("SELECT * FROM objects")
        engines.close()
        assert is_open(file)
    assert not is_open(file)


def test_a_relative_path_is_seen_from_the_working_directory_of_the_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with closing(Database("sqlite:///relative.db")) as database:
        monkeypatch.chdir(tmp_path / "elsewhere")
        database._engines._writing.dispose()  # the next connection is a new one
        assert database.object_ids() == []
    assert (tmp_path / "relative.db").exists()
    assert not (tmp_path / "elsewhere" / "relative.db").exists()


def test_every_connection_waits_for_the_disk_and_keeps_a_log(path: Path) -> None:
    with closing(Database(f"sqlite:///{path}")) as database:
        for transaction in (database._engines.writing(), database._engines.reading()):
            with transaction as connection:
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    text = _refusal(f"sqlite:///{tmp_path}/missing/orchestrator.db")
    assert text.endswith(f"there is no folder {tmp_path}/missing")


def test_a_relative_path_is_told_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"sqlite:///{tmp_path}/missing/orchestrator.db" in _refusal("sqlite:///missing/orchestrator.db")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "unable to open database file" in _refusal(f"sqlite:///{tmp_path}")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that not even root may write to")
def test_a_folder_that_takes_no_files() -> None:
    assert "orchestrator.db.lock cannot be opened" in _refusal("sqlite:////proc/self/orchestrator.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "orchestrator.db.lock cannot be opened" in _refusal(f"sqlite:///{tmp_path}/orchestrator.db")


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"This is a letter to my aunt. " * 100)
    assert _refusal(f"sqlite:///{path}").endswith(": file is not a database")
    assert path.read_bytes().startswith(b"This is a letter")


def test_a_database_that_is_damaged(path: Path) -> None:
    Database(f"sqlite:///{path}").close()
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)
    assert "malformed" in _refusal(f"sqlite:///{path}")


def test_a_database_of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE objects (id INTEGER PRIMARY KEY, colour TEXT)")
    assert "no such column" in _refusal(f"sqlite:///{path}")


def test_a_database_that_is_locked(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN EXCLUSIVE")
        assert "locked" in _refusal(f"sqlite:///{path}")


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_memory_is_no_place_to_keep_things(address: str) -> None:
    assert "it must be a file; write sqlite:///FILE" in _refusal(address)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://us:s3cret@db/x",
        "mysql://us:s3cret@db/x?password=s3cret",
        "sqlite://us:s3cret@/x.db",
        "sqlite+aiosqlite://us:s3cret@db/x.db",
        "nonsense://us:s3cret@db:1/x",
        "postgresql://us:s3cret@db:port/x",
        "us:s3cret",
        "",
    ],
)
def test_a_password_is_never_shown(address: str) -> None:
    assert "s3cret" not in _refusal(address)


def test_a_masked_address_still_tells_which_database_is_meant() -> None:
    assert "postgresql+psycopg://us:***@db/x" in _refusal("postgresql+psycopg://us:s3cret@db/x")


@pytest.mark.parametrize("query", ["timeout=soon", "mode=memory&uri=true", "password=s3cret"])
def test_options_are_told_apart_from_what_is_understood(path: Path, query: str) -> None:
    text = _refusal(f"sqlite:///{path}?{query}")
    assert text.endswith(f"{path}: it takes no options; write sqlite:///FILE")


def test_a_path_with_nul(path: Path) -> None:
    _refusal(f"sqlite:///{path}\0")
