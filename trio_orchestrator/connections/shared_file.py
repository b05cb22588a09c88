"""Bytes that many sockets are to send, held where the kernel sends them from without a copy for each of them."""

import os
from contextlib import suppress
from typing import Final

_NAME: Final = "boxes"


class SharedFile:
    """A file in memory (memfd_create(2)) from which sockets send with sendfile(2).

    The kernel lets each socket refer to the file's pages instead of copying them. What a socket still has to send keeps
    the pages that it was given: the next bytes go into new ones.
    """

    def __init__(self) -> None:
        self._file: int | None = None

    def hold(self, data: bytes) -> int | None:
        """Hold `data` and nothing else from now on.

        Returns:
            The number of the file, good until the next call; None where the system has no such files or no memory.
        """
        try:
            if self._file is None:
                self._file = os.memfd_create(_NAME)
            os.ftruncate(self._file, 0)
            return self._file if os.pwrite(self._file, data, 0) == len(data) else None
        except (AttributeError, OSError):
            return None

    def close(self) -> None:
        """Give the file back; sockets that send from it go on."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None
