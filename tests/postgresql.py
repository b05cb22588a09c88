"""A PostgreSQL of the tests' own: its files in a temporary folder, reached by a socket there, gone at the end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest

_START_SECONDS: Final = 60.0
_USERS: Final = ("postgres", "nobody")  # who runs the server where the tests run as root, which it refuses


class PostgreSql:
    """A server that runs.

    Args:
        binaries: the folder with `initdb` and `postgres`.
        folder: an empty one, for its files and its socket.
        durable: whether what is committed survives a loss of power, too; without, tests take less time.
    """

    def __init__(self, binaries: Path, folder: Path, *, durable: bool = False) -> None:
        self._binaries = binaries
        self._folder = folder
        self._durable = durable
        self._user = _user()
        self._numbers = count(1)
        if self._user is not None:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._run("initdb", "--pgdata", str(self._data), "--username", "tests", "--auth", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start it; it answers when this returns."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._binaries / "postgres",
                    *("-D", self._data, "-k", self._folder, "-c", "listen_addresses="),
                    *("-c", f"fsync={'on' if self._durable else 'off'}", "-c", "shared_buffers=64MB"),
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                user=self._user,
                start_new_session=True,  # to be stopped as a whole
            )
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self._conninfo("postgres")).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(f"PostgreSQL does not start:\n{self.log}") from None
                time.sleep(0.05)

    def new_database(self) -> str:
        """The URL of a database that is empty."""
        name = f"orchestrator_{next(self._numbers)}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://tests@/{name}?host={self._folder}"

    def connect(self, url: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Another program's connection to the database at `url`; begins no transaction by itself."""
        name = url.rpartition("?")[0].rpartition("/")[2]
        return psycopg.connect(self._conninfo(name), autocommit=True)

    def stop(self) -> None:
        """Stop it in good order; its connections end."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(_START_SECONDS)

    def kill(self) -> None:
        """End it and all its processes at once, as the system does that runs out of memory."""
        if self._process.poll() is None:
            self._signal_all(signal.SIGKILL)
            self._process.wait(_START_SECONDS)

    def freeze(self) -> None:
        """Let it hang: connections stay open, and nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self._folder / "log").read_text(errors="replace")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _conninfo(self, database: str) -> str:
        return f"host={self._folder} user=tests dbname={database} connect_timeout=5"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / program, *arguments], check=True, capture_output=True, cwd=self._folder, user=self._user
        )

    def _signal_all(self, number: signal.Signals) -> None:
        """Send it to the postmaster and all its children, it last.

        It stands still meanwhile, and so makes no more of them; and those that end stay as they are, with their number.
        """
        postmaster = self._process.pid
        os.kill(postmaster, signal.SIGSTOP)
        os.waitid(os.P_PID, postmaster, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in [*map(int, children), postmaster]:
            os.kill(pid, number)


@contextmanager
def running(*, durable: bool = False) -> Iterator[PostgreSql]:
    """A server, until left; the test is skipped where PostgreSQL is not installed, and fails in CI."""
    binaries = _binaries()
    if binaries is None:
        reason = "PostgreSQL is not installed here (Debian package `postgresql`)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))  # a short path: a socket's is limited
    try:
        server = PostgreSql(binaries, folder, durable=durable)
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path | None:
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]), reverse=True
    )
    on_the_path = shutil.which("initdb")
    found = [*installed, *([Path(on_the_path)] if on_the_path else [])]
    return found[0].parent if found else None


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _USERS if name in names)
