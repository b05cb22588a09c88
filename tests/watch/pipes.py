"""Where what is written can be watched."""

import os
from typing import TextIO


class Pipe:
    """A pipe: the end that is written to as a file, the other one to be read."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self._ours, theirs = os.pipe()
        self.file: TextIO = os.fdopen(theirs, "w", encoding=encoding)

    def read(self) -> bytes:
        """What is there, waiting for something if need be."""
        return os.read(self._ours, 1 << 22)

    def leave(self) -> None:
        """Read no more."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def close(self) -> None:
        self.leave()
        self.file.close()
