"""A server that runs: as a process of its own, or in a thread of the test."""

import os
import queue
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

import trio

from trio_orchestrator.server import serve
from trio_orchestrator.settings import VARIABLES, Settings

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 10.0
"""The server promises to have ended by then, whatever its peers do."""


@dataclass(frozen=True)
class Urls:
    """Where a server listens.

    Attributes:
        plain: `http://HOST:PORT`; empty where that port is closed.
        tls: `https://HOST:PORT`, likewise.
        admin: `http://HOST:PORT` of the port of its own that administration has; empty where it has none.
    """

    plain: str
    tls: str
    admin: str

    @classmethod
    def of(cls, told: Sequence[str], admin: Sequence[str]) -> "Urls":
        by_scheme = {url.partition(":")[0]: url for url in told}
        return cls(by_scheme.get("http", ""), by_scheme.get("https", ""), "".join(admin))

    @property
    def address(self) -> tuple[str, int]:
        """Host and number of the plain port."""
        return _address(self.plain)

    @property
    def tls_address(self) -> tuple[str, int]:
        """Host and number of the TLS port."""
        return _address(self.tls)

    def websocket(self, path: str, *, tls: bool = False) -> str:
        """The URL of a WebSocket: `ws://HOST:PORT/client`."""
        return "ws" + (self.tls if tls else self.plain).removeprefix("http") + path


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.partition("://")[2].rpartition(":")
    return host, int(port)


def environment_for(folder: Path, **variables: str) -> dict[str, str]:
    """The variables of a server for tests: loopback, free ports, a database in `folder`."""
    return {
        "HOST": "127.0.0.1",
        "HTTP_PORT": "0",
        "HTTPS_PORT": "0",
        "DATABASE_URL": f"sqlite:///{folder / 'orchestrator.db'}",
        **variables,
    }


class ServerProcess:
    """`python -m trio_orchestrator`, running.

    Args:
        environment: its variables; of this process's own it inherits all that are no settings.
        folder: where it works and its log is kept.
        within: a command that runs the server in its own place, with what it changes about the process.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, within: Sequence[str] = ()) -> None:
        self._log = folder / "server.log"
        names = {variable.name for variable in VARIABLES}
        inherited = {name: value for name, value in os.environ.items() if name not in names}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*within, sys.executable, "-m", "trio_orchestrator"],
                env={**inherited, **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            expected = (environment.get("HTTP_PORT") != "off") + ("SSL_CERT" in environment)
            told = self._told("listening on ", expected)
            self.urls = Urls.of(told, self._told("administration on ", "ADMIN_PORT" in environment))
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What it wrote to stderr so far, and whoever ran before it in the same folder."""
        return self._log.read_text(errors="replace")

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait until it has ended by itself; its exit status."""
        status = self._process.wait(seconds)
        self._close()
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it in good order; its exit status."""
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """End it as kill -9 and a power cut do; nothing where it has ended."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _told(self, beginning: str, expected: int) -> list[str]:
        assert self._process.stdout is not None
        too_late = threading.Timer(START_SECONDS, self._process.kill)
        too_late.start()
        try:
            lines = [self._process.stdout.readline() for _ in range(expected)]
        finally:
            too_late.cancel()
        if not all(line.startswith(beginning) for line in lines):
            raise AssertionError(f"the server did not start: {lines}\n{self.log}")
        return [line.removeprefix(beginning).strip() for line in lines]

    def _close(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()


class ServerThread:
    """`server.serve` in a thread: quick to start, and its faults are the test's.

    Args:
        environment: its settings, as variables.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._settings = Settings.load(environment)
        self._started: queue.SimpleQueue[Urls | BaseException] = queue.SimpleQueue()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server")
        self._thread.start()
        told = self._started.get(timeout=START_SECONDS)
        if isinstance(told, BaseException):
            self._thread.join()
            raise told
        self.urls = told

    def stop(self) -> None:
        """End it in good order, and wait for that.

        Raises:
            AssertionError: it takes longer than it may.
            BaseException: whatever ended it otherwise.
        """
        if self._thread.is_alive():
            self._token.run_sync_soon(self._stop.set)
            self._thread.join(STOP_SECONDS)
            assert not self._thread.is_alive(), "the server does not stop"
        if self._fault is not None:
            raise self._fault

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: types.TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:
            self._fault = error
            self._started.put(error)

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        async with trio.open_nursery() as nursery:
            told = await nursery.start(partial(serve, self._settings, stop=self._stop))
            self._started.put(Urls.of(told.urls, told.admin_urls))
