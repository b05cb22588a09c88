"""`python -m trio_orchestrator record`: its flags, and everything the cameras say onto a tape."""

import argparse
import math
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Final

import msgspec
import trio

from trio_orchestrator.client import ConnectionRefusedByServer, Lagged
from trio_orchestrator.client.groups import leaves
from trio_orchestrator.client.inbox import again_where_full
from trio_orchestrator.client.listener import open_listener
from trio_orchestrator.peer_flags import add_peer_flags, check_peer_flags
from trio_orchestrator.signals import until_signalled
from trio_orchestrator.telling import tell

from . import tape

_BOXES: Final = b'{"type":"boundingBoxes"'
_LAGGED: Final = b'{"type":"lagged"'
_WRITE_SECONDS: Final = 0.5


class _Camera(msgspec.Struct, rename="camel"):
    camera_id: str


_CAMERAS: Final = msgspec.json.Decoder(_Camera)
_LAGGED_MESSAGES: Final = msgspec.json.Decoder(Lagged)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `record` on `parser`."""
    parser.add_argument("file", metavar="FILE", help="a new file, NAME.jsonl, or NAME.jsonl.gz to have it compressed")
    add_peer_flags(parser)
    parser.add_argument("--seconds", type=_seconds, default=math.inf, help="how long (default: until Ctrl-C)")


def main(namespace: argparse.Namespace) -> int:
    """Carry out what was parsed with `add_flags`, on the main thread.

    Returns:
        The exit status: 0 after Ctrl-C, SIGTERM, SIGHUP or the time given; 1 where the server refuses or the disk is
        full, 2 where the command line is wrong or the file is there already. One line on stderr tells what was
        recorded, or why not.
    """
    path = Path(namespace.file)
    try:
        if not tape.is_tape(path.name):
            raise ValueError(f"{path} must end in {' or '.join(tape.SUFFIXES)}")
        check_peer_flags(namespace, "/client")
        file = tape.open_new(path)
    except FileExistsError:
        tell(f"record: {path} is there already; name a new file\n", sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        tell(f"record: {error}\n", sys.stderr)
        return 2
    recording = Recording()

    async def work() -> None:
        # Closed while signals are heeded: without its last bytes a compressed file is broken.
        with file:
            await _record(namespace.url, namespace.token, namespace.seconds, file, recording)

    told = ""
    try:
        trio.run(until_signalled, work)
    except* ConnectionRefusedByServer as refusals:
        told = f"record: {leaves(refusals)[0]}\n{path}: {recording}\n"
    except* OSError as faults:
        told = f"record: {path}: {leaves(faults)[0]}; of {recording} the last are not on the tape\n"
    tell(told or f"{path}: {recording}\n", sys.stderr)
    return 1 if told else 0


class Recording:
    """What is recorded, and what of it waits for the disk, which may take its time while cameras go on.

    Args:
        most_waiting_bytes: how much may wait for the disk; what comes beyond that is missed.

    Attributes:
        frames: how many were taken of each camera.
        missed: how many were not, as this disk, this machine or the way here was too slow.
        broken: how many messages were left out that are not as they should be.
        gaps: how often so much came at once that it had to begin anew; what was missed then is not counted.
    """

    def __init__(self, most_waiting_bytes: int = 1 << 26) -> None:
        self._most_waiting_bytes = most_waiting_bytes
        self._waiting = [tape.head(datetime.now(UTC))]
        self._waiting_bytes = 0
        self.frames: Counter[str] = Counter()
        self.missed = 0
        self.broken = 0
        self.gaps = 0

    def __str__(self) -> str:
        told = [f"{sum(self.frames.values())} frames of {len(self.frames)} cameras"]
        if self.missed:
            told.append(f"{self.missed} more were missed, it was too slow here")
        if self.gaps:
            told.append(f"there are gaps, {self.gaps} times more came at once than could be taken in")
        if self.broken:
            told.append(f"{self.broken} messages were broken and are left out")
        return "; ".join(told)

    def take(self, at: float, message: bytes) -> None:
        """Take a message, JSON text on one line that came `at` seconds after the beginning."""
        try:
            if message.startswith(_LAGGED):
                self.missed += _LAGGED_MESSAGES.decode(message).dropped
            elif message.startswith(_BOXES):
                message.decode()  # which is not looked at in what is skipped
                self._take_frame(at, message, _CAMERAS.decode(message).camera_id)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self.broken += 1

    async def begin_anew(self) -> None:
        """What comes next does not follow what was taken last."""
        self.gaps += 1

    def _take_frame(self, at: float, message: bytes, camera_id: str) -> None:
        if self._waiting_bytes >= self._most_waiting_bytes:
            self.missed += 1
            return
        self._waiting.append(tape.line(at, message))
        self._waiting_bytes += len(message)
        self.frames[camera_id] += 1

    def to_be_written(self) -> bytes:
        """What waits, which then no longer does."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return b"".join(waiting)


async def _record(url: str, token: str | None, seconds: float, file: IO[bytes], recording: Recording) -> None:
    began = trio.current_time()
    try:
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_keep_writing, file, recording)
                await again_where_full(partial(_listen, url, token, began, recording), recording.begin_anew)
                nursery.cancel_scope.cancel()
    finally:
        _write(file, recording.to_be_written())


async def _listen(url: str, token: str | None, began: float, recording: Recording) -> None:
    """Take what comes, over whatever connections."""
    async with open_listener(url, token, features=["lagged"]) as listener:
        try:
            async for message in listener:
                recording.take(trio.current_time() - began, message)
        finally:
            recording.missed += listener.frames_dropped


async def _keep_writing(file: IO[bytes], recording: Recording) -> None:
    while True:
        await trio.to_thread.run_sync(_write, file, recording.to_be_written())
        await trio.sleep(_WRITE_SECONDS)


def _write(file: IO[bytes], text: bytes) -> None:
    file.write(text)
    file.flush()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"must be a number greater than 0, got {text!r}")
    return seconds
