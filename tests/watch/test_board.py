"""What is kept and what is shown of cameras and objects, as plain calls."""

import io
import re
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


def shown(board: Board, height: int = 50, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(render(board, 101.0, T0 + timedelta(minutes=2, seconds=5), height))
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
    board = told(Connected(2), Welcome("o/1", (), "e"), CAMERAS, Tracked((state,)), FRAME, Lagged(3))
    board.connected = True
    text = shown(board)
    lines = text.splitlines()
    (cam1,) = [line for line in lines if line.startswith("│ cam1 ")]
    assert "online" in cam1
    assert "2 min 5 s" in cam1
    assert "0.2" in cam1
    assert any("seen" in line and "cam1, cam2" in line and "7" in line for line in lines)
    assert lines[-1] == "o/1 · connection 2 · 3 frames left out"


def test_what_is_shown_of_a_connection_that_is_over_is_called_old() -> None:
    board = told(Connected(1), Welcome("o/1", (), "e"), CAMERAS)
    assert shown(board).splitlines()[-1] == "not connected, this is how it was · o/1"
    assert shown(told()).splitlines() == ["Cameras: none", "Objects: none", "not connected yet"]


def tracked(object_id: int, *seen_on: str, minutes: int = 0) -> TrackedState:
    at = T0 + timedelta(minutes=minutes)
    return TrackedState(object_id=object_id, state="started", camera_id="cam1", started_at=at, seen_on=seen_on)


def first_column(text: str) -> list[str]:
    """The cameras and objects that are shown."""
    return [line.split()[1] for line in text.splitlines() if line.startswith("│")]


def test_what_matters_least_is_left_out_of_a_small_terminal_and_counted() -> None:
    cameras = [CameraState(f"cam{n}", n % 2 == 0, T0 + timedelta(seconds=n)) for n in range(10)]
    objects = [tracked(n, minutes=n) for n in range(1, 8)] + [tracked(8, "cam1", minutes=-9)]
    text = shown(told(Cameras(tuple(cameras)), Tracked(tuple(objects))), 20)
    assert len(text.splitlines()) == 20
    # Those that are online and came last, and who is on a camera now, then who changed last; each in its usual order.
    assert first_column(text) == ["cam2", "cam4", "cam6", "cam8", "4", "5", "6", "7", "8"]
    assert "Cameras, 6 more are not shown" in text
    assert "Objects, 3 more are not shown" in text


def test_room_that_one_table_does_not_need_is_the_others() -> None:
    cameras = Cameras(tuple(CameraState(f"cam{n}", True, T0) for n in range(30)))
    objects = Tracked(tuple(tracked(n) for n in range(1, 31)))
    assert len(first_column(shown(told(cameras), 24))) == 17
    assert len(first_column(shown(told(objects), 24))) == 17


@pytest.mark.parametrize("height", range(1, 60))
def test_it_never_takes_more_lines_than_there_are(height: int) -> None:
    cameras = Cameras(tuple(CameraState(f"cam{n} " * 40, True, T0) for n in range(20)))
    objects = Tracked(tuple(tracked(n, *(f"cam{n} " * 9 for n in range(9))) for n in range(1, 21)))
    for board in (told(), told(cameras), told(objects), told(cameras, objects)):
        for width in (12, 40, 100):
            assert len(shown(board, height, width).splitlines()) <= max(3, height)
    text = shown(told(cameras, objects), height)
    shown_of_all = len(first_column(text)) + sum(int(n) for n in re.findall(r", (\d+) more are not shown", text))
    assert shown_of_all == 40


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
