"""What the writer says in the log: once when trouble begins, once when it is over, and else at most once in a while."""

from typing import Final

import structlog
import trio

_log = structlog.get_logger(__name__)

_SECONDS_BETWEEN: Final = 10.0


class _Tally:
    """Counts what happens often, and tells when it is to be said again."""

    def __init__(self) -> None:
        self._unsaid = 0
        self._said_at = float("-inf")

    def add(self, count: int) -> int:
        """Count `count` more; how many there are to be told of now, or 0 for not yet."""
        self._unsaid += count
        if not self._unsaid or trio.current_time() < self._said_at + _SECONDS_BETWEEN:
            return 0
        told, self._unsaid = self._unsaid, 0
        self._said_at = trio.current_time()
        return told


class Reports:
    """The log of one writer; to be used on Trio's thread."""

    def __init__(self) -> None:
        self._trouble_since: float | None = None
        self._unaudited = _Tally()
        self._merged = _Tally()
        self._refused = _Tally()
        self._homeless = _Tally()
        self._left_out = _Tally()

    @property
    def in_trouble(self) -> bool:
        """Whether the database took nothing when it was tried last."""
        return self._trouble_since is not None

    def trouble(self, reason: Exception) -> None:
        """The database did not work."""
        if self._trouble_since is None:
            self._trouble_since = trio.current_time()
            _log.warning("the database takes no changes, notes wait and commands fail", reason=str(reason))

    def fine(self) -> None:
        """The database made a change durable."""
        if self._trouble_since is not None:
            seconds = round(trio.current_time() - self._trouble_since, 1)
            self._trouble_since = None
            _log.info("the database takes changes again", after_seconds=seconds)

    def refused(self, reason: Exception) -> None:
        """The database works, and does not take one command."""
        if count := self._refused.add(1):
            _log.warning("the database refused a command", reason=str(reason), count=count)

    def unaudited(self, look_ups: int) -> None:
        """So many more look-ups are missing from the audit."""
        if count := self._unaudited.add(look_ups):
            _log.error("look-ups could not be written, the audit lacks them", count=count)

    def merged(self, rows: int) -> None:
        """So many more waiting rows were merged into others."""
        if count := self._merged.add(rows):
            _log.warning("too many sightings wait for the database, seconds were merged", rows=count)

    def homeless(self, notes: int) -> None:
        """So many more notes were about objects that the database does not have."""
        if count := self._homeless.add(notes):
            _log.warning("notes about objects that are not in the database were left out", count=count)

    def left_out(self, notes: int) -> None:
        """So many more notes were refused for good by a database that works."""
        if count := self._left_out.add(notes):
            _log.error("the database refused notes, they are left out", count=count)

    def taken_back(self, commands: int) -> None:
        """So many commands had been given up, were found on disk all the same, and were undone."""
        if commands:
            _log.warning("changes were undone whose commit had not been answered", count=commands)

    def lost(self, rows: int, feature_maps: int, stops: int) -> None:
        """The writer ends and could not write these."""
        _log.error(
            "the database took no changes until the end, notes are lost",
            rows=rows,
            feature_maps=feature_maps,
            stops=stops,
        )

    def ownerless(self, error: Exception) -> None:
        """A command's effects failed, and whoever sent it is not there to be told."""
        _log.error("the effects of a command failed", exc_info=error)
