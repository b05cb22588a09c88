"""How a replay is shown while it plays: a line that renews itself on a terminal, a line now and then elsewhere."""

import shutil
from collections.abc import Sequence
from typing import Final, TextIO

import trio

from trio_orchestrator.client.plain import plain
from trio_orchestrator.telling import tell

from .camera import CameraProgress

TERMINAL_INTERVAL: Final = 1.0
LOG_INTERVAL: Final = 10.0
_CLEAR_TO_END: Final = "\x1b[K"


def describe(cameras: Sequence[CameraProgress]) -> str:
    """One line: of each camera the frames sent, whether it is connected, and the objects it follows."""
    return " | ".join(_describe(camera) for camera in cameras)


def _describe(camera: CameraProgress) -> str:
    sent = camera.statistics.frames_sent
    if camera.done:
        state = "done"
    elif camera.statistics.connected:
        state = "connected"
    else:
        state = "not connected"
    return f"{plain(camera.camera_id)} {sent}/{camera.frame_count} frames, {state}, follows {camera.following}"


async def show(cameras: Sequence[CameraProgress], stream: TextIO) -> None:
    """Write the state of `cameras` to `stream` until cancelled, and a last time then."""
    is_terminal = stream.isatty()
    try:
        while True:
            await trio.sleep(TERMINAL_INTERVAL if is_terminal else LOG_INTERVAL)
            _write(cameras, stream, renew=is_terminal)
    finally:
        _write(cameras, stream, renew=is_terminal)
        if is_terminal:
            tell("\n", stream)


def _write(cameras: Sequence[CameraProgress], stream: TextIO, *, renew: bool) -> None:
    line = describe(cameras)
    if renew:
        # A line that wraps could not be renewed.
        columns = shutil.get_terminal_size().columns
        tell("\r" + (line if len(line) < columns else line[: columns - 2] + "…") + _CLEAR_TO_END, stream)
    else:
        tell(line + "\n", stream)
