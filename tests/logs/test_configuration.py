"""What is logged, where it goes, and what a line looks like."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from trio_orchestrator.logs import configure


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, "trio_orchestrator")]
    before = [(logger.handlers, logger.level) for logger in loggers]
    raised = logging.raiseExceptions
    yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers = handlers
        logger.setLevel(level)
    logging.raiseExceptions = raised
    structlog.reset_defaults()


def lines_of(level: str, format: str, *events: Any) -> list[str]:
    """The lines that are logged while `events` are called, each with a logger."""
    stream = io.StringIO()
    configure(level, format, stream=stream)
    for event in events:
        event(structlog.get_logger("trio_orchestrator.net"))
    assert stream.getvalue().endswith("\n") or not events
    return stream.getvalue().split("\n")[:-1]


def test_a_line_for_humans() -> None:
    (line,) = lines_of("info", "text", lambda log: log.warning("message refused", camera="cam 1", code=3, who=None))
    time, rest = line.split(" ", 1)
    assert time.endswith("Z")
    assert len(time) == len("2026-11-22T08:15:30.123Z")
    assert rest == 'warning  message refused camera="cam 1" code=3 who=null logger=trio_orchestrator.net'


def test_a_line_for_machines() -> None:
    (line,) = lines_of("info", "json", lambda log: log.info("listening", port=8080, tls=False))
    members = json.loads(line)
    assert list(members)[:3] == ["time", "level", "event"]
    del members["time"]
    assert members == {
        "level": "info", "event": "listening", "port": 8080, "tls": False, "logger": "trio_orchestrator.net",
    }  # fmt: skip


def test_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "text")
    structlog.get_logger("trio_orchestrator").info("listening")
    out, err = capsys.readouterr()
    assert out == ""
    assert "listening" in err


def test_only_what_is_grave_enough_is_logged() -> None:
    def say(log: Any) -> None:
        log.info("info of ours")
        log.error("error of ours")
        logging.getLogger("theirs").info("info of theirs")
        logging.getLogger("theirs").error("error of theirs")

    lines = lines_of("error", "text", say)
    assert [line.split("error", 1)[1].strip() for line in lines] == [
        "error of ours logger=trio_orchestrator.net",
        "error of theirs logger=theirs",
    ]


def test_of_libraries_only_warnings_are_logged() -> None:
    def say(log: Any) -> None:
        log.debug("ours")
        logging.getLogger("sqlalchemy.engine").info("INSERT INTO objects (image) …")
        logging.getLogger("trio-websocket").debug("received …")
        logging.getLogger("hpack.hpack").debug("Decoded (b'authorization', …)")
        logging.getLogger("anything").warning("theirs")

    ours, theirs = lines_of("debug", "text", say)
    assert "ours" in ours
    assert "theirs" in theirs


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_traceback_is_marked_line_by_line(format: str) -> None:
    forged = "bad\n2026-11-22T00:00:00.000Z error    forged\x1b[2J\r"

    def crash(log: Any) -> None:
        try:
            raise ValueError(forged)
        except ValueError:
            log.exception("connection crashed")

    lines = lines_of("info", format, crash)
    if format == "json":
        (line,) = lines
        lines = [line, *json.loads(line)["traceback"]]
    assert "connection crashed" in lines[0]
    assert lines[1].endswith("Traceback (most recent call last):")
    assert any("2026-11-22T00:00:00.000Z error    forged\\x1b[2J" in line for line in lines[1:])
    if format == "text":
        assert all(line.startswith("  | ") for line in lines[1:])


def test_tracebacks_of_the_standard_library_come_the_same_way() -> None:
    def crash(_: Any) -> None:
        logging.getLogger("hypercorn.error").error("Error in %s", "app", exc_info=ValueError("no"))

    lines = lines_of("info", "text", crash)
    assert lines[0].endswith("error    Error in app logger=hypercorn.error")
    assert lines[1:] == ["  | ValueError: no"]


def test_a_long_traceback_keeps_its_ends() -> None:
    def crash(log: Any) -> None:
        error: Exception = ValueError("first")
        for number in range(100):
            error, cause = ValueError(number), error
            error.__cause__ = cause
        log.error("crashed", exc_info=error)

    lines = lines_of("info", "text", crash)
    assert len(lines) == 1 + 101
    assert lines[1] == "  | ValueError: first"
    assert lines[-1] == "  | ValueError: 99"
    assert any("lines left out" in line for line in lines)


def test_context_of_a_task_is_logged() -> None:
    def say(log: Any) -> None:
        with structlog.contextvars.bound_contextvars(peer="127.0.0.1"):
            log.info("connected")

    assert "peer=127.0.0.1" in lines_of("info", "text", say)[0]


@pytest.mark.parametrize(("level", "format"), [("loud", "text"), ("info", "xml"), ("", "")])
def test_an_unknown_level_or_format_is_refused(level: str, format: str) -> None:
    with pytest.raises(ValueError, match="no such log level or format"):
        configure(level, format)
