"""A key server: any web server that serves a file, in a process that can be stopped."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.tokens import published


class KeyServerProcess:
    """`python -m http.server`, publishing keys.

    Args:
        folder: for its files.
        names: of the keys; the pair of each is called like it.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self._folder = folder / "published"
        self._folder.mkdir()
        self.publish(*names)
        self._start("0")

    def publish(self, *names: str) -> None:
        """Serve these keys from now on, in place of those before."""
        self.publish_text(json.dumps({"keys": [published(name, name) for name in names]}))

    def publish_text(self, text: str) -> None:
        """Serve something else."""
        (self._folder / "certs.new").write_text(text)
        (self._folder / "certs.new").rename(self._folder / "certs")

    @property
    def asked(self) -> int:
        """How often it was asked."""
        return self._log.read_text().count('"GET /certs ')

    def hang(self) -> None:
        """Take connections and answer nothing, as a machine does that has stalled."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End, as by kill -9."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def come_back(self) -> None:
        """Start again where it was."""
        self._start(str(self.port))

    def variables(self) -> dict[str, str]:
        """The settings of an orchestrator that asks it."""
        return {"JWKS_URL": f"http://127.0.0.1:{self.port}/certs", "PUBLIC_KEY": ""}

    def _start(self, port: str) -> None:
        self._log = self._folder.parent / "key_server.log"
        with self._log.open("ab") as log:
            command = [sys.executable, "-u", "-m", "http.server", port, "--bind", "127.0.0.1", "-d", str(self._folder)]
            self._process: subprocess.Popen[Any] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        found = re.search(r"port (\d+)", told)
        assert found is not None, told + self._log.read_text()
        self.port = int(found[1])
