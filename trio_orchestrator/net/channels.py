"""How one connection's bytes pass the socket without ever waiting: the interface, and the way of those in clear."""

import os
import socket
from typing import Final, Protocol

from trio_orchestrator.connections.shared_file import SharedFile

RECEIVE_BYTES: Final = 49152
"""How many bytes are taken from a socket at once. What a read brings is handed on as a whole: with more, those who are
to get it wait longer and have nothing to do meanwhile; with less, there are more and smaller writes."""


class Channel(Protocol):
    """What a peer and this server say to each other, by way of a socket that does not block.

    Every method does what can be done now, and all of them raise OSError where the connection is broken.
    """

    @property
    def unsent(self) -> int:
        """How many bytes wait here for the socket, after it took less than it was given."""

    def receive_nowait(self) -> bytes | None:
        """What the peer has said; none at the end, None where nothing that could be read has come."""

    def send_nowait(self, data: bytes | memoryview, file: SharedFile | None = None) -> int:
        """Say `data`; how many bytes of it were taken. What was not is to be offered again, before anything else.

        `file` holds the same, if there is one.
        """

    def finish_nowait(self) -> bool:
        """Say that nothing more will be said; whether that is in the socket, or this is to be called again."""


class ClearChannel:
    """A channel in clear: what is said is what the socket carries.

    Args:
        connected: the socket, not blocking; somebody else closes it.
    """

    unsent: Final = 0

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def receive_nowait(self) -> bytes | None:
        """See `Channel`."""
        try:
            return self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None

    def send_nowait(self, data: bytes | memoryview, file: SharedFile | None = None) -> int:
        """See `Channel`."""
        try:
            if file is not None and (number := file.number()) is not None:
                return os.sendfile(self._socket.fileno(), number, 0, len(data))
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def finish_nowait(self) -> bool:
        """See `Channel`."""
        self._socket.shutdown(socket.SHUT_WR)
        return True
