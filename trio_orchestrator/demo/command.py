"""`python -m trio_orchestrator demo`: its flags, and a server with cameras in one process."""

import argparse
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from trio_orchestrator.logs import first_of
from trio_orchestrator.server import serve
from trio_orchestrator.settings import Settings, SettingsError
from trio_orchestrator.signals import ending_signals, heeded_to_the_end
from trio_orchestrator.telling import tell

from .cameras import Quarter, run_cameras, start_some

_BAD_USAGE: Final = 2
_MOST_PEOPLE: Final = 500

_Number = TypeVar("_Number", int, float)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `demo` on `parser`."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_number(int, 0, 65535), default=0, help="port to listen on (default: 0, a free one)"
    )
    parser.add_argument("--seed", type=int, default=1, help="another one is another day (default: %(default)s)")
    parser.add_argument(
        "--errors",
        type=_number(float, 0, 1),
        default=0.2,
        metavar="0..1",
        help="how much the trackers get wrong, from nothing to more than is usable (default: %(default)s)",
    )
    parser.add_argument(
        "--people", type=_number(int, 1, _MOST_PEOPLE), default=28, help="how many walk there (default: %(default)s)"
    )
    parser.add_argument(
        "--track",
        type=_number(int, 0, 8),
        default=2,
        metavar="NUMBER",
        help="how many of them are tracked from the start (default: %(default)s)",
    )


def main(namespace: argparse.Namespace) -> int:
    """Carry out what was parsed with `add_flags`, on the main thread, until a signal comes.

    Returns:
        The exit status: 0 after Ctrl-C, SIGTERM or SIGHUP, 2 where the port cannot be had (a line on stderr says why).
    """
    status = 0
    # Behind the server's end, so that its database is closed by then.
    with tempfile.TemporaryDirectory(prefix="trio-orchestrator-demo-") as folder:
        try:
            trio.run(_run, namespace, Path(folder))
        except* SettingsError as group:
            tell(f"demo: {first_of(group)}\n", sys.stderr)
            status = _BAD_USAGE
    return status


async def _run(namespace: argparse.Namespace, folder: Path) -> None:
    settings = Settings.load(
        {
            "HOST": namespace.host,
            "HTTP_PORT": str(namespace.port),
            "ALLOW_ANONYMOUS_ERASE": "true",
            "DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
        }
    )
    over, stop = trio.Event(), trio.Event()
    with heeded_to_the_end(*ending_signals()) as signals:
        async with trio.open_nursery() as heeding:
            heeding.start_soon(_heed, signals, over)
            async with trio.open_nursery() as serving:
                listening = await serving.start(partial(serve, settings, stop=stop))
                url = listening.urls[0]
                tell(f"the console is at {url}/ (Ctrl-C ends the demo)\n", sys.stdout)
                async with trio.open_nursery() as actors:
                    socket = "ws" + url.removeprefix("http")
                    quarter = Quarter(namespace.people, namespace.seed, namespace.errors)
                    actors.start_soon(run_cameras, socket, quarter)
                    actors.start_soon(start_some, socket, namespace.track, namespace.seed)
                    await over.wait()
                    actors.cancel_scope.cancel()
                stop.set()
            heeding.cancel_scope.cancel()


async def _heed(signals: AsyncIterator[int], over: trio.Event) -> None:
    """One signal is enough; another one while the demo ends changes nothing."""
    async for _ in signals:
        over.set()


def _number(kind: type[_Number], least: _Number, most: _Number) -> Callable[[str], _Number]:
    """Reads a number that is within bounds, for argparse."""

    def read(text: str) -> _Number:
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"must be a number from {least} to {most}, got {text!r}")
        return number

    return read
