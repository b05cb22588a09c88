"""`python -m trio_orchestrator watch`: its flags, and what it does."""

import argparse
import os
import sys
from functools import partial
from typing import Final

import trio
from rich.console import Console
from rich.live import Live

from trio_orchestrator.client import Client, ConnectionRefusedByServer, Feature, open_client
from trio_orchestrator.client.address import parse_url
from trio_orchestrator.client.groups import leaves
from trio_orchestrator.client.listener import open_listener
from trio_orchestrator.signals import until_signalled

from .board import Board
from .lines import line_of, summary
from .tables import render, utc_now

DEFAULT_URL: Final = "ws://localhost:8080"
_FEATURES: Final[tuple[Feature, ...]] = ("cameras", "tracking", "lagged")
_REFRESH_SECONDS: Final = 0.25
_CONNECTED_SECONDS: Final = 0.01
_SUMMARY_SECONDS: Final = 10.0


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `watch` on `parser`."""
    parser.add_argument("--url", default=DEFAULT_URL, help="the orchestrator (default: %(default)s)")
    parser.add_argument("--token", help="JSON Web Token to authenticate with")
    parser.add_argument("--json", action="store_true", help="write every message as it comes, one a line")


def main(namespace: argparse.Namespace) -> int:
    """Carry out what was parsed with `add_flags`, on the main thread, until a signal comes.

    Returns:
        The exit status: 0 where nobody reads on, 1 where the server refuses, 2 where the URL is none (one line on
        stderr says so), 130 after Ctrl-C, 143 after SIGTERM.
    """
    try:
        parse_url(namespace.url, "/client")
    except ValueError as error:
        sys.stderr.write(f"watch: {error}\n")
        return 2
    show = _write_messages if namespace.json else _draw if sys.stdout.isatty() else _write_lines
    status = 0
    try:
        status = trio.run(until_signalled, partial(show, namespace.url, namespace.token))
    except* ConnectionRefusedByServer as refusals:
        sys.stderr.write(f"watch: {leaves(refusals)[0]}\n")
        status = 1
    except* BrokenPipeError:
        # Python flushes stdout once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


async def _write_messages(url: str, token: str | None) -> None:
    async with open_listener(url, token, features=_FEATURES) as listener:
        async for message in listener:
            await _write(message + b"\n")


async def _write(line: bytes) -> None:
    """Write to stdout. Whoever reads may be slow: pings are answered all the same, and a signal ends it."""
    await trio.to_thread.run_sync(_write_all, line, abandon_on_cancel=True)


def _write_all(line: bytes) -> None:
    # Past Python's buffer: a thread that is left behind would hold its lock, and Python aborts where it ends meanwhile.
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]


async def _write_lines(url: str, token: str | None) -> None:
    board = Board()
    saying = trio.Lock()

    async def say(line: str) -> None:
        text = f"{utc_now():%Y-%m-%dT%H:%M:%SZ} {line}\n"
        async with saying:
            await _write(text.encode(sys.stdout.encoding, sys.stdout.errors or "strict"))

    async with open_client(url, token, features=_FEATURES) as client, trio.open_nursery() as nursery:

        async def summarize() -> None:
            while True:
                await trio.sleep(_SUMMARY_SECONDS)
                await say(summary(board, trio.current_time()))

        nursery.start_soon(summarize)
        async for event in client:
            board.apply(event, trio.current_time())
            line = line_of(event)
            if line is not None:
                await say(line)


async def _draw(url: str, token: str | None) -> None:
    board = Board()
    async with open_client(url, token, features=_FEATURES) as client, trio.open_nursery() as nursery:

        async def take_note() -> None:
            async for event in client:
                board.apply(event, trio.current_time())

        nursery.start_soon(take_note)
        with Live(console=Console(), auto_refresh=False, screen=True) as live:
            while True:
                board.connected = await _is_connected(client)
                live.update(render(board, trio.current_time(), utc_now(), live.console.height), refresh=True)
                await trio.sleep(_REFRESH_SECONDS)


async def _is_connected(client: Client) -> bool:
    with trio.move_on_after(_CONNECTED_SECONDS):
        await client.wait_connected()
        return True
    return False
