"""Recordings of the tests' own, and where real ones lie."""

from pathlib import Path
from typing import Final

import pytest

from trio_orchestrator.replay.motchallenge import Detection, Layout, Recording, parse_rows

REAL_FILES: Final = Path(__file__).parents[2] / ".." / "shared" / "data" / "mot16"

# Two people; the second frame is empty; the boxes' edges lie outside of a 100x100 frame.
ROWS: Final = """\
1,8,10,20,30,40,-1,-1,-1,-1
1,9,-10,90,20,20,0.5,-1,-1,-1
3,8,11,21,30,40,-1,-1,-1,-1
"""


def short_recording(rows: str = ROWS, *, frame_count: int = 3, frames_per_second: float = 10.0) -> Recording:
    return Recording(parse_rows(rows.splitlines(), "short"), frame_count, Layout(frames_per_second, (100, 100)))


def real_file(name: str) -> Path:
    path = REAL_FILES / name
    if not path.is_file():
        pytest.skip(f"the real tracker output is not here: {name}")
    return path


def detection(identity: int, left: float, top: float, width: float, height: float) -> Detection:
    return Detection(identity, left, top, width, height, None)
