"""`/readyz` notices a database that takes no changes, really broken, while nothing is recorded."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests import postgresql as servers
from tests.disks import fill, small_disk

from .conftest import StartProcess
from .peers import client, processor
from .running import ServerProcess
from .test_administration import get, wait_for


def assert_noticed(server: ServerProcess, break_it: Callable[[], None], mend_it: Callable[[], None]) -> None:
    """It says so while it lasts, and nobody who watches a camera has to wait for that."""

    def answer() -> str:
        return httpx.get(f"{server.urls.plain}/readyz", trust_env=False, timeout=10).text

    assert answer() == "ready\n"
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        break_it()
        wait_for(lambda: answer().startswith("not ready: the database "), "it notices")
        camera.say("boundingBoxes", frameId=1, boxes=[])
        assert operator.hear_kind("boundingBoxes")["frameId"] == 1
        assert get(f"{server.urls.plain}/healthz").text == "ok\n"
        mend_it()
        wait_for(lambda: answer() == "ready\n", "it notices again")
    assert server.stop() == 0
    assert server.log.count(" not ready ") == 1
    assert server.log.count(" ready again ") == 1


def test_a_disk_that_is_full(start_process: StartProcess, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, 8):
        server = start_process(DATABASE_URL=f"sqlite:///{disk}/orchestrator.db")
        assert_noticed(server, lambda: fill(disk / "filler"), (disk / "filler").unlink)


def test_a_file_that_is_gone(start_process: StartProcess, tmp_path: Path) -> None:
    database, elsewhere = tmp_path / "orchestrator.db", tmp_path / "elsewhere.db"

    def move(source: Path, target: Path) -> None:
        source.rename(target)

    assert_noticed(start_process(), lambda: move(database, elsewhere), lambda: move(elsewhere, database))


@pytest.mark.parametrize("how", ["stopped", "hanging"])
def test_a_postgresql_that_is(start_process: StartProcess, how: str) -> None:
    with servers.running() as database:
        server = start_process(DATABASE_URL=database.new_database())
        if how == "stopped":
            assert_noticed(server, database.stop, database.start)
        else:
            assert_noticed(server, database.freeze, database.thaw)
