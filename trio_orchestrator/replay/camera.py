"""One replayed camera: a recording played through `open_processor` at the pace of its frames."""

import ssl
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

import structlog
import trio

from trio_orchestrator.client import OutboxFull, Processor, ProcessorStatistics, Token, open_processor

from .follower import Answer, Follower
from .motchallenge import Recording

MOST_BEHIND: Final = 1.0

_log = structlog.get_logger(__name__)


class Pace:
    """When each frame is due, without drift.

    A frame that is late is due at once. More than a second is not caught up on: the schedule moves, so that a pause of
    the machine does not become a flood.

    Args:
        frames_per_second: how many frames are due in a second.
        now: the time of the first frame, on the clock that `due` is asked with.
    """

    def __init__(self, frames_per_second: float, now: float) -> None:
        self._frames_per_second = frames_per_second
        self._began = now

    def due(self, index: int, now: float) -> float:
        """When the frame `index` frames after the first is due."""
        due = self._began + index / self._frames_per_second
        if now - due > MOST_BEHIND:
            self._began += now - due
            due = now
        return due


@dataclass
class CameraProgress:
    """How far one camera has come; written by the camera, read by whoever shows it.

    Attributes:
        camera_id: the camera.
        frame_count: frames in its recording.
        statistics: its connection; frames handed to the socket are counted there.
        played: frames played so far, over all rounds.
        following: objects it follows now.
        done: whether it has come to its end.
    """

    camera_id: str
    frame_count: int
    statistics: ProcessorStatistics = field(default=ProcessorStatistics(False, 0, 0, 0))
    played: int = 0
    following: int = 0
    done: bool = False


async def play(
    url: str,
    recording: Recording,
    progress: CameraProgress,
    *,
    token: Token = None,
    ssl_context: ssl.SSLContext | None = None,
    loop: bool = False,
    speed: float = 1.0,
) -> None:
    """Be the processor of `progress.camera_id` until the recording ends; for ever where `loop`.

    The first frame waits for the first connection. Later the frames go on, connected or not, as a camera's do.

    Raises:
        ConnectionRefusedByServer: the server will not have this camera.
        InboxFull: it told it more at once than can be taken in.
        ValueError: the URL is none.
    """
    opened = open_processor(url, progress.camera_id, token, ssl_context=ssl_context)
    await play_through(opened, recording, progress, loop=loop, speed=speed)


async def play_through(
    opened: AbstractAsyncContextManager[Processor],
    recording: Recording,
    progress: CameraProgress,
    *,
    loop: bool,
    speed: float = 1.0,
) -> None:
    """As `play`, through the processor that `opened` gives."""
    follower = Follower(progress.camera_id, recording)
    async with opened as camera:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_obey, camera, follower, progress)
                await _send_frames(camera, follower, recording, progress, loop=loop, speed=speed)
                nursery.cancel_scope.cancel()
        finally:
            progress.statistics = camera.statistics()
    progress.statistics = camera.statistics()
    progress.done = True


async def _send_frames(
    camera: Processor,
    follower: Follower,
    recording: Recording,
    progress: CameraProgress,
    *,
    loop: bool,
    speed: float,
) -> None:
    await camera.wait_connected()
    pace = Pace(recording.layout.frames_per_second * speed, trio.current_time())
    index = 0
    while loop or index < recording.frame_count:
        await trio.sleep_until(pace.due(index, trio.current_time()))
        camera.send_boxes(*follower.see(index))
        index += 1
        progress.played = index
        progress.statistics = camera.statistics()


async def _obey(camera: Processor, follower: Follower, progress: CameraProgress) -> None:
    async for command in camera:
        answer = follower.obey(command)
        if answer is not None:
            send_answer(camera, answer)
        progress.following = len(follower.followed)
        progress.statistics = camera.statistics()


def send_answer(camera: Processor, answer: Answer) -> None:
    """Say what an object looks like. Where too much waits already, it is left out, and asked for after a reconnect."""
    try:
        camera.send_feature_map(answer.object_id, answer.feature_map)
    except OutboxFull as full:
        _log.warning("a feature map was left out", camera=camera.camera_id, object=answer.object_id, why=str(full))
