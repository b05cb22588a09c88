"""The command: its flags as plain calls, and whole runs in a process of their own against a real socket."""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from trio_orchestrator.client import ConnectionRefusedByServer, InboxFull
from trio_orchestrator.replay import add_flags, command, main
from trio_orchestrator.replay.command import CameraSource, ReplayError, parse_camera

from .recordings import ROWS

RUN = """
import argparse, sys
from trio_orchestrator.replay import add_flags, main
parser = argparse.ArgumentParser()
add_flags(parser)
sys.exit(main(parser.parse_args()))
"""


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("cam1=a.txt", CameraSource("cam1", Path("a.txt"), None, None)),
        ("cam5=a.txt@14,640x480", CameraSource("cam5", Path("a.txt"), 14.0, (640, 480))),
        ("cam5=a.txt@12.5", CameraSource("cam5", Path("a.txt"), 12.5, None)),
        ("cam5=a.txt@640x480", CameraSource("cam5", Path("a.txt"), None, (640, 480))),
        ("a b=/x=y/me@home.txt", CameraSource("a b", Path("/x=y/me@home.txt"), None, None)),
        ("cam=me@home/a.txt@14", CameraSource("cam", Path("me@home/a.txt"), 14.0, None)),
        ("é" * 256 + "=a.txt", CameraSource("é" * 256, Path("a.txt"), None, None)),
        ("cam=a.txt@14,", CameraSource("cam", Path("a.txt@14,"), None, None)),
    ],
)
def test_cameras(text: str, source: CameraSource) -> None:
    assert parse_camera(text) == source


