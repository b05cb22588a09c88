"""Complaints about peers, and about faults that peers may bring about: so few that no peer can fill the log."""

import time
import traceback
from collections.abc import Callable, Hashable
from pathlib import PurePath
from typing import Any, Final, Literal, Protocol, TypeAlias

import structlog

INTERVAL: Final = 10.0  # seconds between two lines about the same thing
MAX_KEYS: Final = 256

_OTHERS: Final = object()
_OTHERS_EVENT: Final = "complaints of more kinds than are told apart"

_Level: TypeAlias = Literal["warning", "error"]


class Log(Protocol):
    """As much of a structlog logger as is needed here."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Log `event` with `fields`."""

    def error(self, event: str, **fields: Any) -> Any:
        """Likewise, more gravely."""


class _Entry:
    """What was last logged about one thing, and how often it was suppressed since."""

    __slots__ = ("event", "level", "logged_at", "suppressed")

    def __init__(self, level: _Level, event: str, logged_at: float) -> None:
        self.level: _Level = level
        self.event = event
        self.logged_at = logged_at
        self.suppressed = 0


class Complaints:
    """Logs the first complaint of a kind, then at most one of that kind an interval, with the number left out.

    The kinds are told apart by a key, which may come from a peer: beyond `max_keys` of them within an interval,
    all new ones count as one kind. So at most `max_keys` + 1 lines are written an interval, whatever peers do.

    Args:
        log: where the lines go; this package's log where none is given.
        interval: seconds.
        max_keys: how many kinds are told apart at a time.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        log: Log | None = None,
        *,
        interval: float = INTERVAL,
        max_keys: int = MAX_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log: Log = log or structlog.get_logger(__name__)
        self._interval = interval
        self._max_keys = max_keys
        self._clock = clock
        # In the order of `logged_at`, so that those whose interval is over are in front.
        self._entries: dict[Hashable, _Entry] = {}

    def warn(self, key: Hashable, event: str, /, **fields: Any) -> bool:
        """Log `event` with `fields` as a warning, unless one of the same key was logged within the interval.

        Whether it was logged.
        """
        return self._complain("warning", key, event, fields)

    def error(self, key: Hashable, event: str, /, **fields: Any) -> bool:
        """Likewise, as an error."""
        return self._complain("error", key, event, fields)

    def fault(self, error: BaseException, event: str, /, **fields: Any) -> None:
        """Likewise, `error` being of a kind that should not be: its type and the place where it was raised are the key.

        The first of a kind is logged with its traceback, those that follow it with the type and the place alone.
        """
        cause = first_of(error)
        place = place_of(cause)
        fields |= {"fault": cause, "place": place}
        self._complain("error", (event, type(cause), place), event, fields, {"exc_info": error})

    def _complain(
        self, level: _Level, key: Hashable, event: str, fields: dict[str, Any], at_first: dict[str, Any] | None = None
    ) -> bool:
        now = self._clock()
        entry = self._entries.get(key)
        if entry is not None and now - entry.logged_at < self._interval:
            entry.suppressed += 1
            return False
        if entry is None:
            self._make_room(now)
            if len(self._entries) >= self._max_keys and key is not _OTHERS:
                return self._complain(level, _OTHERS, event, fields, at_first)
            fields |= at_first or {}
        else:
            del self._entries[key]
        self._entries[key] = _Entry(level, _OTHERS_EVENT if key is _OTHERS else event, now)
        if entry is not None and entry.suppressed:
            fields["suppressed"] = entry.suppressed
        self._say(level, event, **fields)
        return True

    def flush(self) -> None:
        """Log what is still suppressed, one line a kind, and forget all: at a stop nothing goes unsaid."""
        entries, self._entries = self._entries, {}
        for entry in entries.values():
            if entry.suppressed:
                self._say(entry.level, entry.event, suppressed=entry.suppressed)

    def _make_room(self, now: float) -> None:
        """Forget the kinds whose interval is over; those with something suppressed get their line first."""
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if now - entry.logged_at < self._interval:
                return
            del self._entries[key]
            if entry.suppressed:
                self._entries[key] = _Entry(entry.level, entry.event, now)
                self._say(entry.level, entry.event, suppressed=entry.suppressed)

    def _say(self, level: _Level, event: str, **fields: Any) -> None:
        (self._log.error if level == "error" else self._log.warning)(event, **fields)


def first_of(error: BaseException) -> BaseException:
    """The error itself, out of the groups that nurseries put around it; the first where there are several."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def place_of(error: BaseException) -> str:
    """Where `error` was raised, for people: `frames.py:120`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
