"""`python -m trio_orchestrator replay`: its flags, and what it does."""

import argparse
import math
import re
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from trio_orchestrator.client import ConnectionRefusedByServer, InboxFull
from trio_orchestrator.client.groups import leaves
from trio_orchestrator.client.processor import MAX_CAMERA_ID_CHARACTERS
from trio_orchestrator.peer_flags import add_peer_flags, check_peer_flags, is_utf8
from trio_orchestrator.signals import until_signalled
from trio_orchestrator.telling import tell

from .camera import CameraProgress, play
from .motchallenge import Recording, RecordingError, read_recording
from .progress import show
from .tape import is_tape, read_tape
from .tape_player import play_tape

# Larger ones are no frames, and from 400 digits on no numbers that can be divided by.
_SIZE: Final = re.compile(r"(\d{1,6})x(\d{1,6})")
# What may stand behind the last @ of a camera: frames a second, a size, or both.
_OVERRIDE: Final = re.compile(r"(?:(?P<rate>\d+(?:\.\d+)?)(?:,(?=.)|$))?(?P<size>\d{1,6}x\d{1,6})?")


class ReplayError(Exception):
    """The command line cannot be carried out; the text is one line that says what would be right."""


class CameraSource(NamedTuple):
    """One `CAMERA=FILE[@FPS,WxH]`.

    Attributes:
        camera_id: the camera to be.
        path: the file it plays.
        frames_per_second: None where not given here.
        size: of a frame in pixels; None where not given here.
    """

    camera_id: str
    path: Path
    frames_per_second: float | None
    size: tuple[int, int] | None


