"""No more open files: those who are there go on, and it recovers (RLIMIT_NOFILE, the real one)."""

import resource
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from . import web
from .conftest import StartProcess
from .peers import PATIENCE, client, processor, start
from .raw import dial, read_to_end, status, upgrade
from .running import ServerProcess, environment_for

FILES = 96


def limit(server: ServerProcess, files: int) -> None:
    """What `prlimit --nofile` does to a process that runs."""
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (files, files))


def flood(server: ServerProcess, stack: ExitStack, count: int = 300) -> list[socket.socket]:
    connections = [stack.enter_context(dial(server.urls.address)) for _ in range(count)]
    for connection in connections:
        connection.sendall(b"GET ")
    return connections


def until_admitted(server: ServerProcess) -> None:
    """Wait until a connection gets in again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if web.get(f"{server.urls.plain}/healthz", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline


def test_none_are_left_while_it_runs(start_process: StartProcess) -> None:
    server = start_process(REQUEST_HEAD_TIMEOUT="60")
    with client(server.urls, images=True) as operator, processor(server.urls, "cam1") as camera:
        with ExitStack() as stack:
            limit(server, FILES)
            flood(server, stack)
            deadline = time.monotonic() + PATIENCE
            while "no connection can be accepted" not in server.log:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            for number in range(50):
                camera.say("boundingBoxes", frameId=number, boxes=[])
                assert operator.hear_kind("boundingBoxes")["frameId"] == number
            operator.say("start", cameraId="cam1", image="i")
            assert operator.hear_kind("newObject")["objectId"] == 1, "the database still works"
            assert server.log.count("no connection can be accepted") == 1
        until_admitted(server)
        operator.say("stop", objectId=1)
        assert operator.hear_kind("stop")["objectId"] == 1
        assert "connections are accepted again" in server.log
    assert server.stop() == 0


def test_few_are_allowed_from_the_start(start_process: StartProcess) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, before[1]))
    try:
        raised = start_process()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    soft, hard = resource.prlimit(raised.pid, resource.RLIMIT_NOFILE)
    assert soft == min(4096 + 64 + 64, hard), "as far as the system lets it"
    assert raised.stop() == 0


@pytest.fixture
def confined(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that may never have more than so many files."""
    code = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)"
    within = [sys.executable, "-c", f"{code}; os.execv(sys.argv[2], sys.argv[2:])", str(FILES)]
    process = ServerProcess(environment_for(tmp_path, REQUEST_HEAD_TIMEOUT="60"), tmp_path, within)
    yield process
    process.kill()


def test_a_hard_limit_leaves_room_for_the_database(confined: ServerProcess) -> None:
    server = confined
    assert "the system allows too few open files for MAX_CONNECTIONS" in server.log
    with client(server.urls) as operator, processor(server.urls, "cam1"), ExitStack() as stack:
        flood(server, stack, 100)
        with dial(server.urls.address) as late:
            late.sendall(upgrade())
            assert status(read_to_end(late)) in (503, None)
        assert start(operator, "cam1") == 1
        assert "no connection can be accepted" not in server.log
    assert server.stop() == 0
