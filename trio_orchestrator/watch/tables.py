"""What is shown on a terminal: a table of cameras and one of objects. Texts of peers are never read as markup."""

from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trio_orchestrator.client import CameraState, Search
from trio_orchestrator.client.plain import plain

from .board import Board

_STYLES = {"seen": "green", "lost": "yellow", "failed": "red"}
_FRAME: Final = 5
"""Lines that a table takes besides its rows: title, head, and three that are drawn."""


def render(board: Board, at: float, now: datetime, height: int) -> RenderableType:
    """The whole of it.

    Args:
        board: what is known.
        at: on the clock that `board` was told the times of events by.
        now: the time of day, UTC.
        height: how many lines there are. Where that is too few, those are left out that matter least now: cameras that
            went away first, and objects that are on no camera and have not changed for longest.
    """
    cameras, searches = list(board.overview.cameras.values()), list(board.overview.searches.values())
    of_cameras, of_objects = _share(height - 1, len(cameras), len(searches))
    cameras.sort(key=lambda camera: (camera.online, camera.since), reverse=True)
    searches.sort(key=lambda search: (bool(search.seen_on), search.changed_at, search.object_id), reverse=True)
    return Group(
        _cameras(board, cameras[:of_cameras], len(cameras) - of_cameras, at, now),
        _objects(searches[:of_objects], len(searches) - of_objects, now),
        _line(_foot(board), style="dim"),
    )


def _share(room: int, cameras: int, objects: int) -> tuple[int, int]:
    """How many rows of each fit into `room` lines: each gets a half, and what the other does not need."""
    for_objects = min(_lines(objects), max(room - _lines(cameras), (room + 1) // 2))
    for_cameras = room - for_objects
    if for_cameras <= _FRAME:  # not enough for a row: objects tell more
        for_cameras, for_objects = 1, room - 1
    return max(0, min(cameras, for_cameras - _FRAME)), max(0, min(objects, for_objects - _FRAME))


def _lines(rows: int) -> int:
    """How many lines a table of that many rows has; without any, it is its title alone."""
    return rows + _FRAME if rows else 1


def _cameras(board: Board, shown: list[CameraState], left_out: int, at: float, now: datetime) -> RenderableType:
    table = _table(_title("Cameras", left_out), "camera", "state", "since", "frames/s", "boxes")
    for camera in sorted(shown, key=lambda camera: camera.camera_id):
        online = camera.online
        table.add_row(
            Text(plain(camera.camera_id)),
            Text("online" if online else "offline", style="green" if online else "red"),
            Text(_ago(now - camera.since)),
            Text(f"{board.rate(camera.camera_id, at):.1f}" if online else ""),
            Text(str(board.boxes(camera.camera_id)) if online else ""),
        )
    return table if shown else _title("Cameras" if left_out else "Cameras: none", left_out)


def _objects(shown: list[Search], left_out: int, now: datetime) -> RenderableType:
    table = _table(_title("Objects", left_out), "object", "state", "where", "for", "tracked")
    for search in sorted(shown):
        where = ", ".join(sorted(search.seen_on)) or search.camera_id
        table.add_row(
            Text(str(search.object_id)),
            Text(plain(search.state), style=_STYLES.get(search.state, "")),
            Text(plain(where)),
            Text(_ago(now - search.changed_at)),
            Text(_ago(now - search.started_at)),
        )
    return table if shown else _title("Objects" if left_out else "Objects: none", left_out)


def _table(title: Text, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", expand=True)
    for column in columns:
        table.add_column(column, no_wrap=True)  # a row is a line, so that it is known how many fit
    return table


def _title(name: str, left_out: int) -> Text:
    return _line(f"{name}, {left_out} more are not shown" if left_out else name, style="italic")


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _foot(board: Board) -> str:
    parts = [plain(board.server) or "not connected yet"]
    if board.server and not board.connected:
        parts.insert(0, "not connected, this is how it was")
    if board.connections > 1:
        parts.append(f"connection {board.connections}")
    if board.left_out:
        parts.append(f"{board.left_out} frames left out")
    return " · ".join(parts)


def _ago(length: timedelta) -> str:
    """A length of time in its two largest units; nothing where clocks differ."""
    seconds = max(0, int(length.total_seconds()))
    for size, unit, smaller, smaller_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // smaller} {smaller_unit}"
    return f"{seconds} s"


def utc_now() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)
