"""Sets up structlog and the standard library's logging, so that all lines are made in one place."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from .rendering import as_json, as_text

_RENDERERS: Final[dict[str, Processor]] = {"text": as_text, "json": as_json}

_OURS: Final = __name__.partition(".")[0]


def configure(level: str, format: str, *, stream: TextIO | None = None) -> None:
    """Log from now on what is at least as grave as `level`, to stderr; to be called once, before anything is logged.

    Of libraries only warnings and worse: below that they tell what peers send, and `hpack` each token.

    Args:
        level: `debug`, `info`, `warning`, `error` or `critical`.
        format: `text` for humans, `json` for one object a line; times are UTC in both.
        stream: where the lines go instead of stderr.

    Raises:
        ValueError: `level` or `format` is unknown.
    """
    least = logging.getLevelNamesMapping().get(level.upper())
    if least is None or format not in _RENDERERS:
        raise ValueError(f"no such log level or format: {level!r}, {format!r}")
    before: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, _add_origin]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _RENDERERS[format]],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(least, logging.WARNING))
    logging.getLogger(_OURS).setLevel(least)
    # A line that cannot be written (a full disk, a closed pipe) is lost; complaining about it would fail as well.
    logging.raiseExceptions = False


def _add_origin(logger: Any, _method: str, event: EventDict) -> EventDict:
    event["time"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = event.get("_record")
    event["logger"] = record.name if record is not None else logger.name
    return event
