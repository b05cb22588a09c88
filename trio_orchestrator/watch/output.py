"""Stdout, read by somebody who may be slow, or no longer there."""

import codecs
import os
from typing import TextIO

import trio


class Output:
    """A file that is written to in a thread: pings are answered meanwhile, and a signal ends it.

    Args:
        file: a real one, with a descriptor; its buffer is passed by.

    Attributes:
        encoding: the name of its encoding, `utf-8` for example.
    """

    def __init__(self, file: TextIO) -> None:
        # Past Python's buffer: a thread that is left behind would hold its lock, and Python aborts where it ends then.
        self._descriptor = file.fileno()
        # A thread that is left behind keeps its place in the limiter, so that no two of them write at a time.
        self._turn = trio.CapacityLimiter(1)
        self.encoding = codecs.lookup(file.encoding).name

    async def write(self, text: bytes) -> None:
        """Write all of it, behind what was written before. Where this is cancelled, that goes on.

        Raises:
            OSError: it cannot be written; BrokenPipeError where nobody reads any more.
        """
        await trio.to_thread.run_sync(self._write_all, text, abandon_on_cancel=True, limiter=self._turn)

    async def wait_written(self) -> None:
        """Wait until what was written before is out, also where whoever wrote it was cancelled."""
        await self.write(b"")

    def encode(self, text: str) -> bytes:
        """`text` in this file's encoding; what that lacks is escaped, so that different names stay different."""
        return text.encode(self.encoding, "backslashreplace")

    def _write_all(self, text: bytes) -> None:
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
