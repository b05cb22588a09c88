"""A client that only listens: what comes, as it comes, for whoever keeps or passes on messages without looking in."""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec

from . import outgoing
from .address import parse_url
from .connection import Connector, connector
from .errors import OrchestratorError
from .inbox import Inbox, Incoming
from .link import Link, kept_open
from .messages import EVENTS, Error, Frame
from .news import Feature
from .outbox import Outbox
from .tokens import Token


class _Texts:
    """`link.Conversation` of a listener."""

    def __init__(self, inbox: Inbox[bytes], features: Iterable[Feature]) -> None:
        self._inbox = inbox
        self._greeting = outgoing.hello(features)

    def begin(self, _number: int) -> list[bytes]:
        return self._greeting

    def hear(self, text: str | bytes) -> OrchestratorError | None:
        message = text.encode() if isinstance(text, str) else text
        event = EVENTS.decode(text)
        if isinstance(event, Frame):
            self._inbox.put_frame(_one_line(message), len(message))
        else:
            self._inbox.put(_one_line(message), len(message))
        return OrchestratorError(event.code, event.message) if isinstance(event, Error) else None

    def end(self) -> None:
        """Nothing waits for an answer."""


class Listener(Incoming[bytes]):
    """What a client is told, as made by `open_listener`; iterate over it for the messages, JSON on one line each."""

    @property
    def frames_dropped(self) -> int:
        """Frames of boxes that came and gave way to newer ones because nobody read them in time: 256 or 32 MiB wait."""
        return self._inbox.frames_dropped


@asynccontextmanager
async def open_listener(
    url: str, token: Token = None, *, features: Iterable[Feature] = (), ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """Be a client that says nothing, for the length of the `async with`; arguments and errors as of `open_client`."""
    async with run_listener(connector(parse_url(url, "/client"), ssl_context), token, features) as listener:
        yield listener


@asynccontextmanager
async def run_listener(connect: Connector, token: Token, features: Iterable[Feature] = ()) -> AsyncIterator[Listener]:
    """As `open_listener`, over the connections that `connect` opens."""
    outbox, inbox = Outbox(), Inbox[bytes]()
    try:
        async with kept_open(Link(connect, token, _Texts(inbox, features), outbox)):
            yield Listener(inbox)
    finally:
        inbox.close()


def _one_line(message: bytes) -> bytes:
    """The message without line breaks between its members; what it says stays as it is."""
    return msgspec.json.format(message, indent=-1) if b"\n" in message or b"\r" in message else message
