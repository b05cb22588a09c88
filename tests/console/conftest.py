"""A browser, and a server with cameras for it to look at."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.e2e.conftest import tls as tls
from tests.e2e.peers import client
from tests.e2e.running import ServerProcess, environment_for

from .browser import SECONDS, Browser, missing, window
from .operator import Operator
from .scene import Scene

HERE = Path(__file__).parent
EXAMPLES = Path(__file__).parents[2] / "examples"
RECORDINGS = ("entrance", "corridor")
SCENE = ("gate", "hall", "lift", "platform")

StartServer: TypeAlias = Callable[..., ServerProcess]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests are shared out among processes, one process gets all that need a browser: one is work enough."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium; a test is skipped where there is none, but never in CI."""
    _need_chromium()
    with window(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def trusting_browser(tmp_path: Path) -> Iterator[Browser]:
    """One that takes whatever certificate it is shown."""
    _need_chromium()
    with window(tmp_path / "chromium", "--ignore-certificate-errors") as opened:
        yield opened


def _need_chromium() -> None:
    if (lacking := missing()) is not None:
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers as processes, on one database: `start_server(TRACKING_TIMEOUT="60")`."""
    with contextlib.ExitStack() as running:

        def start(**variables: str) -> ServerProcess:
            server = ServerProcess(environment_for(tmp_path, **variables), tmp_path)
            running.callback(server.kill)
            return server

        yield start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that two replayed cameras send to, and four that people walk past."""
    folder = tmp_path_factory.mktemp("server")
    variables = {"TRACKING_TIMEOUT": "900", "ALLOW_ANONYMOUS_ERASE": "true"}
    process = ServerProcess(environment_for(folder, **variables), folder)
    try:
        with replayed(process), Scene(process.urls.websocket(""), SCENE):
            _wait_for_cameras(process, len(SCENE) + len(RECORDINGS))
            yield process
    finally:
        process.kill()


def _wait_for_cameras(server: ServerProcess, count: int) -> None:
    """Until so many are online, so that each test finds the same wall."""
    online: set[str] = set()
    with client(server.urls) as waiting:
        waiting.say("subscribe", cameraIds=[])
        waiting.say("hello", features=["cameras"])
        while len(online) < count:
            message = waiting.hear(SECONDS)
            online |= {told["cameraId"] for told in message.get("cameras", [message]) if told.get("online")}


@contextlib.contextmanager
def replayed(server: ServerProcess) -> Iterator[None]:
    """The two recordings among the examples play again and again."""
    cameras = [f"{name}={EXAMPLES / name}.txt" for name in RECORDINGS]
    command = [sys.executable, "-m", "trio_orchestrator", "replay", *cameras, "--loop", "--url"]
    player = subprocess.Popen([*command, server.urls.websocket("")], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        player.terminate()
        player.wait(10)


@pytest.fixture
def operator(server: ServerProcess, browser: Browser) -> Iterator[Operator]:
    """Somebody who sits before the console, in dark and at 1280 x 800, and at the end has nothing left to track."""
    browser.complaints()
    browser.look(dark=True)
    sitting = Operator(browser, server.urls)
    sitting.open()
    yield sitting
    sitting.leave()
    assert browser.complaints() == []
