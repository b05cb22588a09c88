"""Files replayed as cameras: one identity is tracked from a box that was seen, and its timeline is the file's."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from . import web
from .peers import PATIENCE, Peer, client
from .running import ServerThread

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "mot16"
SLACK: Final = 0.25
"""Seconds that a frame may take from the server's clock to the client's."""


class Marked(NamedTuple):
    """A box with an object's id, as the client saw it.

    Attributes:
        camera: where.
        frame_id: the frame's time in seconds.
        identity: the tracker's number in the file, which is the box's.
        arrived: when, on this machine's clock.
    """

    camera: str
    frame_id: float
    identity: int
    arrived: float


def write_recording(path: Path, frames: dict[int, list[int]]) -> Path:
    """A MOTChallenge file: who is in which frame."""
    rows = [
        f"{frame},{identity},{10 * identity},20,30,60,0.9,-1,-1,-1\n"
        for frame, identities in frames.items()
        for identity in identities
    ]
    path.write_text("".join(rows))
    return path


def frames_of(path: Path, identity: int) -> set[int]:
    """The frames, from 1, in which a file has an identity."""
    rows = (row.split(",") for row in path.read_text().splitlines())
    return {int(row[0]) for row in rows if int(row[1]) == identity}


@contextmanager
def replaying(server: ServerThread, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    url = server.urls.websocket("")
    player = subprocess.Popen(
        [sys.executable, "-m", "trio_orchestrator", "replay", *words, "--url", url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield player
    finally:
        player.kill()
        player.wait()


def next_frame(operator: Peer, seconds: float = 3 * PATIENCE) -> dict[str, Any]:
    while (message := operator.hear(seconds))["type"] != "boundingBoxes":
        assert message["type"] != "error", message
    return message


def track(operator: Peer, camera: str, identity: int) -> int:
    """Start tracking `identity` from the first of its boxes that is seen; the object's id."""
    while True:
        frame = next_frame(operator)
        for box in frame["boxes"]:
            if frame["cameraId"] == camera and box["boxId"] == identity:
                operator.say("start", cameraId=camera, frameId=frame["frameId"], boxId=identity, requestId="track")
                while (answer := operator.hear()).get("requestId") != "track":
                    pass
                return int(answer["objectId"])


def marked_until(operator: Peer, object_id: int, last: dict[str, float]) -> list[Marked]:
    """All boxes that carry the object's id, until each camera has sent its last frame."""
    missing, marked = dict(last), []
    while missing:
        frame = next_frame(operator)
        arrived = time.time()
        camera = frame["cameraId"]
        marked += [
            Marked(camera, frame["frameId"], box["boxId"], arrived)
            for box in frame["boxes"]
            if box.get("objectId") == object_id
        ]
        if camera in missing and frame["frameId"] >= missing[camera]:
            del missing[camera]
    return marked


def assert_stored(server: ServerThread, object_id: int, marked: list[Marked]) -> None:
    """The timeline holds the seconds of the marked boxes and no others, each once, in order."""
    possible = {(int(at), box.camera) for box in marked for at in (box.arrived, box.arrived - SLACK)}
    certain = {(int(box.arrived), box.camera) for box in marked if int(box.arrived) == int(box.arrived - SLACK)}
    until = time.monotonic() + PATIENCE
    while True:
        answer = web.get(f"{server.urls.plain}/timelines?objectId={object_id}")
        entries = answer.json()["data"] if answer.is_success else []
        stored = [
            (int(time.mktime(time.strptime(entry["timeStamp"], "%Y/%m/%d | %H:%M:%S"))), entry["processorId"])
            for entry in entries
        ]
        if certain <= set(stored) <= possible and marked:
            break
        assert time.monotonic() < until, (sorted(certain), stored, sorted(possible))
    assert stored == sorted(set(stored))


def frame_ids(frames: set[int], rate: float) -> set[float]:
    return {(frame - 1) / rate for frame in frames}


def test_a_small_file_second_by_second(server: ServerThread, tmp_path: Path) -> None:
    rate, seconds = 20.0, 4
    # Identity 7 comes, is away for a second in the middle, and leaves before the end; 8 never leaves.
    present = {*range(5, 25), *range(46, 70)}
    recording = write_recording(
        tmp_path / "small.txt",
        {frame: [8, *([7] if frame in present else [])] for frame in range(1, int(rate * seconds) + 1)},
    )
    with client(server.urls) as operator, replaying(server, f"cam1={recording}", "--fps", f"{rate:g}") as player:
        object_id = track(operator, "cam1", 7)
        marked = marked_until(operator, object_id, {"cam1": (rate * seconds - 1) / rate})
        assert player.wait(PATIENCE) == 0
    assert {box.identity for box in marked} == {7}
    seen = {box.frame_id for box in marked}
    assert seen == {at for at in frame_ids(present, rate) if at >= min(seen)}, "each frame from the first one on"
    assert min(seen) < 1, "the camera answered before its identity was away"
    assert_stored(server, object_id, marked)


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings of MOT16 are not on this machine")
def test_real_files_of_several_cameras(server: ServerThread) -> None:
    rate = 200.0
    files = {f"cam{number}": DATA / f"MOT16-{number}.txt" for number in ("02", "09")}
    last = {
        camera: (max(int(row.partition(",")[0]) for row in path.read_text().splitlines()) - 1) / rate
        for camera, path in files.items()
    }
    identity = 1
    camera = "cam09"
    words = [f"{name}={path}" for name, path in files.items()]
    with client(server.urls) as operator, replaying(server, *words, "--fps", f"{rate:g}") as player:
        object_id = track(operator, camera, identity)
        marked = marked_until(operator, object_id, last)
        assert player.wait(PATIENCE) == 0
    assert {(box.camera, box.identity) for box in marked} == {(camera, identity)}
    seen = {box.frame_id for box in marked}
    assert seen == {at for at in frame_ids(frames_of(files[camera], identity), rate) if at >= min(seen)}
    assert_stored(server, object_id, marked)


def test_a_replay_finds_its_way_back(start_thread: Any, tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "long.txt", {frame: [7] for frame in range(1, 101)})
    first = start_thread()
    port = str(first.urls.address[1])
    with replaying(first, f"cam1={recording}", "--fps", "20", "--loop") as player:
        with client(first.urls) as operator:
            object_id = track(operator, "cam1", 7)
            while not any(box.get("objectId") == object_id for box in next_frame(operator)["boxes"]):
                pass
        first.stop()
        second = start_thread(HTTP_PORT=port)
        with client(second.urls) as operator:
            while not any(box.get("objectId") == object_id for box in next_frame(operator)["boxes"]):
                pass
            operator.say("stop", objectId=object_id)
            operator.settle()
            while any("objectId" in box for box in next_frame(operator)["boxes"]):
                pass
        assert player.poll() is None
