"""`python -m trio_orchestrator`: serve, unless another command is named."""

import argparse
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Final, NamedTuple, NoReturn

import structlog
import trio

from . import demo, logs, replay, server, watch
from .doors import Listening
from .garbage import short_pauses
from .protocol.fast_lane import IS_COMPILED
from .replay import record
from .settings import Settings, SettingsError, add_flags
from .signals import ending_signals, heeded_to_the_end
from .telling import tell

_BAD_USAGE: Final = 2

_log = structlog.get_logger(__name__)


class _Command(NamedTuple):
    summary: str
    add_flags: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line."""

    def error(self, message: str) -> NoReturn:
        self.exit(_BAD_USAGE, f"{self.prog}: {message}; see --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status, 2 where it or the settings do not fit."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words.pop(0) if words and words[0] in _COMMANDS else "serve"
    command = _COMMANDS[name]
    parser = _Parser(
        prog="trio_orchestrator" if name == "serve" else f"trio_orchestrator {name}",
        description=command.summary,
        epilog=_other_commands(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version("trio-orchestrator"))
    command.add_flags(parser)
    return command.run(parser.parse_args(words))


def _serve(flags: argparse.Namespace) -> int:
    status = 0
    try:
        settings = Settings.load(os.environ, flags)
        logs.configure(settings.log_level, settings.log_format)
        with short_pauses():
            trio.run(_serve_until_signalled, settings)
    except* SettingsError as group:
        tell(f"{logs.first_of(group)}\n", sys.stderr)
        status = _BAD_USAGE
    return status


def _demo(flags: argparse.Namespace) -> int:
    logs.configure("warning", "text")
    return demo.main(flags)


def _replay(flags: argparse.Namespace) -> int:
    logs.configure("info", "text")
    return replay.main(flags)


def _record(flags: argparse.Namespace) -> int:
    logs.configure("warning", "text")
    return record.main(flags)


def _watch(flags: argparse.Namespace) -> int:
    logs.configure("warning", "text")
    return watch.main(flags)


async def _serve_until_signalled(settings: Settings) -> None:
    stop = trio.Event()
    renew, renewals = trio.open_memory_channel[None](1)
    # Without TLS nothing is to be renewed, and SIGHUP ends the server like any other.
    renewing = {signal.SIGHUP} if settings.tls is not None else set()
    with heeded_to_the_end(*ending_signals() | renewing) as signals:
        async with trio.open_nursery() as heeding:
            heeding.start_soon(_heed, signals, stop, renew if settings.tls is not None else None)
            async with trio.open_nursery() as serving:
                listening = await serving.start(partial(server.serve, settings, stop=stop, renewals=renewals))
                _announce(settings, listening)
            heeding.cancel_scope.cancel()


def _announce(settings: Settings, listening: Listening) -> None:
    """The server is up: say so."""
    gc.collect()  # while nobody waits for it: it takes 40 ms, and sets aside what the server has built
    # Only now: where the settings do not fit there is one line on stderr, and it says so.
    for warning in settings.warnings():
        _log.warning(warning)
    if not IS_COMPILED:
        _log.info("frames are read in Python, what is compiled is not installed")
    for url in listening.urls:
        tell(f"listening on {url}\n", sys.stdout)
    for url in listening.admin_urls:
        tell(f"administration on {url}\n", sys.stdout)


async def _heed(signals: AsyncIterator[int], stop: trio.Event, renew: trio.MemorySendChannel[None] | None) -> None:
    """Let each SIGHUP renew, where there is something to renew; any other signal stops, and none has a meaning then."""
    async for number in signals:
        if number != signal.SIGHUP or renew is None:
            stop.set()
        elif not stop.is_set():
            with contextlib.suppress(trio.WouldBlock):  # the one before has not been heeded yet
                renew.send_nowait(None)


def _other_commands(name: str) -> str:
    others = [f"  {other:<8} {command.summary}" for other, command in _COMMANDS.items() if other != name]
    return "other commands, each with a --help of its own:\n" + "\n".join(others)


_COMMANDS: Final = {
    "serve": _Command("Run the orchestrator; this is what happens where no command is named.", add_flags, _serve),
    "demo": _Command("Run the orchestrator with eight simulated cameras, to look around in.", demo.add_flags, _demo),
    "watch": _Command("Show cameras, objects and their states at the terminal.", watch.add_flags, _watch),
    "record": _Command("Keep everything the cameras say in a file.", record.add_flags, _record),
    "replay": _Command("Play recorded cameras: a tape of `record`, or MOTChallenge files.", replay.add_flags, _replay),
}
