"""MOTChallenge text files → what a tracker saw, frame by frame.

One row a box: `frame,id,left,top,width,height,confidence,x,y,z`; frames from 1, pixels, -1 for not given
(https://motchallenge.net, "Format"). Frame size and rate come from a `seqinfo.ini` beside the file or one folder up.
"""

import configparser
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

DEFAULT_FRAMES_PER_SECOND: Final = 30.0
DEFAULT_SIZE: Final = (1920, 1080)
_FEWEST_COLUMNS: Final = 6
_TOO_LARGE: Final = 1_000_000


class RecordingError(Exception):
    """A file cannot be replayed; the text is one line that names the file, and the line where one is to blame."""


class Detection(NamedTuple):
    """One box of one frame.

    Attributes:
        identity: the tracker's number for what is in the box, the same in all frames of the file; 0 or more.
        left: the left edge in pixels; may lie outside of the frame, as all edges.
        top: the upper edge in pixels.
        width: in pixels, 0 or more.
        height: in pixels, 0 or more.
        confidence: as the file has it, usually 0 to 1; None where not given.
    """

    identity: int
    left: float
    top: float
    width: float
    height: float
    confidence: float | None


class Layout(NamedTuple):
    """What the rows do not say.

    Attributes:
        frames_per_second: greater than 0.
        size: width and height of a frame in pixels.
    """

    frames_per_second: float
    size: tuple[int, int]


@dataclass(frozen=True)
class Recording:
    """What a tracker saw on one camera.

    Attributes:
        detections: boxes by frame number, from 1; frames without boxes are absent.
        frame_count: how many frames there are, those without boxes included; 1 or more.
        layout: frame rate and size.
    """

    detections: Mapping[int, tuple[Detection, ...]]
    frame_count: int
    layout: Layout


def read_recording(
    path: Path, frames_per_second: float | None = None, size: tuple[int, int] | None = None
) -> Recording:
    """Read a file whole.

    Args:
        path: the text file.
        frames_per_second: instead of what `seqinfo.ini` says, or 30.
        size: instead of what `seqinfo.ini` says, or 1920x1080.

    Raises:
        RecordingError: it cannot be read, or a row is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise RecordingError(f"{path}: not a text file") from None
    detections = parse_rows(text.splitlines(), str(path))
    told, frame_count = _read_sequence_info(path)
    return Recording(
        detections,
        max(frame_count, *detections),
        Layout(frames_per_second or told.frames_per_second, size or told.size),
    )


def parse_rows(rows: Iterable[str], name: str) -> dict[int, tuple[Detection, ...]]:
    """The boxes of all rows by frame number; within a frame in the order of the rows.

    Args:
        rows: the lines of a file; empty ones are passed over.
        name: the file, for error messages.

    Raises:
        RecordingError: a row is wrong, or there is none.
    """
    frames: dict[int, dict[int, Detection]] = {}
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        try:
            frame, detection = _parse_row(row)
            boxes = frames.setdefault(frame, {})
            if detection.identity in boxes:
                raise ValueError(f"id {detection.identity} is in frame {frame} twice")
        except ValueError as error:
            raise RecordingError(f"{name}:{number}: {error}") from None
        boxes[detection.identity] = detection
    if not frames:
        raise RecordingError(f"{name}: no boxes in it")
    return {frame: tuple(boxes.values()) for frame, boxes in frames.items()}


def _parse_row(row: str) -> tuple[int, Detection]:
    columns = row.split(",")
    if len(columns) < _FEWEST_COLUMNS:
        raise ValueError(
            f"expected frame,id,left,top,width,height,confidence,x,y,z separated by commas, got {row.strip()[:60]!r}"
        )
    frame = _whole(columns[0], "frame", 1)
    identity = _whole(columns[1], "id", 0)
    left, top = _number(columns[2], "left"), _number(columns[3], "top")
    width, height = _number(columns[4], "width"), _number(columns[5], "height")
    if width < 0 or height < 0:
        raise ValueError(f"width and height must not be negative, got {width:g} and {height:g}")
    confidence = _number(columns[6], "confidence") if len(columns) > _FEWEST_COLUMNS else -1.0
    return frame, Detection(identity, left, top, width, height, None if confidence == -1 else confidence)


def _number(text: str, column: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{column} must be a number, got {text.strip()[:60]!r}")
    return number


def _whole(text: str, column: str, least: int) -> int:
    """A whole number; some trackers write it as `1.0` or `1.000000e+00`."""
    number = _number(text, column)
    if number != int(number) or number < least:
        raise ValueError(f"{column} must be a whole number from {least}, got {text.strip()[:60]!r}")
    try:
        return int(text)  # a float has lost digits beyond 2^53
    except ValueError:
        return int(number)


def _read_sequence_info(path: Path) -> tuple[Layout, int]:
    """What the `seqinfo.ini` nearby says, with the number of frames (0 where it does not say)."""
    for folder in (path.parent, path.resolve().parent.parent):
        file = folder / "seqinfo.ini"
        if not file.is_file():
            continue
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(file.read_text(encoding="utf-8-sig"))
            sequence = parser["Sequence"]
            rate = sequence.getfloat("frameRate", DEFAULT_FRAMES_PER_SECOND)
            width = sequence.getint("imWidth", DEFAULT_SIZE[0])
            height = sequence.getint("imHeight", DEFAULT_SIZE[1])
            frame_count = sequence.getint("seqLength", 0)
        except KeyError:
            raise RecordingError(f"{file}: no section [Sequence] in it") from None
        except (OSError, ValueError, configparser.Error) as error:
            raise RecordingError(f"{file}: {str(error).splitlines()[0]}") from None
        if not (math.isfinite(rate) and rate > 0 and width > 0 and height > 0):
            raise RecordingError(f"{file}: frameRate, imWidth and imHeight must be greater than 0")
        if max(width, height) >= _TOO_LARGE:
            raise RecordingError(f"{file}: imWidth and imHeight must be less than {_TOO_LARGE}")
        return Layout(rate, (width, height)), frame_count
    return Layout(DEFAULT_FRAMES_PER_SECOND, DEFAULT_SIZE), 0
