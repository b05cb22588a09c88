"""An orchestrator of the tests' own: connections without sockets, so that the mock clock is sound."""

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trio_orchestrator.client.connection import Connection
from trio_orchestrator.client.errors import ConnectionLost, ConnectionRefusedByServer


class FakeConnection:
    """One connection: what the SDK sends is `heard` here, what is `said` here the SDK receives.

    Attributes:
        life: cancelled where the connection crashes, whatever is being done with it.
        closing_lasts: how long the peer takes to answer the SDK's closing, in seconds.
        refusal_at_closing: what it answers that with; None for an echo.
        was_closed: whether the SDK closed it, and waited for that answer.
    """

    def __init__(self) -> None:
        self._from_sdk, self._inbound = trio.open_memory_channel[bytes](1)
        self._outbound, self._to_sdk = trio.open_memory_channel[bytes](1000)
        self._ending: Exception = ConnectionLost("hung up")
        self.life = trio.CancelScope()
        self.closing_lasts = 0.0
        self.refusal_at_closing: ConnectionRefusedByServer | None = None
        self.was_closed = False

    async def send(self, text: bytes) -> None:
        try:
            await self._from_sdk.send(text)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self._ending from None

    async def receive(self) -> bytes:
        try:
            return await self._to_sdk.receive()
        except trio.EndOfChannel:
            raise self._ending from None

    async def close(self) -> None:
        # As trio_websocket does it: nothing is received any more from the moment the closing was sent.
        self._outbound.close()
        await trio.sleep(self.closing_lasts)
        self.was_closed = True
        self.hang_up()
        if self.refusal_at_closing is not None:
            raise self.refusal_at_closing

    async def hear(self) -> Any:
        """The next message of the SDK."""
        with trio.fail_after(60):
            return json.loads(await self._inbound.receive())

    def hear_rest(self) -> list[Any]:
        """All that waits to be heard."""
        rest = []
        try:
            while True:
                rest.append(json.loads(self._inbound.receive_nowait()))
        except (trio.WouldBlock, trio.EndOfChannel):
            return rest

    def say(self, **message: Any) -> None:
        self._outbound.send_nowait(json.dumps(message).encode())

    def say_text(self, text: bytes) -> None:
        self._outbound.send_nowait(text)

    def hang_up(self, ending: Exception | None = None) -> None:
        """End the connection, after what was said."""
        self._ending = ending or self._ending
        self._outbound.close()
        self._inbound.close()

    def crash(self) -> None:
        """End the connection as bytes do that are no WebSocket's."""
        self.life.cancel()


class FakeOrchestrator:
    """Accepts connections, unless it is away.

    Attributes:
        attempts: when each connection was asked for.
        is_away: whether connecting fails.
        connecting_lasts: after how many seconds that is known.
        refusal: what connecting raises instead.
    """

    def __init__(self) -> None:
        self._accepted_in, self._accepted_out = trio.open_memory_channel[FakeConnection](100)
        self.attempts: list[float] = []
        self.is_away = False
        self.connecting_lasts = 0.0
        self.refusal: ConnectionRefusedByServer | None = None
        self.open: deque[FakeConnection] = deque()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        await trio.lowlevel.checkpoint()
        self.attempts.append(trio.current_time())
        if self.refusal is not None:
            raise self.refusal
        await trio.sleep(self.connecting_lasts)
        if self.is_away:
            raise ConnectionLost("away")
        connection = FakeConnection()
        self._accepted_in.send_nowait(connection)
        self.open.append(connection)
        try:
            with connection.life:
                yield connection
        finally:
            self.open.remove(connection)
        if connection.life.cancelled_caught:
            raise ConnectionLost("crashed")

    async def accept(self) -> FakeConnection:
        """The next connection."""
        with trio.fail_after(60):
            return await self._accepted_out.receive()
