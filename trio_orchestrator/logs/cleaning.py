"""Any value → one that is safe and short enough for a line of the log.

Peers choose camera ids, subjects, paths and parts of error texts. In a log none of that may begin a line of its
own, move a terminal's cursor, hide or reorder text, or fill the disk; and no token or image may ever be in it.
"""

import dataclasses
import math
from collections.abc import Mapping, Set
from itertools import islice
from typing import Any, Final, TypeAlias

import msgspec

MAX_CHARACTERS: Final = 200
MAX_MEMBERS: Final = 20
MAX_DEPTH: Final = 3
MASK: Final = "***"

# Spelled without `_` and `-` and in lower case: `feature_map` is also `featureMap` and `feature-map`.
_SECRETS: Final = frozenset({"image", "featuremap", "authorization"})
_SECRET_ENDINGS: Final = ("token", "jwt", "password", "secret")

Clean: TypeAlias = "str | int | float | bool | list[Clean] | dict[str, Clean] | None"


def clean_fields(fields: Mapping[str, Any]) -> dict[str, Clean]:
    """The members of one event, keys and values cleaned, secrets masked."""
    return _members(fields, 0)


def clean_text(text: str, most: int = MAX_CHARACTERS) -> str:
    r"""`text` on one line, everything invisible but the space escaped as Python does (`\n`, `\x1b`, `\u202e`).

    Of a text longer than `most` characters, escapes counted, the beginning is kept and the rest counted: `…(+1234)`.
    """
    if len(text) <= most and text.isprintable():
        return str(text)
    pieces, room = [], most
    for character in islice(text, most):
        # Unprintable are the control characters, line and paragraph separators, bidi overrides, lone surrogates …
        piece = character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        room -= len(piece)
        if room < 0:
            break
        pieces.append(piece)
    left = len(text) - len(pieces)
    return "".join(pieces) + (f"…(+{left})" if left else "")


def _members(fields: Mapping[Any, Any], depth: int) -> dict[str, Clean]:
    cleaned: dict[str, Clean] = {}
    for key, value in islice(fields.items(), MAX_MEMBERS):
        name = clean_text(key if isinstance(key, str) else _text_of(key))
        cleaned[name] = MASK if _is_secret(name) and value is not None else _clean(value, depth)
    if len(fields) > MAX_MEMBERS:
        cleaned["…"] = f"(+{len(fields) - MAX_MEMBERS})"
    return cleaned


def _is_secret(name: str) -> bool:
    plain = name.replace("_", "").replace("-", "").lower()
    return plain in _SECRETS or plain.endswith(_SECRET_ENDINGS)


def _clean(value: Any, depth: int) -> Clean:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(str(value))
    if isinstance(value, int):
        # Larger ones are nobody's count, are slow to write, and JSON readers misread them.
        return int(value) if abs(value) < 2**63 else "(huge number)"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, bytes | bytearray | memoryview | msgspec.Raw):
        # It may be a whole message with a token or an image in it.
        return f"({memoryview(value).nbytes} bytes)"
    if depth >= MAX_DEPTH:
        return f"({type(value).__name__})"
    return _clean_composed(value, depth)


def _clean_composed(value: Any, depth: int) -> Clean:
    if isinstance(value, Mapping):
        return _members(value, depth + 1)
    if isinstance(value, list | tuple | Set):
        cleaned = [_clean(item, depth + 1) for item in islice(value, MAX_MEMBERS)]
        return cleaned + ([f"…(+{len(value) - MAX_MEMBERS})"] if len(value) > MAX_MEMBERS else [])
    if isinstance(value, msgspec.Struct):
        return _members(msgspec.structs.asdict(value), depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = [field.name for field in dataclasses.fields(value) if field.repr]
        return _members({name: getattr(value, name) for name in shown}, depth + 1)
    if isinstance(value, BaseException):
        return clean_text(f"{type(value).__name__}: {_text_of(value)}")
    return clean_text(_text_of(value))


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # whatever its `__str__` does, the event itself must still be logged
        return f"({type(value).__name__})"