class _Plan(NamedTuple):
    """What is to be played.

    Attributes:
        cameras: how far each camera has come.
        play: plays them all to their ends.
    """

    cameras: list[CameraProgress]
    play: Callable[[], Awaitable[None]]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `replay` on `parser`."""
    parser.add_argument(
        "cameras",
        nargs="+",
        metavar="CAMERA=FILE[@FPS,WxH]",
        help="a camera to be and the file it plays; frames a second and frame size may follow for this one alone. Or,"
        " alone, a tape of all cameras, NAME.jsonl or NAME.jsonl.gz, as `record` makes it",
    )
    add_peer_flags(parser)
    parser.add_argument("--fps", help="frames a second (default: what a seqinfo.ini near the file says, or 30)")
    parser.add_argument("--size", help="frame size in pixels (default: likewise, or 1920x1080)")
    parser.add_argument("--loop", action="store_true", help="start over at the end of a file; times go on growing")
    parser.add_argument("--speed", default="1", help="2 plays in half the time (default: %(default)s)")


def main(namespace: argparse.Namespace) -> int:
    """Carry out what was parsed with `add_flags`, on the main thread.

    Returns:
        The exit status: 0 at the end of all files, 1 where the server refuses a camera or tells it too much, 2 where
        the command line or a file is wrong (one line on stderr says how), 129 after SIGHUP, 130 after Ctrl-C, 143 after
        SIGTERM.
    """
    try:
        check_peer_flags(namespace, "/processor")
        plan = _plan(namespace)
    except (ReplayError, RecordingError, ValueError) as error:
        _complain(error)
        return 2
    status = 0
    try:
        status = trio.run(_replay, plan)
    except* RecordingError as faults:
        _complain(leaves(faults)[0])
        status = 2
    except* (ConnectionRefusedByServer, InboxFull) as endings:
        # One is enough to say: cameras with one token are refused for one reason.
        _complain(leaves(endings)[0])
        status = 1
    return status


def parse_camera(text: str) -> CameraSource:
    """Understand one `CAMERA=FILE[@FPS,WxH]`.

    Raises:
        ReplayError: it is none.
    """
    camera_id, equals, file = text.partition("=")
    if not (camera_id and equals and file):
        raise ReplayError(f"{text!r} must be CAMERA=FILE, for example cam1=MOT16-02.txt")
    if not is_utf8(camera_id):
        raise ReplayError(f"{camera_id[:20]!r} is no camera: it is not UTF-8")
    if len(camera_id) > MAX_CAMERA_ID_CHARACTERS:
        raise ReplayError(f"{camera_id[:20]!r}… is no camera: it has more than {MAX_CAMERA_ID_CHARACTERS} characters")
    path, _, tail = file.rpartition("@")
    override = _OVERRIDE.fullmatch(tail) if path and tail else None
    if override is None:
        return CameraSource(camera_id, Path(file), None, None)
    rate = _parse_rate(override["rate"]) if override["rate"] else None
    size = _parse_size(override["size"]) if override["size"] else None
    return CameraSource(camera_id, Path(path), rate, size)


def _plan(namespace: argparse.Namespace) -> _Plan:
    """What to play, by the kind of the files."""
    speed = _parse_number("the speed", namespace.speed)
    tapes = [name for name in namespace.cameras if "=" not in name and is_tape(name)]
    if not tapes:
        return _plan_files(namespace, speed)
    if len(namespace.cameras) > 1:
        raise ReplayError("a tape plays all of its cameras, and nothing beside it")
    if namespace.fps is not None or namespace.size is not None:
        raise ReplayError("a tape has its own times and sizes; --speed plays it faster or slower")
    tape = read_tape(Path(tapes[0]))
    for remark in tape.remarks:
        tell(f"replay: {remark}\n", sys.stderr)
    cameras = [CameraProgress(camera_id, count) for camera_id, count in sorted(tape.frame_counts.items())]
    play = partial(play_tape, namespace.url, tape, cameras, token=namespace.token, loop=namespace.loop, speed=speed)
    return _Plan(cameras, play)


def _plan_files(namespace: argparse.Namespace, speed: float) -> _Plan:
    recordings = _load(namespace)
    progress = {
        camera_id: CameraProgress(camera_id, recording.frame_count) for camera_id, recording in recordings.items()
    }

    async def play_all() -> None:
        async with trio.open_nursery() as cameras:
            for camera_id, recording in recordings.items():
                one = partial(play, token=namespace.token, loop=namespace.loop, speed=speed)
                cameras.start_soon(_play, one, namespace.url, recording, progress[camera_id])

    return _Plan(list(progress.values()), play_all)


def _load(namespace: argparse.Namespace) -> dict[str, Recording]:
    rate = None if namespace.fps is None else _parse_rate(namespace.fps)
    size = None if namespace.size is None else _parse_size(namespace.size)
    recordings: dict[str, Recording] = {}
    for source in map(parse_camera, namespace.cameras):
        if source.camera_id in recordings:
            raise ReplayError(f"camera {source.camera_id!r} is given twice; each needs a name of its own")
        recordings[source.camera_id] = read_recording(
            source.path, source.frames_per_second or rate, source.size or size
        )
    return recordings


def _parse_rate(text: str) -> float:
    return _parse_number("frames a second", text)


def _parse_number(what: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ReplayError(f"{what} must be a number greater than 0, got {text!r}")
    return number


def _parse_size(text: str) -> tuple[int, int]:
    size = _SIZE.fullmatch(text)
    if size is None or not (int(size[1]) and int(size[2])):
        raise ReplayError(f"a frame size must be WIDTHxHEIGHT in pixels, for example 1920x1080, got {text!r}")
    return int(size[1]), int(size[2])


async def _replay(plan: _Plan) -> int:
    """Play all to their ends, or until a signal comes; the exit status."""

    async def play_and_show() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(show, plan.cameras, sys.stderr)
            await plan.play()
            nursery.cancel_scope.cancel()

    return await until_signalled(play_and_show)


async def _play(
    play_one: Callable[..., Awaitable[None]], url: str, recording: Recording, progress: CameraProgress
) -> None:
    try:
        await play_one(url, recording, progress)
    except (ConnectionRefusedByServer, InboxFull) as ending:
        ending.add_note(f"camera {progress.camera_id}")
        raise


def _complain(error: BaseException) -> None:
    notes: list[str] = getattr(error, "__notes__", [])
    why = "the server tells more at once than can be taken in" if isinstance(error, InboxFull) else str(error)
    tell(": ".join(("replay", *notes, why)) + "\n", sys.stderr)
