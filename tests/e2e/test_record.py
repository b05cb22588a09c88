"""What cameras say is kept, and played back: to another server, at another speed, and clicked on there."""

import gzip
import json
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from . import web
from .conftest import StartThread
from .peers import PATIENCE, box, client, processor, start
from .running import ServerThread


def command(server: ServerThread, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "trio_orchestrator", *words, "--url", server.urls.websocket("")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def written(tape: Path) -> bytes:
    """What a tape holds that is still written to."""
    content = tape.read_bytes()
    return zlib.decompressobj(31).decompress(content) if tape.suffix == ".gz" else content


@pytest.mark.parametrize("name", ["tape.jsonl", "tape.jsonl.gz"])
def test_what_was_said_is_said_again(start_thread: StartThread, tmp_path: Path, name: str) -> None:
    server = start_thread()
    tape = tmp_path / name
    said = []
    with (
        command(server, "record", str(tape)) as recorder,
        client(server.urls) as operator,
        processor(server.urls, "cam1") as one,
        processor(server.urls, "cam2") as two,
    ):
        while "_clients 2" not in web.get(server.urls.plain + "/metrics").text:  # the recorder has come
            assert recorder.poll() is None
        for frame in range(20):
            for camera, peer in (("cam1", one), ("cam2", two)):
                boxes = [box(number=frame % 3), {"mine": 1.0}]
                peer.say("boundingBoxes", frameId=frame / 2, boxes=boxes)
                said.append((camera, frame / 2, boxes))
        until = time.monotonic() + PATIENCE
        while written(tape).count(b"\n") < 1 + len(said):
            assert time.monotonic() < until, written(tape)
        recorder.send_signal(signal.SIGINT)
        _, told = recorder.communicate(timeout=PATIENCE)
        assert recorder.returncode == 0
        assert told.endswith("40 frames of 2 cameras\n")

    with client(server.urls) as operator, command(server, "replay", str(tape), "--speed", "10") as player:
        heard: list[tuple[Any, ...]] = []
        while len(heard) < len(said):
            message = operator.hear_kind("boundingBoxes")
            heard.append((message["cameraId"], message["frameId"], message["boxes"]))
        assert sorted(heard, key=str) == sorted(said, key=str)
        assert player.wait(PATIENCE) == 0


def test_whoever_is_impatient_has_a_whole_tape_all_the_same(server: ServerThread, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl.gz"
    with command(server, "record", str(tape)) as recorder, processor(server.urls, "cam1") as camera:
        while "_clients 1" not in web.get(server.urls.plain + "/metrics").text:  # the recorder has come
            assert recorder.poll() is None
        camera.say("boundingBoxes", frameId=1.0, boxes=[])
        until = time.monotonic() + PATIENCE
        while written(tape).count(b"\n") < 2:
            assert time.monotonic() < until
        for _ in range(3):
            recorder.send_signal(signal.SIGINT)
        assert recorder.communicate(timeout=PATIENCE)[1] == f"{tape}: 1 frames of 1 cameras\n"
        assert recorder.returncode == 0
    assert gzip.decompress(tape.read_bytes()).count(b"\n") == 2


def test_what_cannot_be_played_is_told_in_one_line(server: ServerThread, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    frame = json.dumps({"at": 0.0, "cameraId": "cam1", "frameId": 1.0, "boxes": []})
    tape.write_text('{"tape":1,"startedAt":"2026-11-22T08:15:30Z"}\n' + frame + "\n" + frame[:20])
    with command(server, "replay", str(tape)) as player:
        told = player.communicate(timeout=PATIENCE)[1]
    assert player.returncode == 0
    assert told.count("replay: ") == told.count(f"replay: {tape}:3: the tape ends here, it was not closed\n") == 1


def test_a_tape_can_be_clicked_on(server: ServerThread, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    lines = ['{"tape":1,"startedAt":"2026-11-22T08:15:30Z"}']
    for frame in range(2000):
        camera = f"cam{1 + frame % 2}"
        message = {"at": frame / 100, "cameraId": camera, "frameId": frame / 100, "boxes": [box(77, number=5)]}
        lines.append(json.dumps(message))
    tape.write_text("\n".join(lines))
    with client(server.urls) as operator, command(server, "replay", str(tape), "--loop") as player:
        first = operator.hear_kind("boundingBoxes")
        assert "objectId" not in first["boxes"][0]
        object_id = start(operator, first["cameraId"], frameId=first["frameId"], boxId=5)
        seen: set[str] = set()
        while len(seen) < 2:
            told = operator.hear_kind("boundingBoxes")
            seen |= {told["cameraId"] for shown in told["boxes"] if shown.get("objectId") == object_id}
        player.send_signal(signal.SIGTERM)
        assert player.wait(PATIENCE) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["record", "tape.txt"], "must end in .jsonl or .jsonl.gz"),
        (["record", "there.jsonl"], "is there already; name a new file"),
        (["replay", "none.jsonl"], "none.jsonl: No such file"),
        (["replay", "there.jsonl", "cam1=a.txt"], "nothing beside it"),
        (["replay", "there.jsonl", "--fps", "3"], "--speed"),
        (["replay", "there.jsonl", "--speed", "0"], "the speed must be"),
        (["replay", "there.jsonl"], "there.jsonl:1: "),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "there.jsonl").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "trio_orchestrator", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
