"""A clean event → its line: for humans, or as a JSON object."""

import json
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final, TypeAlias

from .cleaning import Clean, clean_fields, clean_text

MAX_EVENT_CHARACTERS: Final = 1000
MAX_TRACEBACK_LINES: Final = 100

Event: TypeAlias = MutableMapping[str, Any]

_LEVEL_WIDTH: Final = 8
_DELIMITERS: Final = frozenset(' ="[]{},')


def as_text(_logger: object, _method: str, event: Event) -> str:
    """`TIME LEVEL event key=value …`, then the lines of the traceback, each marked with a bar."""
    time, level, message, fields, trace = _parts(event)
    # A library's message may quote a peer; a `=` in it must not pass for a field of ours.
    words = [time, level.ljust(_LEVEL_WIDTH), _quoted(message) if "=" in message else message]
    words += [f"{_shown(key)}={_shown(value)}" for key, value in fields.items()]
    return "\n".join([" ".join(words), *(f"  | {line}" for line in trace)])


def as_json(_logger: object, _method: str, event: Event) -> str:
    """One object on one line: `time`, `level`, `event`, the fields, `traceback` as an array of lines."""
    time, level, message, fields, trace = _parts(event)
    members: dict[str, Any] = {"time": time, "level": level, "event": message, **fields}
    if trace:
        members["traceback"] = trace
    return json.dumps(members, allow_nan=False)


def _parts(event: Event) -> tuple[str, str, str, dict[str, Clean], list[str]]:
    """Time, level, event text, the other fields (the logger's name last), the lines of the traceback."""
    rest = dict(event)
    time, level, logger = rest.pop("time"), rest.pop("level"), rest.pop("logger")
    message = clean_text(str(rest.pop("event", "")), MAX_EVENT_CHARACTERS)
    trace = _trace(rest.pop("exc_info", None))
    return time, level, message, {**clean_fields(rest), "logger": clean_text(logger)}, trace


def _trace(info: Any) -> list[str]:
    """The lines of a traceback, from any of the forms that `exc_info` takes in the standard library's logging."""
    error = info[1] if isinstance(info, tuple) else info if isinstance(info, BaseException) else None
    if info is True:
        error = sys.exc_info()[1]
    if error is None:
        return []
    lines = [line for text in traceback.format_exception(error) for line in text.splitlines()]
    if len(lines) > MAX_TRACEBACK_LINES:
        # The end says what happened and the beginning where, so it is the middle that is left out.
        half = MAX_TRACEBACK_LINES // 2
        lines[half:-half] = [f"… {len(lines) - 2 * half} lines left out …"]
    return [clean_text(line) for line in lines]


def _shown(value: Clean) -> str:
    """A value as it stands behind `key=`, in quotes where it could be taken for more than one value."""
    if isinstance(value, str):
        return value if value and _DELIMITERS.isdisjoint(value) else _quoted(value)
    if isinstance(value, list):
        return "[" + ",".join(_shown(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_shown(key)}={_shown(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def _quoted(text: str) -> str:
    # Not `\\"`: behind a back slash of the text's own that would end the quotation.
    return '"' + text.replace('"', r"\x22") + '"'
