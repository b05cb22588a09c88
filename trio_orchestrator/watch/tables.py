"""What is shown on a terminal: a table of cameras and one of objects. Texts of peers are never read as markup."""

from datetime import UTC, datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trio_orchestrator.client.plain import plain

from .board import Board

_STYLES = {"seen": "green", "lost": "yellow", "failed": "red"}


def render(board: Board, at: float, now: datetime) -> RenderableType:
    """The whole of it.

    Args:
        board: what is known.
        at: on the clock that `board` was told the times of events by.
        now: the time of day, UTC.
    """
    return Group(_cameras(board, at, now), _objects(board, now), Text(_foot(board), style="dim"))


def _cameras(board: Board, at: float, now: datetime) -> Table:
    table = Table("camera", "state", "since", "frames/s", "boxes", title="Cameras", title_justify="left", expand=True)
    for camera in sorted(board.overview.cameras.values(), key=lambda camera: camera.camera_id):
        online = camera.online
        table.add_row(
            Text(plain(camera.camera_id)),
            Text("online" if online else "offline", style="green" if online else "red"),
            Text(_ago(now - camera.since)),
            Text(f"{board.rate(camera.camera_id, at):.1f}" if online else ""),
            Text(str(board.boxes(camera.camera_id)) if online else ""),
        )
    return table


def _objects(board: Board, now: datetime) -> Table:
    table = Table("object", "state", "where", "for", "tracked", title="Objects", title_justify="left", expand=True)
    for search in sorted(board.overview.searches.values()):
        where = ", ".join(sorted(search.seen_on)) or search.camera_id
        table.add_row(
            Text(str(search.object_id)),
            Text(plain(search.state), style=_STYLES.get(search.state, "")),
            Text(plain(where)),
            Text(_ago(now - search.changed_at)),
            Text(_ago(now - search.started_at)),
        )
    return table


def _foot(board: Board) -> str:
    parts = [plain(board.server) or "not connected yet"]
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
