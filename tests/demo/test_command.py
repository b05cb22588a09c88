"""The demo as it is started: a server with cameras that sees whom it tracks."""

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trio

from trio_orchestrator.client import Overview, open_client
from trio_orchestrator.demo import add_flags, main


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "words", [("--errors", "1.5"), ("--errors", "nan"), ("--port", "70000"), ("--people", "0"), ("--track", "x")]
)
def test_what_does_not_fit_is_told(words: tuple[str, str]) -> None:
    with pytest.raises(argparse.ArgumentError, match="must be a number from"):
        parse(*words)


def test_a_port_that_is_taken_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(parse("--port", str(taken.getsockname()[1]))) == 2
    assert capsys.readouterr().err.count("\n") == 1


@contextmanager
def running(**variables: str) -> Iterator["subprocess.Popen[str]"]:
    """The demo, running."""
    command = [sys.executable, "-m", "trio_orchestrator", "demo", "--seed", "3", "--track", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}) as process:
        yield process
        process.kill()


async def url_of(demo: "subprocess.Popen[str]") -> str:
    assert demo.stdout is not None
    line = await trio.to_thread.run_sync(demo.stdout.readline)
    return line.removeprefix("the console is at ").partition("/ ")[0]


def test_a_terminal_that_closes_ends_it_and_nothing_is_left(tmp_path: Path) -> None:
    with running(TMPDIR=str(tmp_path)) as demo:
        trio.run(url_of, demo)
        demo.send_signal(signal.SIGHUP)
        assert demo.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def demo() -> Iterator["subprocess.Popen[str]"]:
    with running() as process:
        yield process


async def test_all_cameras_come_and_whom_it_tracks_is_seen(demo: "subprocess.Popen[str]") -> None:
    url = await url_of(demo)
    overview = Overview()
    async with open_client("ws" + url.removeprefix("http"), features=["cameras", "tracking"]) as client:
        with trio.fail_after(30):
            async for event in client:
                overview.apply(event)
                seen = [search for search in overview.searches.values() if search.seen_on]
                if len(overview.cameras) == 8 and len(seen) == 2:
                    break
    async with httpx.AsyncClient() as http:
        assert (await http.get(url)).status_code == 200
        assert (await http.delete(f"{url}/objects/1")).status_code == 204, "all can be tried"
    for _ in range(3):  # who is impatient changes nothing
        demo.send_signal(signal.SIGINT)
    assert await trio.to_thread.run_sync(demo.wait, 10) == 0
