"""A wire to PostgreSQL that can be cut where a test wants it cut."""

import contextlib
import socket
import threading
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME: Final = ".s.PGSQL.5432"


class Fault(Enum):
    """What happens to the next COMMIT."""

    NONE = auto()
    LOSE_ANSWER = auto()
    """It reaches the server, and its answer reaches nobody."""
    LOSE_QUESTION = auto()
    """It does not reach the server."""
    DELAY_QUESTION = auto()
    """It reaches the server when `deliver` is called, however long ago whoever sent it has gone."""


class Wire:
    """Passes on what is said between PostgreSQL's clients and the server.

    Args:
        url: of the database behind it.
        folder: an empty one, for the socket that clients connect to.
    """

    def __init__(self, url: str, folder: Path) -> None:
        address, _, query = url.partition("?")
        self._server = f"{parse_qs(query)['host'][0]}/{_NAME}"
        self._fault = Fault.NONE
        self._then_closed = False
        self._closed = threading.Event()
        self._delayed: Callable[[], None] | None = None
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.url = f"{address}?host={folder}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/{_NAME}")
        self._listener.listen()
        self._start(self._accept)

    def break_next_commit(self, fault: Fault, *, then_closed: bool = False) -> None:
        """Break the next COMMIT; `then_closed`, no connection is to be had after it until `open`."""
        self._fault, self._then_closed = fault, then_closed

    def open(self) -> None:
        """Let connections be made again."""
        self._closed.clear()

    def deliver(self) -> None:
        """Let a COMMIT that was delayed reach the server."""
        assert self._delayed is not None
        self._delayed()

    @property
    def is_broken(self) -> bool:
        """Whether the fault that was asked for has happened."""
        return self._fault is Fault.NONE

    def close(self) -> None:
        """End it, and all that is connected by it."""
        _shut(self._listener, *self._ends)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(client)
            if self._closed.is_set():
                _shut(client)
                continue
            server = socket.socket(socket.AF_UNIX)
            self._ends.append(server)
            server.connect(self._server)
            self._start(self._pass_questions, client, server)
            self._start(_pass_on, server, client)

    def _start(self, target: "Callable[..., None]", *ends: socket.socket) -> None:
        thread = threading.Thread(target=target, args=ends, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _pass_questions(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := client.recv(65536):
                if b"COMMIT" in said and self._fault is not Fault.NONE:
                    self._break(said, client, server)
                    return
                server.sendall(said)
        _shut(client, server)

    def _break(self, said: bytes, client: socket.socket, server: socket.socket) -> None:
        fault = self._fault
        if self._then_closed:
            self._closed.set()
        if fault is Fault.DELAY_QUESTION:
            self._delayed = lambda: server.sendall(said)
        else:
            client.shutdown(socket.SHUT_RDWR)  # before the server can answer
            if fault is Fault.LOSE_ANSWER:
                server.sendall(said)
            server.shutdown(socket.SHUT_WR)
        self._fault = Fault.NONE


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while said := source.recv(65536):
            target.sendall(said)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _shut(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
