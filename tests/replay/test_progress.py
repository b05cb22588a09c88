import errno
import io

import pytest
import trio
from trio.testing import MockClock

from trio_orchestrator.client import ProcessorStatistics
from trio_orchestrator.replay.camera import CameraProgress
from trio_orchestrator.replay.progress import describe, show

CAMERAS = [
    CameraProgress("cam1", 600, ProcessorStatistics(True, 1, 120, 0), 120, 2),
    CameraProgress("cam\x1b2", 525, ProcessorStatistics(False, 0, 0, 0)),
    CameraProgress("cam3", 750, ProcessorStatistics(False, 1, 750, 0), 750, 0, True),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_camera_is_described() -> None:
    assert describe(CAMERAS) == (
        "cam1 120/600 frames, connected, follows 2 | "
        "cam?2 0/525 frames, not connected, follows 0 | "
        "cam3 750/750 frames, done, follows 0"
    )


async def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end(autojump_clock: MockClock) -> None:
    stream = io.StringIO()
    with trio.move_on_after(35):
        await show(CAMERAS, stream)
    assert stream.getvalue() == (describe(CAMERAS) + "\n") * 4


async def test_a_terminal_gets_one_line_that_renews_itself(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with trio.move_on_after(3.5):
        await show(CAMERAS, stream)
    first, *lines = stream.getvalue().split("\r")
    assert first == ""
    assert len(lines) == 4
    assert all(len(line.removesuffix("\n").removesuffix("\x1b[K")) < 40 for line in lines)
    assert stream.getvalue().count("\n") == 1


async def test_a_stream_that_is_full_changes_nothing(autojump_clock: MockClock) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with trio.move_on_after(35) as scope:
        await show(CAMERAS, Full())
    assert scope.cancelled_caught
