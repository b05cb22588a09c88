"""The clock is set while the server runs, by an hour either way: what takes a while takes as long as ever."""

import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.tokens import make_token, token_environment

from . import web
from .conftest import StartProcess
from .peers import Peer, box, client, processor, start
from .running import ServerProcess

HOUR = 3600
COMPILER = shutil.which("cc") or shutil.which("gcc")
SetClock: TypeAlias = Callable[[int], None]

pytestmark = pytest.mark.skipif(COMPILER is None, reason="setting a process's clock takes a C compiler")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("clock") / "stepped_clock.so"
    source = Path(__file__).with_name("stepped_clock.c")
    subprocess.run([str(COMPILER), "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


class Stepped:
    """Starts servers whose clock can be set."""

    def __init__(self, start_process: StartProcess, shim: Path, file: Path) -> None:
        self._start_process = start_process
        self._shim = shim
        self._file = file
        self.set_clock(0)

    def start(self, **variables: str) -> ServerProcess:
        return self._start_process(LD_PRELOAD=str(self._shim), CLOCK_STEP=str(self._file), **variables)

    def set_clock(self, seconds: int) -> None:
        """Let the time of day be off by so much, from now on."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


@pytest.fixture
def stepped(start_process: StartProcess, shim: Path, tmp_path: Path) -> Stepped:
    return Stepped(start_process, shim, tmp_path / "step")


def test_the_clock_is_really_set(stepped: Stepped) -> None:
    server = stepped.start()
    for step in (HOUR, -HOUR):
        stepped.set_clock(step)
        date = web.get(f"{server.urls.plain}/healthz").headers["date"]
        told = time.mktime(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
        assert told - time.time() == pytest.approx(step, abs=30)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_nobody_notices(stepped: Stepped, step: int) -> None:
    server = stepped.start(
        TRACKING_TIMEOUT="3",
        PING_INTERVAL="1",
        PING_TIMEOUT="1",
        AUTH_TIMEOUT="3",
        **token_environment(client_role=None),
    )
    with (
        client(server.urls, images=True) as operator,
        Peer(server.urls.websocket("/processor")) as camera,
        Peer(server.urls.websocket("/processor")) as silent,
    ):
        camera.say("authenticate", jwt=make_token(expires_in=1000))
        camera.say("identifier", id="cam1")
        camera.settle()
        since = time.monotonic()
        operator.say("start", cameraId="cam1", image="i")
        assert operator.hear_kind("newObject")["objectId"] == 1
        stepped.set_clock(step)
        for number in range(20):
            camera.say("boundingBoxes", frameId=number, boxes=[box(1)])
            assert operator.hear_kind("boundingBoxes")["frameId"] == number
        assert operator.hear_kind("stop")["objectId"] == 1
        assert 2.5 < time.monotonic() - since < 8, "the tracking timeout"
        assert silent.wait_closed() == 4408
        assert time.monotonic() - since < 12, "the deadline for authentication"
        # Pings were answered all the while, and who is in stays in.
        camera.say("boundingBoxes", frameId=20, boxes=[])
        assert operator.hear_kind("boundingBoxes")["frameId"] == 20
        assert web.get(f"{server.urls.plain}/timelines?objectId=1").status_code == 200
    assert server.stop() == 0
    assert " error " not in server.log


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_an_admitted_peer_stays_as_long_as_its_token_said(stepped: Stepped, step: int) -> None:
    server = stepped.start(**token_environment(processor_role=None))
    with Peer(server.urls.websocket("/client")) as peer:
        since = time.monotonic()
        peer.say("authenticate", jwt=make_token(expires_in=2))
        peer.settle()
        stepped.set_clock(step)
        assert peer.wait_closed() == 4451
        assert 1.9 < time.monotonic() - since < 8


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_camera_may_be_taken_over_after_the_clock_was_set(stepped: Stepped, step: int) -> None:
    server = stepped.start()
    with ExitStack() as stack:
        owners = [stack.enter_context(processor(server.urls, "cam1"))]
        for number in range(5):
            owners.append(stack.enter_context(processor(server.urls, "cam1")))
            assert owners[-2].wait_closed() == 4409
            if number % 2:
                stepped.set_clock(step * (number - 2))
        operator = stack.enter_context(client(server.urls))
        assert start(operator, "cam1") == 1
    assert server.stop() == 0
