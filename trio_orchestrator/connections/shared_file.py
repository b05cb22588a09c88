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
        self._unwritten: bytes | None = None
        self._is_good = False

    def hold(self, data: bytes) -> None:
        """Hold `data` and nothing else from now on; it is not written before somebody asks for it."""
        self._unwritten = data

    def number(self) -> int | None:
        """The number of the file, good until something else is held.

        None where nothing is held yet, or the system has no such files or no memory.
        """
        if self._unwritten is not None:
            self._is_good = self._write(self._unwritten)
            self._unwritten = None
        return self._file if self._is_good else None

    def _write(self, data: bytes) -> bool:
        try:
            if self._file is None:
                self._file = os.memfd_create(_NAME)
            os.ftruncate(self._file, 0)
            return os.pwrite(self._file, data, 0) == len(data)
        except (AttributeError, OSError):
            return False

    def close(self) -> None:
        """Give the file back; sockets that send from it go on."""
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None
        self._unwritten, self._is_good = None, False
