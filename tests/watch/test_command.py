"""The command, against a server: lines where there is no terminal, messages as they come, and a table on one."""

import argparse
import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.peers import processor
from tests.e2e.running import ServerThread, environment_for
from trio_orchestrator.watch import add_flags, main


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerThread]:
    with ServerThread(environment_for(tmp_path)) as thread:
        yield thread


@contextmanager
def watching(
    server: ServerThread, *words: str, stdout: int = subprocess.PIPE, **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "trio_orchestrator", "watch", "--url", server.urls.websocket(""), *words]
    variables = os.environ | {"TERM": "xterm"} | environment
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=variables) as process:
        try:
            yield process
        finally:
            process.kill()


def test_lines(server: ServerThread) -> None:
    with watching(server) as watch:
        assert watch.stdout is not None
        lines = [watch.stdout.readline().partition(" ")[2] for _ in range(3)]
        assert lines == ["connected\n", "0 of 0 cameras are online\n", "0 objects are tracked\n"]
        with processor(server.urls, "cam1"):
            assert watch.stdout.readline().endswith("Z camera cam1 is online\n")
        assert watch.stdout.readline().endswith("Z camera cam1 is offline\n")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 128 + signal.SIGINT


def test_messages(server: ServerThread) -> None:
    with watching(server, "--json") as watch:
        assert watch.stdout is not None
        kinds = [json.loads(watch.stdout.readline())["type"] for _ in range(3)]
        assert kinds == ["welcome", "cameras", "tracked"]
        with processor(server.urls, "cam1") as camera:
            assert json.loads(watch.stdout.readline())["cameraId"] == "cam1"
            camera.say_text('{"type":"boundingBoxes","frameId":1.0,"boxes":[\n{"new" :true}]}')
            assert watch.stdout.readline().replace(" ", "") == (
                '{"type":"boundingBoxes","cameraId":"cam1","frameId":1.0,"boxes":[{"new":true}]}\n'
            )
            watch.stdout.close()  # as `| head` does
            camera.say_text('{"type":"boundingBoxes","frameId":2.0,"boxes":[]}')
            assert watch.wait(10) == 0
        assert watch.stderr is not None
        assert watch.stderr.read() == ""


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_signal_ends_it_while_nobody_reads(server: ServerThread, words: Sequence[str]) -> None:
    ours, theirs = os.pipe()
    room = fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, 4096)
    name = "x" * 256
    with watching(server, *words, stdout=theirs) as watch:
        os.close(theirs)
        while waiting_in(ours) < room - 2 * len(name):
            with processor(server.urls, name):
                pass
        for _ in range(5):  # and more than there is room for
            with processor(server.urls, name):
                pass
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(10) == 128 + signal.SIGTERM
        assert watch.stderr is not None
        assert watch.stderr.read() == ""
    os.close(ours)


def waiting_in(pipe: int) -> int:
    """How many bytes nobody has read yet."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_table_on_a_terminal(server: ServerThread) -> None:
    ours, theirs = pty.openpty()
    with watching(server, stdout=theirs) as watch, processor(server.urls, "cam1"):
        os.close(theirs)
        shown = b""
        while b"cam1" not in shown:
            shown += os.read(ours, 65536)
        watch.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # nobody holds the other end any more
            while more := os.read(ours, 65536):
                shown = shown[-100:] + more
        assert watch.wait(10) == 128 + signal.SIGTERM
    os.close(ours)
    assert b"\x1b[?1049l" in shown, "the terminal is not given back"


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_full_disk_is_told_in_one_line(server: ServerThread, words: Sequence[str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with watching(server, *words, stdout=full) as watch:
        os.close(full)
        assert watch.wait(10) == 1
        assert watch.stderr is not None
        assert watch.stderr.read() == "watch: cannot write to stdout: [Errno 28] No space left on device\n"


def test_what_the_encoding_of_stdout_lacks_is_escaped(server: ServerThread) -> None:
    with (
        watching(server, PYTHONIOENCODING="ascii") as lines,
        watching(server, "--json", PYTHONIOENCODING="ascii") as json_,
    ):
        assert lines.stdout is not None
        assert json_.stdout is not None
        for stdout in (lines.stdout, json_.stdout):
            for _ in range(3):
                stdout.readline()
        with processor(server.urls, "入口"):
            assert lines.stdout.readline().endswith(" camera \\u5165\\u53e3 is online\n")
            assert '"cameraId":"\\u5165\\u53e3"' in json_.stdout.readline()


def test_a_table_in_an_encoding_that_lacks_its_lines(server: ServerThread) -> None:
    ours, theirs = pty.openpty()
    with watching(server, stdout=theirs, PYTHONIOENCODING="ascii") as watch, processor(server.urls, "入"):
        os.close(theirs)
        shown = b""
        while b"| ? " not in shown:
            shown += os.read(ours, 65536)
        assert shown.isascii()
        watch.send_signal(signal.SIGTERM)
        while b"\x1b[?1049l" not in shown:
            shown = shown[-100:] + os.read(ours, 65536)
        assert watch.wait(10) == 128 + signal.SIGTERM
    os.close(ours)


def test_a_terminal_that_can_only_write_on_gets_lines(server: ServerThread) -> None:
    ours, theirs = pty.openpty()
    with watching(server, stdout=theirs, TERM="dumb") as watch:
        os.close(theirs)
        shown = b""
        while b"0 objects are tracked" not in shown and b"\x1b" not in shown:
            shown += os.read(ours, 65536)
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(10) == 128 + signal.SIGTERM
    os.close(ours)
    assert b"\x1b" not in shown


def test_a_signal_ends_a_table_on_a_terminal_that_is_stopped(server: ServerThread) -> None:
    ours, theirs = pty.openpty()
    with watching(server, stdout=theirs) as watch:
        os.read(ours, 65536)
        termios.tcflow(theirs, termios.TCOOFF)  # as Ctrl-S does it
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(10) == 128 + signal.SIGTERM
    termios.tcflow(theirs, termios.TCOON)
    for end in (ours, theirs):
        os.close(end)


def test_a_terminal_that_is_gone_is_told_in_one_line(server: ServerThread) -> None:
    ours, theirs = pty.openpty()
    with watching(server, stdout=theirs) as watch:
        os.close(theirs)
        os.read(ours, 65536)
        os.close(ours)
        assert watch.wait(10) == 1
        assert watch.stderr is not None
        assert watch.stderr.read() == "watch: cannot write to stdout: [Errno 5] Input/output error\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--token", "\udcff"], "the token is no JSON Web Token: it has characters that are not ASCII"),
        (["--url", "ws://\udcff"], "the URL is not UTF-8"),
    ],
)
def test_words_that_cannot_be_sent_are_told(
    words: Sequence[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    assert main(parser.parse_args(words)) == 2
    assert capsys.readouterr().err == f"watch: {told}\n"


def test_a_url_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    assert main(parser.parse_args(["--url", "http://x"])) == 2
    assert capsys.readouterr().err == "watch: 'http://x' must begin with ws:// or wss://\n"
