"""What waits to be sent, bounded: putting never waits, and what matters is not lost with a connection.

Three lanes, taken from in this order:
- *once*: for this connection alone, forgotten with it: the greeting and a client's requests.
- *kept*: until it was sent, the newest of each key: feature maps.
- *frames*: the newest few; older ones give way, as boxes are worth little once their moment is over.
"""

from collections import deque
from typing import Final

import trio

from .errors import OutboxFull

MAX_FRAMES: Final = 30
MAX_KEPT: Final = 10_000  # one for each object that a server tracks at most, by default


class Outbox:
    """Bounded room between those who speak and the one task that sends.

    Attributes:
        frames_sent: frames handed to the socket.
        frames_dropped: frames that gave way to newer ones.
    """

    def __init__(self) -> None:
        self._once: deque[bytes] = deque()
        self._kept: dict[int, bytes] = {}
        self._frames: deque[bytes] = deque()
        self._filled = trio.Event()
        self._in_flight: int | None = None
        self._closed = False
        self.frames_sent = 0
        self.frames_dropped = 0

    def check_open(self) -> None:
        """Raise trio.ClosedResourceError where `close` was called."""
        if self._closed:
            raise trio.ClosedResourceError("the `async with` this belongs to is over")

    def put_once(self, text: bytes) -> None:
        """Send `text` over the present connection or not at all."""
        self.check_open()
        self._once.append(text)
        self._filled.set()

    def take_back(self, text: bytes) -> None:
        """Forget `text`, put with `put_once`, if it was not taken yet."""
        if text in self._once:
            self._once.remove(text)

    def put_kept(self, key: int, text: bytes) -> None:
        """Send `text` over this connection or a later one, in the place of an unsent one of the same key.

        Raises:
            OutboxFull: 10,000 others wait.
        """
        self.check_open()
        if key not in self._kept and len(self._kept) >= MAX_KEPT:
            raise OutboxFull(f"the feature maps of {MAX_KEPT} objects wait to be sent")
        self._kept[key] = text
        self._filled.set()

    def put_frame(self, text: bytes) -> None:
        """Send `text` as soon as may be, unless 30 newer frames come first."""
        self.check_open()
        if len(self._frames) >= MAX_FRAMES:
            self._frames.popleft()
            self.frames_dropped += 1
        self._frames.append(text)
        self._filled.set()

    def forget_once(self) -> None:
        """The connection is over: what was for it alone is forgotten."""
        self._once.clear()

    def forget_in_flight(self) -> None:
        """The kept message being sent when the connection broke is itself to blame: forget it too."""
        if self._in_flight is not None:
            self._kept.pop(self._in_flight, None)

    def close(self) -> None:
        """Take no more; `next` ends once all was sent."""
        self._closed = True
        self._filled.set()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def next_nowait(self) -> tuple[bytes, int | None] | None:
        """What is to be sent next, with its key if it is kept; None where nothing waits."""
        self._in_flight = None
        if self._once:
            return self._once.popleft(), None
        if self._kept:
            self._in_flight = next(iter(self._kept))
            return self._kept[self._in_flight], self._in_flight
        if self._frames:
            self.frames_sent += 1
            return self._frames.popleft(), None
        return None

    def sent(self, key: int, text: bytes) -> None:
        """A kept message went out whole; the newer one that came meanwhile, if any, still waits."""
        if self._kept.get(key) is text:
            del self._kept[key]

    async def next(self) -> tuple[bytes, int | None] | None:
        """Wait for what is to be sent next; None once the outbox is closed and empty."""
        while (message := self.next_nowait()) is None:
            if self._closed:
                return None
            self._filled = trio.Event()
            await self._filled.wait()
        return message
