"""What is measured: the orchestrator, relays written with other libraries, and the least work possible."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from trio_orchestrator.settings.variables import MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS

from .loading import Tools
from .machine import cores, on_core

_PEERS: Final = Path(__file__).parent / "peers"
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 12.0
"""The orchestrator promises to have stopped within 10."""

_SPARE_CONNECTIONS: Final = 16
"""Room for those of the load before that have not quite ended, and for the look whether anybody listens."""

OURS: Final = "trio_orchestrator"
LIMIT: Final = "least work"


class DidNotStart(Exception):
    """A server ended before it listened; the text is the last thing it said."""


class Place(NamedTuple):
    """What a server is given to run in.

    Attributes:
        port: where it is to listen, on 127.0.0.1.
        folder: for its files; empty.
        certificate, key: PEM files; None for a server in clear.
        connections: how many it is going to have at once.
    """

    port: int
    folder: Path
    certificate: Path | None
    key: Path | None
    connections: int

    @property
    def tls_files(self) -> list[str]:
        """Certificate and key, as arguments."""
        return [str(self.certificate), str(self.key)] if self.certificate else []


@dataclass(frozen=True)
class Server:
    """One program that can be measured.

    Attributes:
        name: how tables call it.
        command: how to start it, its arguments and what it needs besides in its environment.
        tls: whether it can do TLS.
        most_clients: with more of them it takes so long that it is not asked.
    """

    name: str
    command: Callable[[Place], tuple[list[str], dict[str, str]]]
    tls: bool = True
    most_clients: int = 10_000


class Running(NamedTuple):
    """A server that listens.

    Attributes:
        port: where, on 127.0.0.1.
        process: the number of its process.
    """

    port: int
    process: int


def settings_for(connections: int) -> dict[str, str]:
    """What the orchestrator must be told so that it takes so many connections of one address; nothing for a few."""
    limits = (MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS)
    room = connections + _SPARE_CONNECTIONS
    return {limit.name: str(room) for limit in limits if limit.default and room > int(limit.default)}


def orchestrator(name: str = OURS, module: str = "trio_orchestrator", *arguments: str) -> Server:
    """The orchestrator, started as `python -m MODULE ARGUMENTS`; all but `settings_for` is default."""

    def command(place: Place) -> tuple[list[str], dict[str, str]]:
        settings = {
            "HOST": "127.0.0.1",
            "HTTP_PORT": "off" if place.certificate else str(place.port),
            "DATABASE_URL": f"sqlite:///{place.folder / 'orchestrator.db'}",
            **settings_for(place.connections),
        }
        if place.certificate:
            settings |= {"HTTPS_PORT": str(place.port), "SSL_CERT": str(place.certificate), "SSL_KEY": str(place.key)}
        return [sys.executable, "-m", module, *arguments], settings

    return Server(name, command)


def peers() -> list[Server]:
    """The relays of `peers/`, whether what they need is installed or not."""

    def relay(name: str, most_clients: int = 10_000) -> Server:
        def command(place: Place) -> tuple[list[str], dict[str, str]]:
            return [sys.executable, str(_PEERS / f"{name}_relay.py"), str(place.port), *place.tls_files], {}

        return Server(name, command, most_clients=most_clients)

    def node(place: Place) -> tuple[list[str], dict[str, str]]:
        return ["node", str(_PEERS / "ws_relay.mjs"), str(place.port), *place.tls_files], {}

    in_python = [relay(name) for name in ("tornado", "websockets", "picows", "socketify")]
    return [relay("trio_websocket", most_clients=100), *in_python, Server("ws", node)]


def least_work(tools: Tools) -> Server:
    """`limit.c`."""
    return Server(LIMIT, lambda place: ([str(tools.limit), str(place.port)], {}), tls=False)


@contextmanager
def started(
    server: Server,
    folder: Path,
    tls: tuple[Path, Path] | None = None,
    connections: int = 0,
    *,
    before_others: bool = False,
) -> Iterator[Running]:
    """Run `server` on its core.

    Args:
        server: which one.
        folder: for its files; emptied first.
        tls: certificate and key, where it is to speak TLS.
        connections: how many it is going to have at once.
        before_others: whether it goes before all that is not urgent, where that is allowed.

    Raises:
        DidNotStart: it is not installed, or ended before it listened.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    certificate, key = tls or (None, None)
    place = Place(_free_port(), folder, certificate, key, connections)
    command, variables = server.command(place)
    if shutil.which(command[0]) is None:
        raise DidNotStart(f"{command[0]} is not installed")
    log = folder / "server.log"
    with log.open("wb") as output, on_core(cores()[0], before_others=before_others):
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        _wait_until_listening(process, place.port, log)
        yield Running(place.port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until_listening(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line] or lines
    raise DidNotStart(errors[-1].strip() if errors else "it did not listen")
