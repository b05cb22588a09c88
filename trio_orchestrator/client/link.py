"""Stays connected: connects, greets, sends what waits, hands out what comes, and comes back when that ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from typing import Final, Protocol

import structlog
import trio

from trio_orchestrator.protocol.codes import CloseCode, ErrorCode

from . import outgoing
from .backoff import LONGEST, Backoff
from .connection import CLOSING_TIMEOUT, Connection, Connector
from .errors import ConnectionLost, ConnectionRefusedByServer, OrchestratorError
from .groups import only_problem, what_ended
from .messages import NotUnderstood
from .outbox import Outbox
from .tokens import Token, fetch_token, renewal_pause

_ABOUT_THE_TOKEN: Final = frozenset((ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN))
_FLUSH_TIMEOUT: Final = CLOSING_TIMEOUT + 2.0


class Conversation(Protocol):
    """What is said over a connection, decided without waiting."""

    def begin(self, number: int) -> list[bytes]:
        """Connection `number`, from 1, is open: what to say first, after the token."""

    def hear(self, text: str | bytes) -> OrchestratorError | None:
        """A message came; the error where it was one. Raises NotUnderstood."""

    def end(self) -> None:
        """The connection is over, and answers that did not come will not come."""


class Link:
    """One peer's lasting connection.

    Args:
        connect: opens one connection.
        token: what to authenticate with, or what returns it, called for each connection and before a token ends; an
            OSError of it counts as a network fault.
        conversation: what is said.
        outbox: what waits to be sent.
        who: fields that tell this peer from others in the log.

    Attributes:
        connected: whether a connection is open and the greeting on its way.
        connections: how many connections were made so far.
    """

    def __init__(
        self, connect: Connector, token: Token, conversation: Conversation, outbox: Outbox, **who: str
    ) -> None:
        self._log = structlog.get_logger(__name__).bind(**who)
        self._connect = connect
        self._token = token
        self._conversation = conversation
        self._outbox = outbox
        self._changed = trio.Event()
        self._is_finished = False
        self._began = inf
        self._last_error: OrchestratorError | None = None
        self.connected = False
        self.connections = 0

    async def wait_connected(self) -> None:
        """Wait until a connection is open.

        Raises:
            trio.ClosedResourceError: there will be none any more.
        """
        await trio.lowlevel.checkpoint()
        while not self.connected:
            if self._outbox.closed:
                raise trio.ClosedResourceError("the `async with` this belongs to is over")
            await self._changed.wait()

    async def run(self) -> None:
        """Stay connected until the outbox is closed.

        Raises:
            ConnectionRefusedByServer: coming back unchanged would be useless.
        """
        backoff = Backoff()
        try:
            while not self._outbox.closed:
                self._began = inf
                try:
                    await self._converse()
                except ConnectionLost as lost:
                    # Other endings cancel whoever waits, so that one thing that went wrong stays one.
                    self._conversation.end()
                    if trio.current_time() - self._began > LONGEST:
                        backoff.reset()
                    await self._recover(lost, backoff.next_pause())
        except ConnectionRefusedByServer as refusal:
            if self._last_error is None:
                raise
            raise ConnectionRefusedByServer(refusal.code, refusal.reason, self._last_error) from None
        self._is_finished = True
        self._notify()

    async def close(self) -> None:
        """Send what waits, close politely, both within a few seconds; at once where there is no connection.

        Where the server refuses us meanwhile, `run` raises that.
        """
        self._outbox.close()
        if self.connected:
            with trio.move_on_after(_FLUSH_TIMEOUT):
                while not self._is_finished:
                    await self._changed.wait()

    def finish(self) -> None:
        """Nobody runs this any more; whoever still waits for something is told so."""
        self._outbox.close()
        self._conversation.end()
        self._notify()

    async def _recover(self, lost: ConnectionLost, pause: float) -> None:
        """Wait before the next connection, unless none is wanted: one that breaks while it ends is no fault."""
        if self._outbox.closed:
            return
        if lost.code == CloseCode.TOO_LARGE:
            self._outbox.forget_in_flight()
        self._log.warning("not connected, will try again", why=str(lost), pause=round(pause, 2))
        await trio.sleep(pause)

    async def _converse(self) -> None:
        """The whole of one connection."""
        token = await fetch_token(self._token)
        async with self._connect() as connection:
            if self._outbox.closed:
                return
            self._begin(token)
            try:
                async with trio.open_nursery() as renewing:
                    renewing.start_soon(self._renew_token, token)
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._send_what_waits, connection)
                        await self._receive(connection)
                    # Not before the peer has been waited for, which the sending ends with.
                    renewing.cancel_scope.cancel()
            except BaseExceptionGroup as group:
                ending = what_ended(group)
                if ending is None:
                    raise
            else:
                return
            finally:
                self._end()
            raise ending

    def _begin(self, token: str | None) -> None:
        # From here to the end nothing awaits: what is said from now on comes behind the greeting.
        self._last_error = None
        self._began = trio.current_time()
        self.connections += 1
        greeting = [outgoing.authenticate(token)] if token is not None else []
        for text in greeting + self._conversation.begin(self.connections):
            self._outbox.put_once(text)
        self.connected = True
        self._notify()
        self._log.info("connected", connection=self.connections)

    def _end(self) -> None:
        self.connected = False
        self._outbox.forget_once()
        self._notify()

    async def _send_what_waits(self, connection: Connection) -> None:
        try:
            while (message := await self._outbox.next()) is not None:
                text, key = message
                await connection.send(text)
                if key is not None:
                    self._outbox.sent(key, text)
        except (ConnectionLost, ConnectionRefusedByServer):
            return  # `_receive` says so, after what was received before, which may tell why
        await connection.close()  # nobody receives any more: a refusal that comes now is told from here

    async def _receive(self, connection: Connection) -> None:
        complained = False
        try:
            while True:
                text = await connection.receive()
                try:
                    error = self._conversation.hear(text)
                except NotUnderstood as fault:
                    if not complained:
                        self._log.warning(
                            "a message was not understood and left out; more of them stay unsaid", why=str(fault)
                        )
                    complained = True
                    continue
                if error is not None and error.code in _ABOUT_THE_TOKEN:
                    self._last_error = error
        except ConnectionLost:
            if not self._outbox.closed:
                raise  # else this is our own closing

    async def _renew_token(self, token: str | None) -> None:
        """Show another token before the present one ends, so that the connection outlives it."""
        while callable(self._token) and token is not None and (pause := renewal_pause(token)) is not None:
            await trio.sleep(pause)
            try:
                newer = await fetch_token(self._token)
            except ConnectionLost as fault:
                self._log.warning("the token could not be renewed, will try again", why=str(fault))
                continue
            if newer is not None and newer != token and not self._outbox.closed:
                token = newer
                self._outbox.put_once(outgoing.authenticate(token))

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


@asynccontextmanager
async def kept_open(link: Link) -> AsyncIterator[None]:
    """Run `link` for the length of an `async with`; one thing that goes wrong comes out as itself, not in a group."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            yield
            await link.close()
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        problem = only_problem(group)
        if problem is None:
            raise
    else:
        return
    finally:
        link.finish()
    raise problem
