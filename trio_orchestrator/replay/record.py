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

from trio_orchestrator.client import ConnectionRefusedByServer
from trio_orchestrator.client.address import parse_url
from trio_orchestrator.client.groups import leaves
from trio_orchestrator.client.listener import open_listener
from trio_orchestrator.signals import until_signalled

from . import tape

_DEFAULT_URL: Final = "ws://localhost:8080"
_BOXES: Final = b'{"type":"boundingBoxes"'
_WRITE_SECONDS: Final = 0.5
_WRITE_LINES: Final = 200


class _Camera(msgspec.Struct, rename="camel"):
    camera_id: str


_CAMERAS: Final = msgspec.json.Decoder(_Camera)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `record` on `parser`."""
    parser.add_argument("file", metavar="FILE", help="a new file, NAME.jsonl, or NAME.jsonl.gz to have it compressed")
    parser.add_argument("--url", default=_DEFAULT_URL, help="the orchestrator (default: %(default)s)")
    parser.add_argument("--token", help="JSON Web Token to authenticate with")
    parser.add_argument("--seconds", type=_seconds, default=math.inf, help="how long (default: until Ctrl-C)")


def main(namespace: argparse.Namespace) -> int:
    """Carry out what was parsed with `add_flags`, on the main thread.

    Returns:
        The exit status: 0 after Ctrl-C, SIGTERM or the time given; 1 where the server refuses or the disk is full, 2
        where the command line is wrong or the file is there already. One line on stderr tells what was recorded, or why
        not.
    """
    path = Path(namespace.file)
    try:
        if not tape.is_tape(path.name):
            raise ValueError(f"{path} must end in {' or '.join(tape.SUFFIXES)}")
        parse_url(namespace.url, "/client")
        file = tape.open_new(path)
    except FileExistsError:
        sys.stderr.write(f"record: {path} is there already; name a new file\n")
        return 2
    except (ValueError, OSError) as error:
        sys.stderr.write(f"record: {error}\n")
        return 2
    frames: Counter[str] = Counter()
    status = 0
    try:
        with file:
            work = partial(_record, namespace.url, namespace.token, namespace.seconds, file, frames)
            trio.run(until_signalled, work)
    except* (ConnectionRefusedByServer, OSError) as group:
        sys.stderr.write(f"record: {leaves(group)[0]}\n")
        status = 1
    sys.stderr.write(f"{path}: {sum(frames.values())} frames of {len(frames)} cameras\n")
    return status


async def _record(url: str, token: str | None, seconds: float, file: IO[bytes], frames: Counter[str]) -> None:
    lines = [tape.head(datetime.now(UTC))]
    began = written = trio.current_time()
    try:
        with trio.move_on_after(seconds):
            async with open_listener(url, token) as listener:
                while True:
                    message = b""
                    with trio.move_on_after(_WRITE_SECONDS):
                        message = await anext(listener)
                    now = trio.current_time()
                    if message.startswith(_BOXES):
                        lines.append(tape.line(now - began, message))
                        frames[_CAMERAS.decode(message).camera_id] += 1
                    if lines and (now - written >= _WRITE_SECONDS or len(lines) >= _WRITE_LINES):
                        text, lines, written = b"".join(lines), [], now
                        await trio.to_thread.run_sync(_write, file, text)
    finally:
        file.write(b"".join(lines))


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
