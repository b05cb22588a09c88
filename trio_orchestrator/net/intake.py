"""What one peer sends, from bytes to its session: at once as far as that goes, in the connection's task where not."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import trio

from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.session import Session
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import ForEngine, FrameReader, NotText, Received, TooLong

from .read_loop import ReadLoop
from .transport import Transport

Pause: TypeAlias = Coroutine[Any, Any, None]
"""What must be awaited before a peer's next message is looked at."""


class Rest(NamedTuple):
    """What is left of bytes that were taken in part.

    Attributes:
        pause: what must be awaited first.
        items: what comes then.
    """

    pause: Pause
    items: Iterator[Received]


_FRAMES_A_TURN: Final = 64
"""After this many frames of one peer, be they messages or not, the others get their turn."""


class Intake:
    """Reads one connection until its peer has nothing more to say.

    Args:
        transport: where the bytes come from.
        session: takes the messages.
        outbox: told when a message is too long.
        feed: hands the engine what is no message.
        longest_message: how long a message may be now; asked again after everything that had to be awaited.
    """

    def __init__(
        self,
        transport: Transport,
        session: Session,
        outbox: Outbox,
        feed: Callable[[bytes], Pause],
        longest_message: Callable[[], int],
    ) -> None:
        self._transport = transport
        self._frames = FrameReader(longest_message())
        self._session = session
        self._outbox = outbox
        self._feed = feed
        self._longest_message = longest_message
        self._heard = trio.current_time()
        self._is_behind = False

    @property
    def heard(self) -> float:
        """When the peer was last heard of, on Trio's clock: now, while it is we who do not read on."""
        return trio.current_time() if self._is_behind else self._heard

    async def run(self, read_loop: ReadLoop) -> None:
        """Read until the end of the stream, by way of `read_loop`.

        Raises:
            Exception: a fault of ours, which costs this connection.
        """
        if self._transport.has_read_again:
            rest = self.begin(await self._transport.receive_some(), trio.current_time())
            if rest is not None:
                await self.take_rest(rest)
        while True:
            turn = _Turn(self, self._transport)
            try:
                with read_loop.reading(self._transport.socket, turn.take_what_is_there):
                    await turn.over.wait()
                if not await turn.finish():
                    return
            finally:
                turn.drop()

    def begin(self, data: bytes, now: float) -> Rest | None:
        """Take `data`, heard at `now` on Trio's clock, as far as that goes without awaiting; what is left of it."""
        self._heard = now
        message = self._frames.receive_one(data)
        if message is not None:
            pause = self._session.receive(message)
            return None if pause is None else Rest(pause, iter(()))
        items = self._frames.receive(data)
        pause = self._advance(items)
        return None if pause is None else Rest(pause, items)

    async def take_rest(self, rest: Rest) -> None:
        """Take what `begin` left."""
        pause: Pause | None = rest.pause
        self._is_behind = True
        while pause is not None:
            await pause
            await trio.lowlevel.checkpoint()  # not every pause is one: a token whose key is known is checked at once
            self._frames.max_message_bytes = self._longest_message()
            pause = self._advance(rest.items)
        self._is_behind, self._heard = False, trio.current_time()

    def _advance(self, items: Iterator[Received]) -> Pause | None:
        """Take items until something must be awaited before the next; None once all are taken."""
        receive = self._session.receive
        for count, received in enumerate(items, 1):
            pause = receive(received) if isinstance(received, bytes) else self._take_other(received)
            if pause is not None:
                return pause
            if count == _FRAMES_A_TURN:
                return _let_others_run()
        return None

    def _take_other(self, received: ForEngine | TooLong | NotText | None) -> Pause | None:
        """Take what is no text."""
        if isinstance(received, ForEngine):
            return self._feed(received.data)
        if isinstance(received, NotText):
            return self._session.receive(received)
        if isinstance(received, TooLong):
            self._outbox.close(CloseCode.TOO_LARGE, f"messages may have {self._frames.max_message_bytes} bytes")
        return None


async def _let_others_run() -> None:
    """Nothing: after each pause others get their turn."""


class _Turn:
    """The time in which the read loop takes what comes, up to what the connection's own task must go on with.

    Attributes:
        over: set when that time is over.
    """

    def __init__(self, intake: Intake, transport: Transport) -> None:
        self._intake = intake
        self._transport = transport
        self._ended = False
        self._rest: Rest | None = None
        self._fault: Exception | None = None
        self.over = trio.Event()

    def take_what_is_there(self, now: float) -> bool:
        """The read loop's callback; whether it is to go on."""
        try:
            data = self._transport.receive_nowait()
            if data:
                self._rest = self._intake.begin(data, now)
                if self._rest is None:
                    return True
            elif data is None:
                return True
            else:
                self._ended = True
        except Exception as fault:  # it belongs to the connection, whose task has the crash barrier
            self._fault = fault
        self.over.set()
        return False

    async def finish(self) -> bool:
        """Go on with what the loop left; whether there is more to come."""
        if self._fault is not None:
            raise self._fault
        if self._rest is not None:
            rest, self._rest = self._rest, None
            await self._intake.take_rest(rest)
        return not self._ended

    def drop(self) -> None:
        """Where the connection ended before its task came to the rest: nobody will await it."""
        if self._rest is not None:
            self._rest.pause.close()
