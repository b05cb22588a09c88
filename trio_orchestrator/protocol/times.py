"""Instants as peers are told them: RFC 3339, UTC, milliseconds. Inside they are seconds since 1970, UTC."""

from datetime import UTC, datetime


def rfc3339(at: float) -> str:
    """`at` (seconds since 1970, UTC) as `2026-11-22T08:15:30.123Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
