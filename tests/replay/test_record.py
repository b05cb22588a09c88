"""What is recorded while it comes, however slow the disk is."""

import argparse
import errno
import io
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from trio_orchestrator.client import InboxFull
from trio_orchestrator.replay import record, tape
from trio_orchestrator.replay.record import Recording

BOXES = b'{"type":"boundingBoxes","cameraId":"cam1","frameId":1.0,"boxes":[]}'


def test_lines_wait_until_they_are_written() -> None:
    recording = Recording()
    for at in (0.5, 1.0):
        recording.take(at, BOXES)
    recording.take(1.5, b'{"type":"welcome","features":["lagged"]}')
    head, *lines = recording.to_be_written().splitlines()
    assert head.startswith(b'{"tape":1,')
    assert lines == [b'{"at":0.500,' + BOXES[1:], b'{"at":1.000,' + BOXES[1:]]
    assert recording.to_be_written() == b""
    assert str(recording) == "2 frames of 1 cameras"


def test_what_is_missed_is_told() -> None:
    recording = Recording(most_waiting_bytes=2 * len(BOXES))
    for _ in range(5):
        recording.take(0, BOXES)
    recording.take(0, b'{"type":"lagged","dropped":4}')
    assert str(recording) == "2 frames of 1 cameras; 7 more were missed, it was too slow here"
    recording.to_be_written()
    recording.take(0, BOXES)  # there is room again
    assert recording.frames["cam1"] == 3


def test_broken_messages_are_left_out_and_told() -> None:
    recording = Recording()
    for broken in (b"[", b'"\xff"', b"1}", b"[" * 9999):
        recording.take(0, BOXES.replace(b"[]", broken))
    recording.take(0, BOXES)
    assert recording.to_be_written().count(b"\n") == 2
    assert str(recording) == "1 frames of 1 cameras; 4 messages were broken and are left out"


class SlowDisk(io.BytesIO):
    """Takes nothing after the head until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: Any) -> int:
        self.goes_on.wait()
        return super().write(text)


async def test_cameras_are_listened_to_while_the_disk_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    disk, recording = SlowDisk(), Recording()

    class Listener:
        frames_dropped = 2

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for _ in range(1000):
                await trio.lowlevel.checkpoint()
                yield BOXES
            disk.goes_on.set()

    @asynccontextmanager
    async def open_listener(*_: object, **__: object) -> AsyncIterator[Listener]:
        yield Listener()

    monkeypatch.setattr(record, "open_listener", open_listener)
    with trio.fail_after(60):
        await record._record("ws://x", None, 1000, disk, recording)
    assert disk.getvalue().count(b"\n") == 1001
    assert str(recording) == "1000 frames of 1 cameras; 2 more were missed, it was too slow here"


async def test_where_too_much_comes_at_once_it_begins_anew_on_the_same_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    disk, recording = io.BytesIO(), Recording()
    connections = 0

    class Listener:
        frames_dropped = 1

        async def __aiter__(self) -> AsyncIterator[bytes]:
            await trio.lowlevel.checkpoint()
            yield BOXES

    @asynccontextmanager
    async def open_listener(*_: object, **__: object) -> AsyncIterator[Listener]:
        nonlocal connections
        connections += 1
        yield Listener()
        if connections < 3:
            raise InboxFull

    monkeypatch.setattr(record, "open_listener", open_listener)
    with trio.fail_after(60):
        await record._record("ws://x", None, 1000, disk, recording)
    assert disk.getvalue().count(b"\n") == 4
    assert str(recording) == (
        "3 frames of 1 cameras; 3 more were missed, it was too slow here;"
        " there are gaps, 2 times more came at once than could be taken in"
    )


def test_a_full_disk_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class FullDisk(io.BytesIO):
        def write(self, _text: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    class Listener:
        frames_dropped = 0

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield BOXES
            await trio.lowlevel.checkpoint()

    @asynccontextmanager
    async def open_listener(*_: object, **__: object) -> AsyncIterator[Listener]:
        yield Listener()

    monkeypatch.setattr(record, "open_listener", open_listener)
    monkeypatch.setattr(tape, "open_new", lambda _: FullDisk())
    parser = argparse.ArgumentParser()
    record.add_flags(parser)
    path = tmp_path / "a.jsonl"
    assert record.main(parser.parse_args([str(path)])) == 1
    assert capsys.readouterr().err == (
        f"record: {path}: [Errno 28] No space left on device; of 1 frames of 1 cameras the last are not on the tape\n"
    )
