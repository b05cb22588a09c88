"""The way out of an outbox, as far as the outbox needs to know it."""

from typing import Protocol

from .shared_file import SharedFile


class Wire(Protocol):
    """Where the bytes go.

    What it was given is taken to its end only when all of it is in the socket. Over TLS some may wait as ciphertext;
    then the last byte is not taken, though it is encrypted already, and must be offered again before anything else, as
    the rest of every frame that was cut is. A frame of which nothing was taken has not been begun, and may give way: of
    two bytes and more at least one is taken, or none is on its way.
    """

    def send_nowait(self, data: bytes, file: SharedFile | None = None) -> int:
        """Give the socket what it takes without waiting; how many bytes that was.

        `file` holds the same, to be sent from where that spares a copy.

        Raises:
            OSError: the connection is broken.
        """

    async def send_some(self, data: memoryview) -> int:
        """Wait until the socket takes something; how many bytes of `data` that was, which may be none.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: the connection is broken, or closed by this side.
        """