@pytest.mark.parametrize("text", ["a.txt", "=a.txt", "cam1=", "cam1=a.txt@0", "cam1=a.txt@0x480", "c" * 257 + "=a.txt"])
def test_what_is_no_camera_is_told(text: str) -> None:
    with pytest.raises(ReplayError):
        parse_camera(text)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cam1"], "CAMERA=FILE"),
        (["cam1=none.txt"], "none.txt: No such file"),
        (["cam1=good.txt", "cam1=good.txt"], "given twice"),
        (["cam1=bad.txt"], "bad.txt:2: "),
        (["cam1=good.txt", "--fps", "fast"], "frames a second"),
        (["cam1=good.txt", "--fps", "0"], "frames a second"),
        (["cam1=good.txt", "--fps", "inf"], "frames a second"),
        (["cam1=good.txt", "--size", "big"], "1920x1080"),
        (["cam1=good.txt", "--size", "9" * 400 + "x1"], "1920x1080"),
        (["cam1=good.txt", "--size", "9" * 5000 + "x1"], "1920x1080"),
        (["cam1=good.txt@1x" + "9" * 400], "File name too long"),
        (["cam1=good.txt", "--url", "http://localhost"], "ws://"),
        (["cam1=good.txt", "--token", "\udcff"], "the token is no JSON Web Token"),
        (["cam\udcff=good.txt"], "is no camera: it is not UTF-8"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_two(
    arguments: Sequence[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.txt").write_text(ROWS)
    Path("bad.txt").write_text(ROWS.splitlines()[0] + "\nnonsense\n")
    parser = argparse.ArgumentParser()
    add_flags(parser)
    assert main(parser.parse_args(arguments)) == 2
    output = capsys.readouterr()
    assert output.err.count("\n") == 1
    assert told in output.err
    assert output.out == ""


class Recorder:
    """A real WebSocket server that keeps what processors say.

    Attributes:
        frames: frame ids by camera.
        refuse_with: a close code for every processor; None to listen to them.
        heard: set once a frame came.
    """

    def __init__(self) -> None:
        self.frames: dict[str, list[float]] = {}
        self.refuse_with: int | None = None
        self.heard = trio.Event()

    async def handle(self, request: WebSocketRequest) -> None:
        websocket = await request.accept()
        try:
            camera_id = json.loads(await websocket.get_message())["id"]
            if self.refuse_with is not None:
                await websocket.aclose(self.refuse_with, "not you")
                return
            while True:
                self.frames.setdefault(camera_id, []).append(json.loads(await websocket.get_message())["frameId"])
                self.heard.set()
        except ConnectionClosed:
            return


async def start_replay(nursery: trio.Nursery, recorder: Recorder, *arguments: str) -> trio.Process:
    """A replay in a process of its own against `recorder`; killed at the end of `nursery`."""
    server = await nursery.start(serve_websocket, recorder.handle, "127.0.0.1", 0, None)
    line = [sys.executable, "-c", RUN, *arguments, "--url", f"ws://127.0.0.1:{server.port}"]
    run = partial(trio.run_process, line, capture_stdout=True, capture_stderr=True, check=False)
    process: trio.Process = await nursery.start(run)
    return process


async def test_a_whole_run_ends_with_status_zero_and_nothing_lost(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ROWS)
    recorder = Recorder()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            process = await start_replay(
                nursery, recorder, f"cam1={tmp_path}/a.txt@50", f"cam2={tmp_path}/a.txt", "--fps", "100"
            )
            assert await process.wait() == 0
            nursery.cancel_scope.cancel()
    assert recorder.frames == {"cam1": [0.0, 0.02, 0.04], "cam2": [0.0, 0.01, 0.02]}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_a_loop_cleanly(tmp_path: Path, number: signal.Signals, status: int) -> None:
    (tmp_path / "a.txt").write_text(ROWS)
    recorder = Recorder()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            process = await start_replay(nursery, recorder, f"cam1={tmp_path}/a.txt", "--loop")
            await recorder.heard.wait()
            process.send_signal(number)
            assert await process.wait() == status
            nursery.cancel_scope.cancel()
    assert recorder.frames["cam1"] == sorted(set(recorder.frames["cam1"]))


async def test_a_tape_that_vanishes_while_it_loops_ends_it_with_status_two_and_one_line(tmp_path: Path) -> None:
    tape = tmp_path / "a.jsonl"
    frame = {"at": 0.2, "cameraId": "cam1", "frameId": 1.0, "boxes": []}
    tape.write_text('{"tape":1,"startedAt":"2026-11-22T08:15:30Z"}\n' + json.dumps(frame) + "\n")
    recorder = Recorder()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, recorder.handle, "127.0.0.1", 0, None)
            words = [str(tape), "--loop", "--url", f"ws://127.0.0.1:{server.port}"]
            line = [sys.executable, "-c", RUN, *words]
            process = await trio.lowlevel.open_process(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            await recorder.heard.wait()
            tape.unlink()
            assert process.stderr is not None
            told = b"".join([piece async for piece in process.stderr]).decode()
            assert await process.wait() == 2
            nursery.cancel_scope.cancel()
    assert told.splitlines()[-1] == f"replay: {tape}: No such file or directory"
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("ending", "status", "told"),
    [
        (InboxFull("iterate"), 1, "replay: camera cam1: the server tells more at once than can be taken in\n"),
        (ConnectionRefusedByServer(4401, "no"), 1, "replay: camera cam1: the server refused the connection, code 4401"),
    ],
)
def test_what_ends_a_camera_is_one_line(
    ending: Exception,
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.txt").write_text(ROWS)

    async def play(*_: object, **__: object) -> None:
        await trio.lowlevel.checkpoint()
        raise ending

    monkeypatch.setattr(command, "play", play)
    parser = argparse.ArgumentParser()
    add_flags(parser)
    assert main(parser.parse_args([f"cam1={tmp_path}/a.txt"])) == status
    last = capsys.readouterr().err.splitlines(keepends=True)[-1]
    assert last.startswith(told)


async def test_a_refused_camera_ends_it_with_status_one_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(ROWS)
    recorder = Recorder()
    recorder.refuse_with = 4409
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, recorder.handle, "127.0.0.1", 0, None)
            finished = await trio.run_process(
                [sys.executable, "-c", RUN, f"cam1={tmp_path}/a.txt", "--url", f"ws://127.0.0.1:{server.port}"],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            nursery.cancel_scope.cancel()
    assert finished.returncode == 1
    told = finished.stderr.decode()
    assert "cam1" in told
    assert "4409: not you" in told
    assert "Traceback" not in told
