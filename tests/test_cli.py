"""The command line: what does not fit ends with status 2 and one line on stderr that says what would."""

import gc
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
import structlog.testing
import trio
import trustme

from tests.settings.helpers import load
from tests.tokens import key_pair, token_environment
from trio_orchestrator import cli
from trio_orchestrator.doors import Listening
from trio_orchestrator.garbage import short_pauses
from trio_orchestrator.settings import VARIABLES


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings but the test's, a folder of its own, and logging as it was before."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions, structlog.get_config()
    yield
    root.handlers[:], level, logging.raiseExceptions, config = before
    root.setLevel(level)
    structlog.configure(**config)


def complaint(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command line that does not fit."""
    assert cli.main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    assert printed.err.endswith("\n")
    return printed.err


def certificates(folder: Path) -> dict[str, str]:
    for name in ("one", "two"):
        issued = trustme.CA().issue_cert("localhost")
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return {"SSL_CERT": "one.pem", "SSL_KEY": "one.key"}


UNFIT: dict[str, tuple[str, dict[str, str]]] = {
    "a port that is none": ("HTTP_PORT", {"HTTP_PORT": "eighty"}),
    "a port too high": ("HTTP_PORT", {"HTTP_PORT": "65536"}),
    "a negative port": ("HTTP_PORT", {"HTTP_PORT": "-1"}),
    "nothing to listen on": ("HTTP_PORT", {"HTTP_PORT": "off"}),
    "a TLS port that is none": ("HTTPS_PORT", {"HTTPS_PORT": "x"}),
    "a host elsewhere": ("HOST", {"HOST": "192.0.2.1"}),
    "a host that is none": ("HOST", {"HOST": "not a host"}),
    "a host nobody knows": ("HOST", {"HOST": "no-such-host.invalid"}),
    "a certificate alone": ("SSL_KEY", {"SSL_CERT": "one.pem"}),
    "a key alone": ("SSL_CERT", {"SSL_KEY": "one.key"}),
    "a certificate that is missing": ("SSL_CERT", {"SSL_CERT": "none.pem", "SSL_KEY": "one.key"}),
    "a certificate that is a folder": ("SSL_CERT", {"SSL_CERT": ".", "SSL_KEY": "one.key"}),
    "a certificate that is none": ("SSL_CERT", {"SSL_CERT": "one.key", "SSL_KEY": "one.key"}),
    "a key that is none": ("SSL_KEY", {"SSL_CERT": "one.pem", "SSL_KEY": "one.pem"}),
    "another certificate's key": ("SSL_KEY", {"SSL_CERT": "one.pem", "SSL_KEY": "two.key"}),
    "a key that is missing": ("PUBLIC_KEY", token_environment() | {"PUBLIC_KEY": "none.pem"}),
    "a key that is nonsense": ("PUBLIC_KEY", token_environment() | {"PUBLIC_KEY": "nonsense"}),
    "a private key": ("PUBLIC_KEY", token_environment() | {"PUBLIC_KEY": key_pair().private_pem.decode()}),
    "no key": ("PUBLIC_KEY", token_environment() | {"PUBLIC_KEY": ""}),
    "no audience": ("AUDIENCE", token_environment() | {"AUDIENCE": " "}),
    "no role": ("CLIENT_ROLE", token_environment(client_role=None, processor_role=None)),
    "a role alone": ("PUBLIC_KEY", {"PROCESSOR_ROLE": "processor"}),
    "neither true nor false": ("PUBLIC_TIMELINES", {"PUBLIC_TIMELINES": "maybe"}),
    "no time": ("AUTH_TIMEOUT", {"AUTH_TIMEOUT": "0"}),
    "a negative time": ("TRACKING_TIMEOUT", {"TRACKING_TIMEOUT": "-0.5"}),
    "an endless time": ("TRACKING_TIMEOUT", {"TRACKING_TIMEOUT": "inf"}),
    "a time that is none": ("TRACKING_TIMEOUT", {"TRACKING_TIMEOUT": "nan"}),
    "a size that is none": ("MAX_MESSAGE_BYTES", {"MAX_MESSAGE_BYTES": "10M"}),
    "an unknown level": ("LOG_LEVEL", {"LOG_LEVEL": "loud"}),
    "an unknown format": ("LOG_FORMAT", {"LOG_FORMAT": "xml"}),
    "no URL": ("DATABASE_URL", {"DATABASE_URL": "orchestrator.db"}),
    "an unknown database": ("DATABASE_URL", {"DATABASE_URL": "oracle9://localhost/x"}),
    "a database in no folder": ("DATABASE_URL", {"DATABASE_URL": "sqlite:////no/such/folder/orchestrator.db"}),
    "a database that is a folder": ("DATABASE_URL", {"DATABASE_URL": "sqlite:///."}),
    "a database of somebody else": ("DATABASE_URL", {"DATABASE_URL": "sqlite:///one.pem"}),
}


@pytest.mark.parametrize(("variable", "environment"), UNFIT.values(), ids=UNFIT.keys())
@pytest.mark.parametrize("as_flags", [False, True], ids=["environment", "flags"])
def test_settings_that_do_not_fit(
    variable: str,
    environment: dict[str, str],
    as_flags: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    certificates(tmp_path)
    environment = {"HOST": "127.0.0.1", "HTTP_PORT": "0", "HTTPS_PORT": "0"} | environment
    words = []
    for name, value in environment.items():
        if as_flags:
            words.append(f"--{name.lower().replace('_', '-')}={value}")
        else:
            monkeypatch.setenv(name, value)
    line = complaint(words, capsys)
    assert re.match(rf"{variable}\b.*: .*; .*\n", line), line
    assert "PRIVATE KEY" not in line


@pytest.mark.parametrize("variable", ["HTTP_PORT", "HTTPS_PORT"])
def test_a_port_that_is_taken(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**certificates(tmp_path), "HTTP_PORT": "0", "HOST": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv(variable, str(port))
        line = complaint([], capsys)
    assert line.startswith(f"{variable}: port {port} cannot be opened: Address already in use; ")


def test_a_port_that_needs_privileges(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_arguments: object, **_keywords: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    line = complaint(["--http-port", "80", "--host", "127.0.0.1"], capsys)
    assert line.startswith("HTTP_PORT: port 80 cannot be opened: Permission denied; ")
    assert "1024" in line


@pytest.mark.parametrize(
    "words",
    [
        ["--no-such-flag"],
        ["no-such-command"],
        ["serve", "surplus"],
        ["--http-port"],
        ["replay"],
        ["replay", "--no-such-flag"],
        ["--http-por", "80"],
    ],
)
def test_a_command_line_that_does_not_fit(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"], ["replay", "--help"]])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    if words[0] != "replay":
        for variable in VARIABLES:
            assert f"{variable.flag} " in shown
            assert variable.name in shown
    assert "other commands" in shown


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command line as a process, which ends by itself."""
    names = {variable.name for variable in VARIABLES}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-m", "trio_orchestrator", *words],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_process_says_it_with_its_status() -> None:
    unfit = run(HTTP_PORT="0", DATABASE_URL="sqlite:////no/such/folder/x.db")
    assert (unfit.returncode, unfit.stdout, unfit.stderr.count("\n")) == (2, "", 1)
    assert unfit.stderr.startswith("DATABASE_URL: ")


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: ["cam1"],
        lambda folder: [f"cam1={folder / 'none.txt'}"],
        lambda folder: [f"cam1={folder / 'good.txt'}", f"cam1={folder / 'good.txt'}"],
        lambda folder: [f"cam1={folder / 'bad.txt'}"],
        lambda folder: [f"cam1={folder / 'good.txt'}", "--fps", "0"],
        lambda folder: [f"cam1={folder / 'good.txt'}", "--size", "x"],
        lambda folder: [f"cam1={folder / 'good.txt'}", "--url", "nonsense"],
    ],
)
def test_replays_that_do_not_fit(
    make: Callable[[Path], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.txt").write_text("1,1,0,0,10,10,1,-1,-1,-1\n")
    (tmp_path / "bad.txt").write_text("1,1,0,0\n")
    assert complaint(["replay", *make(tmp_path)], capsys).startswith("replay: ")


def test_the_server_runs_with_short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(gc.callbacks)
    during: list[int] = []
    monkeypatch.setattr(trio, "run", lambda *_: during.append(len(gc.callbacks)))
    assert cli.main([]) == 0
    assert during == [before + 1]


def test_what_the_server_has_built_when_it_listens_is_set_aside() -> None:
    with short_pauses():
        before = gc.get_freeze_count()
        cli._announce(load(), Listening([], []))
        assert gc.get_freeze_count() > before + 10_000


@pytest.mark.parametrize("is_compiled", [True, False])
def test_a_server_that_reads_frames_in_python_says_so(is_compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "IS_COMPILED", is_compiled)
    with structlog.testing.capture_logs() as lines:
        cli._announce(load(), Listening([], []))
    assert any("read in Python" in line["event"] for line in lines) is not is_compiled
