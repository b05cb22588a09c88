"""A tape played as the processors of all its cameras, at any speed."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from typing import Final

import trio

from trio_orchestrator.client import ConnectionRefusedByServer, InboxFull, Processor, Token, open_processor

from .camera import MOST_BEHIND, CameraProgress, send_answer
from .cast import Cast
from .tape import Tape, TapeFrame

_READ_AHEAD: Final = 200
_SHORTEST_ROUND: Final = 1 / 30
"""Seconds from one beginning to the next: all frames of a tape may have come at once, and would come without end."""


async def play_tape(
    url: str,
    tape: Tape,
    progress: Sequence[CameraProgress],
    *,
    token: Token = None,
    loop: bool = False,
    speed: float = 1.0,
) -> None:
    """Be the processors of all cameras of `tape` until it ends; for ever where `loop`.

    Args:
        url: the server.
        tape: what to play.
        progress: of each of its cameras.
        token: what to authenticate with.
        loop: whether to start over at the end; frames then have the ids again that they had before.
        speed: 2 plays in half the time.

    Raises:
        ConnectionRefusedByServer: the server will not have one of the cameras.
        InboxFull: it told one of them more at once than can be taken in.
        RecordingError: the file has changed since it was read.
    """
    cast = Cast()
    shown = {one.camera_id: one for one in progress}
    async with AsyncExitStack() as stack:
        cameras = {camera_id: await stack.enter_async_context(_open(url, camera_id, token)) for camera_id in shown}
        async with trio.open_nursery() as nursery:
            for camera in cameras.values():
                nursery.start_soon(_obey, camera, cast, shown[camera.camera_id])
            for camera in cameras.values():
                await camera.wait_connected()
            began = trio.current_time()
            await _send(tape, cameras, cast, shown, speed)
            while loop:
                await trio.sleep_until(began + _SHORTEST_ROUND)
                began = trio.current_time()
                await _send(tape, cameras, cast, shown, speed)
            nursery.cancel_scope.cancel()
    for one in progress:
        one.statistics = cameras[one.camera_id].statistics()
        one.done = True


@asynccontextmanager
async def _open(url: str, camera_id: str, token: Token) -> AsyncIterator[Processor]:
    """As `open_processor`; what ends it says which camera it was."""
    try:
        async with open_processor(url, camera_id, token) as processor:
            yield processor
    except (ConnectionRefusedByServer, InboxFull) as ending:
        if not getattr(ending, "__notes__", None):  # else it is that of a camera that was opened later
            ending.add_note(f"camera {camera_id}")
        raise


async def _send(
    tape: Tape, cameras: Mapping[str, Processor], cast: Cast, shown: Mapping[str, CameraProgress], speed: float
) -> None:
    """Play the tape once. More than a second that the machine is late is not caught up on."""
    frames = tape.frames()
    began: float | None = None
    while batch := await trio.to_thread.run_sync(_next_frames, frames):
        for frame in batch:
            now = trio.current_time()
            if began is None:
                began = now - frame.at / speed
            began = max(began, now - MOST_BEHIND - frame.at / speed)
            await trio.sleep_until(began + frame.at / speed)
            camera, progress = cameras[frame.camera_id], shown[frame.camera_id]
            camera.send_boxes(frame.frame_id, cast.see(frame))
            progress.played += 1
            progress.statistics = camera.statistics()


def _next_frames(frames: Iterator[TapeFrame]) -> list[TapeFrame]:
    return list(islice(frames, _READ_AHEAD))


async def _obey(camera: Processor, cast: Cast, progress: CameraProgress) -> None:
    async for command in camera:
        answer = cast.obey(camera.camera_id, command)
        if answer is not None:
            send_answer(camera, answer)
        progress.following = cast.following(camera.camera_id)
        progress.statistics = camera.statistics()
