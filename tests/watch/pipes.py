"""Where what is written can be watched."""

import fcntl
import os
import struct
import termios
from typing import Final, TextIO

SMALLEST: Final = 4096
ROOM_FOR_NO_MORE_THAN_A_LINE: Final = 128


class Pipe:
    """A pipe: the end that is written to as a file, the other one to be read."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self._ours, theirs = os.pipe()
        self.file: TextIO = os.fdopen(theirs, "w", encoding=encoding)

    def read(self) -> bytes:
        """What is there, waiting for something if need be."""
        return os.read(self._ours, 1 << 22)

    def make_small(self) -> None:
        """Have it full soon."""
        fcntl.fcntl(self._ours, fcntl.F_SETPIPE_SZ, SMALLEST)

    def is_full(self) -> bool:
        """Whether a small one has no room for more than a line."""
        (waiting,) = struct.unpack("i", fcntl.ioctl(self._ours, termios.FIONREAD, bytes(4)))
        return bool(waiting > SMALLEST - ROOM_FOR_NO_MORE_THAN_A_LINE)

    def leave(self) -> None:
        """Read no more."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def close(self) -> None:
        self.leave()
        self.file.close()
