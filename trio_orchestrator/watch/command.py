"""`python -m trio_orchestrator watch`: its flags, and what it does."""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio

from trio_orchestrator.client import Client, ConnectionRefusedByServer, Feature, open_client
from trio_orchestrator.client.groups import leaves
from trio_orchestrator.client.inbox import again_where_full
from trio_orchestrator.client.listener import open_listener
from trio_orchestrator.peer_flags import add_peer_flags, check_peer_flags
from trio_orchestrator.signals import until_signalled
from trio_orchestrator.telling import tell

from .board import Board
from .lines import FELL_BEHIND, line_of, summary
from .messages import line_of_message
from .output import Output
from .screen import open_screen
from .tables import render, utc_now

_FEATURES: Final[tuple[Feature, ...]] = ("cameras", "tracking", "lagged")
_REFRESH_SECONDS: Final = 0.25
_SUMMARY_SECONDS: Final = 10.0
_LAST_LINE_SECONDS: Final = 1.0
_CANNOT_MOVE_A_CURSOR: Final = ("", "dumb", "unknown")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `watch` on `parser`."""
    add_peer_flags(parser)
    parser.add_argument("--json", action="store_true", help="write every message as it comes, one a line")


def main(namespace: argparse.Namespace) -> int:
    """Carry out what was parsed with `add_flags`, on the main thread, until a signal comes.

    Returns:
        The exit status: 0 where nobody reads on, 1 where the server refuses or stdout cannot be written, 2 where the
        command line is wrong (one line on stderr says so), 129 after SIGHUP, 130 after Ctrl-C, 143 after SIGTERM.
    """
    try:
        check_peer_flags(namespace, "/client")
    except ValueError as error:
        _complain(str(error))
        return 2
    output = Output(sys.stdout)
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "") not in _CANNOT_MOVE_A_CURSOR
    show = _write_messages if namespace.json else _draw if is_terminal else _write_lines
    status = 0
    try:
        status = trio.run(
            until_signalled, partial(_finish, output, partial(show, namespace.url, namespace.token, output))
        )
    except* ConnectionRefusedByServer as refusals:
        _complain(str(leaves(refusals)[0]))
        status = 1
    except* BrokenPipeError:
        pass  # as `| head` ends it
    except* OSError as faults:
        _complain(f"cannot write to stdout: {leaves(faults)[0]}")
        status = 1
    return status


def _complain(why: str) -> None:
    tell(f"watch: {why}\n", sys.stderr)


async def _finish(output: Output, show: Callable[[], Awaitable[None]]) -> None:
    """Await `show`, and give a line that is under way then, which may tell what ended it, time to be read."""
    try:
        await show()
    finally:
        with trio.move_on_after(_LAST_LINE_SECONDS, shield=True):
            await output.wait_written()


async def _write_messages(url: str, token: str | None, output: Output) -> None:
    async def write() -> None:
        async with open_listener(url, token, features=_FEATURES) as listener:
            async for message in listener:
                await output.write(line_of_message(message, is_ascii=output.encoding != "utf-8"))

    async def say_so() -> None:
        await output.wait_written()
        _complain(f"{FELL_BEHIND}; it begins anew")

    await again_where_full(write, say_so)


async def _write_lines(url: str, token: str | None, output: Output) -> None:
    board = Board()

    async def say(line: str) -> None:
        await output.write(output.encode(f"{utc_now():%Y-%m-%dT%H:%M:%SZ} {line}\n"))

    async def summarize() -> None:
        while True:
            await trio.sleep(_SUMMARY_SECONDS)
            await say(summary(board, trio.current_time()))

    async def write() -> None:
        async with open_client(url, token, features=_FEATURES) as client, trio.open_nursery() as nursery:
            nursery.start_soon(summarize)
            async for event in client:
                board.apply(event, trio.current_time())
                line = line_of(event)
                if line is not None:
                    await say(line)

    await again_where_full(write, partial(say, FELL_BEHIND))


async def _draw(url: str, token: str | None, output: Output) -> None:
    board = Board()

    async def take_note(client: Client) -> None:
        async for event in client:
            board.apply(event, trio.current_time())

    async with open_screen(output) as screen:

        async def show() -> None:
            async with open_client(url, token, features=_FEATURES) as client, trio.open_nursery() as nursery:
                nursery.start_soon(take_note, client)
                while True:
                    board.connected = client.connected
                    await screen.draw(lambda height: render(board, trio.current_time(), utc_now(), height))
                    await trio.sleep(_REFRESH_SECONDS)

        await again_where_full(show, output.wait_written)
