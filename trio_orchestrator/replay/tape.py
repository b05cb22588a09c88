"""Tapes: everything that cameras said, a frame a line, with the time it came at.

The first line tells what it is, `{"tape":1,"startedAt":"2026-11-22T08:15:30Z"}`. Each other one is a client's
`boundingBoxes` as it came, with `at` before all else: seconds since the beginning of the tape.
"""

import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

import msgspec
from msgspec import Struct

from trio_orchestrator.client.processor import MAX_CAMERA_ID_CHARACTERS

from .motchallenge import RecordingError

SUFFIXES: Final = (".jsonl", ".jsonl.gz")
_VERSION: Final = 1
_NO_FRAMES: Final = "there are no frames on this tape"
_NOT_CLOSED: Final = "the tape ends here, it was not closed"


class _Head(Struct, rename="camel"):
    tape: int
    started_at: datetime


class TapeFrame(Struct, frozen=True, rename="camel"):
    """One frame of one camera.

    Attributes:
        at: when it came, in seconds since the beginning of the tape.
        camera_id: the camera.
        frame_id: as the camera named it, any JSON but null.
        boxes: the boxes, with all that the camera said of them.
    """

    at: float
    camera_id: str
    frame_id: Any
    boxes: list[dict[str, Any]] | dict[str, dict[str, Any]]


class Tape(NamedTuple):
    """A file that was read through once.

    Attributes:
        path: where it is.
        frame_counts: how many frames it has of each camera.
        seconds: when its last frame came.
        remarks: what of it cannot be played, and why, one line each.
    """

    path: Path
    frame_counts: dict[str, int]
    seconds: float
    remarks: tuple[str, ...] = ()

    def frames(self) -> Iterator[TapeFrame]:
        """Its frames, in the order they came.

        Raises:
            RecordingError: the file has changed since it was read, so that it cannot be played any more.
        """
        is_empty = True
        for frame in _read(self.path, []):
            if frame.camera_id not in self.frame_counts:
                raise RecordingError(f"{self.path}: camera {frame.camera_id!r} was not on this tape before")
            is_empty = False
            yield frame
        if is_empty:
            raise RecordingError(f"{self.path}: {_NO_FRAMES}")


_HEADS: Final = msgspec.json.Decoder(_Head)
_FRAMES: Final = msgspec.json.Decoder(TapeFrame)


def is_tape(name: str) -> bool:
    """Whether a file is a tape, by its name."""
    return name.endswith(SUFFIXES)


def head(started_at: datetime) -> bytes:
    """The first line."""
    return msgspec.json.encode(_Head(_VERSION, started_at)) + b"\n"


def line(at: float, message: bytes) -> bytes:
    """The line of one `boundingBoxes`, JSON text on one line that came `at` seconds after the beginning."""
    return b'{"at":%.3f,' % at + message[1:] + b"\n"


def open_new(path: Path) -> IO[bytes]:
    """A file to be written; raises OSError, also where there is one already."""
    return cast("IO[bytes]", gzip.open(path, "xb")) if path.name.endswith(".gz") else path.open("xb")


def read_tape(path: Path) -> Tape:
    """Read a tape through.

    One that was not closed, as whoever recorded it was killed, ends with its last whole line.

    Raises:
        RecordingError: it cannot be read, or is none.
    """
    counts: Counter[str] = Counter()
    seconds = 0.0
    remarks: list[str] = []
    for frame in _read(path, remarks):
        counts[frame.camera_id] += 1
        seconds = max(seconds, frame.at)
    if not counts:
        raise RecordingError(f"{path}: {_NO_FRAMES}")
    return Tape(path, dict(counts), seconds, tuple(remarks))


def _read(path: Path, remarks: list[str]) -> Iterator[TapeFrame]:
    number, left_out = 1, 0
    text = b""
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            if _HEADS.decode(file.readline()).tape != _VERSION:
                raise RecordingError(f"{path}:1: this tape was made by another version")
            for number, text in enumerate(file, 2):
                try:
                    frame = _FRAMES.decode(text)
                except msgspec.ValidationError as error:
                    if not _is_out_of_range(error):
                        raise
                    left_out += 1
                    continue
                if not (math.isfinite(frame.at) and frame.at >= 0):
                    raise RecordingError(f"{path}:{number}: `at` must be 0 or more")
                if len(frame.camera_id) > MAX_CAMERA_ID_CHARACTERS:
                    raise RecordingError(
                        f"{path}:{number}: `cameraId` has more than {MAX_CAMERA_ID_CHARACTERS} characters"
                    )
                yield frame
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if number == 1 or text.endswith(b"\n"):
            raise RecordingError(f"{path}:{number}: {error}") from None
        remarks.append(f"{path}:{number}: {_NOT_CLOSED}")
    except RecursionError:
        raise RecordingError(f"{path}:{number}: too many values within each other") from None
    except EOFError as error:
        if number == 1:
            raise RecordingError(f"{path}: {error}") from None
        remarks.append(f"{path}: {_NOT_CLOSED}")
    except (OSError, zlib.error) as error:
        raise RecordingError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if left_out:
        remarks.append(f"{path}: {left_out} frames are left out, they have numbers that are out of range")


def _is_out_of_range(error: msgspec.ValidationError) -> bool:
    """Whether it is a number like 1e400: JSON, and passed on by the orchestrator, but too large to be decoded."""
    return "out of range" in str(error)
