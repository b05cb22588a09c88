"""What waits to be read, bounded, in the order it came: what is said anew gives way, all else is kept or said aloud.

Reading from the socket never waits for the reader, so that a busy reader is not mistaken for a dead server.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, Self, TypeVar

import trio

from .errors import InboxFull

MAX_FRAMES: Final = 256
MAX_FRAME_BYTES: Final = 32 * 2**20
MAX_MESSAGES: Final = 10_000
# Counted apart, as a connection begins with one for each live object, of which a server may hold any number.
MAX_KEYED: Final = 100_000
MAX_BYTES: Final = 256 * 2**20

_Item = TypeVar("_Item")


class _Entry(Generic[_Item]):
    """One message that waits: its place in the order, its size in bytes, what it may be replaced by."""

    __slots__ = ("item", "key", "number", "size")

    def __init__(self, number: int, item: _Item, size: int, key: Hashable) -> None:
        self.number = number
        self.item = item
        self.size = size
        self.key = key


class Incoming(Generic[_Item]):
    """Whose inbox is read by iterating; what the SDK hands out is this first of all."""

    def __init__(self, inbox: "Inbox[_Item]") -> None:
        self._inbox = inbox

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Item:
        try:
            return await self._inbox.get()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None


class Inbox(Generic[_Item]):
    """Bounded room between the task that receives and whoever iterates.

    Attributes:
        frames_dropped: frames that gave way to newer ones because nobody read them in time.
    """

    def __init__(self) -> None:
        self._messages: deque[_Entry[_Item]] = deque()
        self._frames: deque[_Entry[_Item]] = deque()
        self._by_key: dict[Hashable, _Entry[_Item]] = {}
        self._bytes = 0
        self._frame_bytes = 0
        self._count = 0
        self._filled = trio.Event()
        self._closed = False
        self.frames_dropped = 0

    def put(self, item: _Item, size: int, key: Hashable = None) -> None:
        """Add a message of `size` bytes, in the place of an unread one of the same key.

        Raises:
            InboxFull: 10,000 messages without a key, 100,000 with one, or 256 MiB wait already.
        """
        before = self._by_key.get(key) if key is not None else None
        growth = size if before is None else size - before.size
        if self._bytes + growth > MAX_BYTES or (before is None and self._is_full(key)):
            raise InboxFull(f"{len(self._messages)} messages ({self._bytes} bytes) wait to be read: iterate over them")
        self._bytes += growth
        if before is not None:
            before.item, before.size = item, size
            return
        entry = self._entry(item, size, key)
        self._messages.append(entry)
        if key is not None:
            self._by_key[key] = entry

    def put_mark(self, item: _Item) -> None:
        """Add a message behind which all that has a key is said again: what of it was not read yet is dropped."""
        if self._by_key:
            self._bytes -= sum(entry.size for entry in self._by_key.values())
            self._messages = deque(entry for entry in self._messages if entry.key is None)
            self._by_key.clear()
        self._messages.append(self._entry(item, 0, None))

    def put_frame(self, item: _Item, size: int) -> None:
        """Add a frame of `size` bytes; the oldest unread ones give way where 256 wait, or 32 MiB."""
        self._frame_bytes += size
        while self._frames and (len(self._frames) >= MAX_FRAMES or self._frame_bytes > MAX_FRAME_BYTES):
            self._take_frame()
            self.frames_dropped += 1
        self._frames.append(self._entry(item, size, None))

    def close(self) -> None:
        """Nothing more will come; what waits can still be read."""
        self._closed = True
        self._filled.set()

    def get_nowait(self) -> _Item:
        """The oldest message.

        Raises:
            trio.WouldBlock: nothing waits.
        """
        if self._messages and (not self._frames or self._messages[0].number < self._frames[0].number):
            entry = self._messages.popleft()
            self._bytes -= entry.size
            if entry.key is not None:
                del self._by_key[entry.key]
        elif self._frames:
            entry = self._take_frame()
        else:
            raise trio.WouldBlock
        return entry.item

    async def get(self) -> _Item:
        """Wait for the oldest message.

        Raises:
            trio.EndOfChannel: nothing waits and nothing more will come.
        """
        await trio.lowlevel.checkpoint()
        while True:
            try:
                return self.get_nowait()
            except trio.WouldBlock:
                if self._closed:
                    raise trio.EndOfChannel from None
            if self._filled.is_set():
                self._filled = trio.Event()
            await self._filled.wait()

    def _is_full(self, key: Hashable) -> bool:
        keyed = len(self._by_key)
        return len(self._messages) - keyed >= MAX_MESSAGES if key is None else keyed >= MAX_KEYED

    def _take_frame(self) -> _Entry[_Item]:
        entry = self._frames.popleft()
        self._frame_bytes -= entry.size
        return entry

    def _entry(self, item: _Item, size: int, key: Hashable) -> _Entry[_Item]:
        self._count += 1
        self._filled.set()
        return _Entry(self._count, item, size, key)


async def again_where_full(work: Callable[[], Awaitable[None]], left_out: Callable[[], Awaitable[None]]) -> None:
    """Await `work`, and again each time more came than it read in time: a new connection tells anew how things stand.

    Args:
        work: opens the connection, and reads.
        left_out: awaited before it is opened again, as something was left out. Whoever is read too slowly by somebody
            else waits here for that: until then it would only fall behind again.
    """
    is_full = True
    while is_full:
        is_full = False
        try:
            await work()
        except* InboxFull:
            is_full = True
            await left_out()
