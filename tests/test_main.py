"""The process around the commands: what it is started with may be closed or full, and Ctrl-C may come at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.running import environment_for
from trio_orchestrator.settings import VARIABLES


def in_shell(line: str, folder: Path, **environment: str) -> "subprocess.Popen[str]":
    """`python -m trio_orchestrator` with the words and redirections of `line`."""
    inherited = {name: value for name, value in os.environ.items() if name not in {one.name for one in VARIABLES}}
    return subprocess.Popen(
        ["/bin/sh", "-c", f'exec "$PYTHON" -m trio_orchestrator {line}'],
        env=inherited | environment_for(folder) | environment | {"PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_a_server_runs_also_where_nobody_hears_that_it_listens(redirection: str, tmp_path: Path) -> None:
    with in_shell(redirection, tmp_path) as server:
        assert server.stderr is not None
        while "warning" not in server.stderr.readline():  # that everybody may connect: what it says before it listens
            assert server.poll() is None
        server.send_signal(signal.SIGTERM)
        told = server.communicate(timeout=20)[1]
    assert "Traceback" not in told
    assert server.returncode == 0


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", ">&- 2>&-", "<&-"])
def test_a_command_does_its_work_also_where_nobody_hears_of_it(redirection: str, tmp_path: Path) -> None:
    with in_shell(f"record a.jsonl --seconds 0.1 --url ws://127.0.0.1:1 {redirection}", tmp_path) as command:
        command.communicate(timeout=20)
    assert command.returncode == 0
    tape = (tmp_path / "a.jsonl").read_text()
    assert tape.startswith('{"tape":1,')
    assert tape.count("\n") == 1, "what was meant for a closed file is in it"


INTERRUPTED: Final = """
import runpy, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "trio_orchestrator.cli":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
runpy.run_module("trio_orchestrator", run_name="__main__", alter_sys=True)
"""


def test_ctrl_c_at_once_is_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import sys; sys.argv[1:] = ['--version']"
    done = subprocess.run(
        [sys.executable, "-c", ignoring + INTERRUPTED], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
