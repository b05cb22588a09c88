"""What is kept and what is shown of cameras and objects, as plain calls."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from trio_orchestrator.client import (
    BoundingBoxes,
    Box,
    CameraChange,
    Cameras,
    CameraState,
    Connected,
    Error,
    Event,
    Lagged,
    NewObject,
    Tracked,
    TrackedState,
    TrackingChange,
    Welcome,
)
from trio_orchestrator.watch.board import Board
from trio_orchestrator.watch.lines import line_of, summary
from trio_orchestrator.watch.tables import render

T0 = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
FRAME = BoundingBoxes("cam1", 0.5, (Box(1, (0, 0, 1, 1)), Box(2, (0, 0, 1, 1))))


def told(*events: Event) -> Board:
    board = Board()
    for event in events:
        board.apply(event, 100.0)
    return board


def shown(board: Board) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(render(board, 101.0, T0 + timedelta(minutes=2, seconds=5)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


CAMERAS = Cameras((CameraState("cam1", True, T0), CameraState("cam2", False, T0)))


def test_rates_are_those_of_the_last_five_seconds() -> None:
    board = Board()
    for index in range(100):
        board.apply(FRAME, index / 10)
    assert board.rate("cam1", 9.9) == pytest.approx(10, abs=0.3)
    assert board.rate("cam1", 12.4) == pytest.approx(5, abs=0.3)
    assert board.rate("cam1", 20) == 0
    assert board.rate("cam2", 20) == 0
    assert board.boxes("cam1") == 2


def test_the_tables_show_cameras_and_objects() -> None:
    state = TrackedState(object_id=7, state="seen", camera_id="cam1", started_at=T0, seen_on=("cam1", "cam2"))
    text = shown(told(Connected(2), Welcome("o/1", (), "e"), CAMERAS, Tracked((state,)), FRAME, Lagged(3)))
    lines = text.splitlines()
    (cam1,) = [line for line in lines if line.startswith("│ cam1 ")]
    assert "online" in cam1
    assert "2 min 5 s" in cam1
    assert "0.2" in cam1
    assert any("seen" in line and "cam1, cam2" in line and "7" in line for line in lines)
    assert "o/1 · connection 2 · 3 frames left out" in text


def test_texts_of_peers_are_no_markup_and_no_control_characters() -> None:
    camera = CameraState("[red]cam\x1b[2J\n", True, T0)
    board = told(Cameras((camera,)))
    assert "[red]cam?[2J?" in shown(board)
    assert summary(board, 101) == "0 objects; frames: [red]cam?[2J? 0.0/s"
    assert line_of(CameraChange("\x1b[2J", False, T0)) == "camera ?[2J is offline"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Connected(1), "connected"),
        (Connected(2), "connected again"),
        (CAMERAS, "1 of 2 cameras are online"),
        (CameraChange("cam1", True, T0), "camera cam1 is online"),
        (Tracked(()), "0 objects are tracked"),
        (TrackingChange(object_id=7, state="seen", camera_id="cam1", at=T0), "object 7 seen on cam1"),
        (TrackingChange(object_id=7, state="stopped", by="a", reason="x", at=T0), "object 7 stopped by a (x)"),
        (Lagged(3), "3 frames were left out"),
        (Error("forbidden", "no"), "error forbidden: no"),
        (FRAME, None),
        (NewObject(7), None),
    ],
)  # fmt: skip
def test_each_event_is_a_line_or_none(event: Event, line: str | None) -> None:
    assert line_of(event) == line
