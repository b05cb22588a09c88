"""Builds the load generator and runs it: one load on one server → one measurement."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from .machine import cores, on_core

Measurement: TypeAlias = dict[str, float | None]
"""What `load.c` prints; the names say the units, `server_cpu` is in cores and `server_memory…` in bytes."""

_HERE: Final = Path(__file__).parent
_LOAD_SECONDS: Final = 120.0
"""More than the connecting and waiting of any load takes, besides what it measures."""

SOUND: Final = ("broken", "disordered", "stale", "closed")
"""What must be 0 of a measurement: frames that were not whole, not in order; cameras whose newest frame never came to
some client; sockets that were closed."""

_NO_LOSS: Final = "missing"
"""Must be 0, too, where the load waits for what it sent. At a rate of its own a frame may give way to a newer one
before a client whose socket is full, and on a busy machine the load's sockets are."""


class LoadFailed(Exception):
    """The load generator could not do its work; the text says why."""


class Tools:
    """The programs in C, compiled into a folder.

    Args:
        folder: where they go.

    Attributes:
        tls: whether the load can speak TLS: it needs OpenSSL's headers.

    Raises:
        LoadFailed: there is no C compiler, or it failed.
    """

    def __init__(self, folder: Path) -> None:
        self.load = folder / "load"
        self.limit = folder / "limit"
        compiler = shutil.which("cc")
        if compiler is None:
            raise LoadFailed("no C compiler (cc) is installed")
        self._compiler = compiler
        self._compile(self.limit, "limit.c")
        try:
            self._compile(self.load, "load.c", "-DWITH_TLS", "-lm", "-lssl", "-lcrypto")
            self.tls = True
        except LoadFailed:
            self._compile(self.load, "load.c", "-lm")
            self.tls = False

    def _compile(self, program: Path, source: str, *arguments: str) -> None:
        command = [self._compiler, "-O2", "-o", str(program), str(_HERE / source), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LoadFailed(done.stderr.strip() or f"cc failed with {source}")

    def run(
        self, port: int, server: int, arguments: Mapping[str, float | bool], *, before_others: bool = False
    ) -> Measurement:
        """Load the server of process `server` that listens on `port`.

        Args:
            port: on 127.0.0.1.
            server: the number of its process.
            arguments: the load's options without their dashes; True for those that take no value.
            before_others: whether the load goes before all that is not urgent, where that is allowed. It has to sleep
                then, or nothing else ever runs on its core.

        Raises:
            LoadFailed: the load gave up or did not end.
        """
        server_core, load_core = cores()
        options = {**arguments, "port": port, "server": server, "sleepy": before_others or server_core == load_core}
        command = [str(self.load)]
        for name, value in options.items():
            if value is not False:
                command += [f"--{name}"] if value is True else [f"--{name}", f"{value:g}"]
        limit = _LOAD_SECONDS + options.get("seconds", 0) + options.get("warm-up", 0)
        with on_core(load_core, before_others=before_others):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            told, complaints = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise LoadFailed("the load did not end") from None
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise LoadFailed(complaints.strip().rpartition("\n")[2] or f"exit status {process.returncode}")
        measurement: Measurement = json.loads(told)
        return measurement


def unsound(measurement: Measurement, *, paced: bool = False) -> str:
    """What is wrong with what arrived, as a phrase; empty where nothing is."""
    names = SOUND if paced else (*SOUND, _NO_LOSS)
    return ", ".join(f"{measurement[name]:g} {name}" for name in names if measurement[name])
