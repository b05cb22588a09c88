"""The processor half of the SDK: one camera's boxes and feature maps out, commands in."""

import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import structlog

from . import outgoing
from .address import parse_url
from .connection import Connector, connector
from .errors import OrchestratorError
from .inbox import Inbox, Incoming
from .link import Link, kept_open
from .messages import COMMANDS, Box, Command, Connected, Error, FrameId, key_of
from .news import Feature
from .outbox import Outbox
from .tokens import Token

MAX_CAMERA_ID_CHARACTERS: Final = 256  # docs/protocol.md, `identifier`
MAX_COMPLAINTS: Final = 100

_log = structlog.get_logger(__name__)


class ProcessorStatistics(NamedTuple):
    """How a processor's connection has fared.

    Attributes:
        connected: whether a connection is open now.
        connections: how many were made so far.
        frames_sent: frames handed to a socket.
        frames_dropped: frames that gave way to newer ones, offline or because the socket was full.
    """

    connected: bool
    connections: int
    frames_sent: int
    frames_dropped: int


class _Commands:
    """`link.Conversation` of a processor."""

    def __init__(self, camera_id: str, inbox: Inbox[Command], features: Iterable[Feature]) -> None:
        self._camera_id = camera_id
        self._greeting = [outgoing.identifier(camera_id), *outgoing.hello(features)]
        self._inbox = inbox
        self._complained: set[str] = set()

    def begin(self, number: int) -> list[bytes]:
        self._complained.clear()
        self._inbox.put_mark(Connected(number))
        return self._greeting

    def hear(self, text: str | bytes) -> OrchestratorError | None:
        message = COMMANDS.decode(text)
        if isinstance(message, Error):
            return self._complain(OrchestratorError(message.code, message.message))
        if message is not None:
            self._inbox.put(message, len(text), key_of(message))
        return None

    def end(self) -> None:
        """Nothing waits for an answer."""

    def _complain(self, error: OrchestratorError) -> OrchestratorError:
        # Once a code and connection: what is wrong in one frame is usually wrong in all. There are but a few codes.
        if error.code not in self._complained and len(self._complained) < MAX_COMPLAINTS:
            self._complained.add(error.code)
            _log.warning("the orchestrator refused a message", camera=self._camera_id, why=str(error))
        return error


class Processor(Incoming[Command]):
    """A camera's processor, as made by `open_processor`; iterate over it for the commands.

    Sending never waits. After the end of the `async with` it raises `trio.ClosedResourceError`; what came before can
    still be iterated over.
    """

    def __init__(self, camera_id: str, link: Link, outbox: Outbox, inbox: Inbox[Command]) -> None:
        super().__init__(inbox)
        self.camera_id = camera_id
        self._link = link
        self._outbox = outbox

    def send_boxes(self, frame_id: FrameId, boxes: Iterable[Box | Mapping[str, object]]) -> None:
        """Say what is seen in one frame; where frames cannot leave fast enough, the newest 30 are kept.

        Args:
            frame_id: names the frame, usually its time in seconds as a float.
            boxes: the boxes, as `Box` or in the form of the protocol; none is fine.

        Raises:
            ValueError: a number is none that JSON has (NaN, infinity).
        """
        self._outbox.put_frame(outgoing.bounding_boxes(frame_id, boxes))

    def send_feature_map(self, object_id: int, feature_map: Any) -> None:
        """Say what an object looks like; kept while offline, the newest of each object.

        What had left just before a connection broke may be lost: where `FeatureMap.is_empty` comes for an object
        that is followed here, send it again.

        Args:
            object_id: as `Start` gave it.
            feature_map: anything JSON can hold, but None.

        Raises:
            OutboxFull: the feature maps of 10,000 other objects wait.
            ValueError: it is None, or holds a number that JSON has not (NaN, infinity).
        """
        self._outbox.put_kept(object_id, outgoing.feature_map(object_id, feature_map))

    async def wait_connected(self) -> None:
        """Wait until a connection is open."""
        await self._link.wait_connected()

    def statistics(self) -> ProcessorStatistics:
        """How the connection has fared so far."""
        return ProcessorStatistics(
            self._link.connected, self._link.connections, self._outbox.frames_sent, self._outbox.frames_dropped
        )


@asynccontextmanager
async def open_processor(
    url: str,
    id: str,
    token: Token = None,
    *,
    features: Iterable[Feature] = (),
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Processor]:
    """Be the processor of camera `id` for the length of the `async with`, connected whenever the server can be reached.

    It is entered at once, connected or not. A broken connection is made again after 0.2 to 10 seconds; then
    `Connected` comes, and the feature maps of all live objects behind it. At a normal end what waits is sent first, and
    its answers are waited for, within four seconds; where there is no connection (`wait_connected`) it is dropped.

    Args:
        url: the server, `ws://localhost:8080`, or its `/processor` socket.
        id: the camera, any string of at most 256 characters.
        token: a JSON Web Token, or a function (async or not) that returns one and is called for each connection, and
            again before the last one ends. Where it raises OSError or takes ten seconds, it is called again later.
        features: what else to be told, as for `open_client`.
        ssl_context: for `wss://`; None for the system's certificates.

    Raises:
        ValueError: the URL is none, or does not go with `ssl_context`; the id is too long or no text; `features` is a
            single string.
        ConnectionRefusedByServer: something must be changed before coming back.
        InboxFull: commands were not iterated over; 10,000 wait (of `FeatureMap`, and of `Start` with an image, 100,000
            in all), or 256 MiB.
    """
    connect = connector(parse_url(url, "/processor"), ssl_context)
    async with run_processor(connect, id, token, features) as processor:
        yield processor


@asynccontextmanager
async def run_processor(
    connect: Connector, camera_id: str, token: Token, features: Iterable[Feature] = ()
) -> AsyncIterator[Processor]:
    """As `open_processor`, over the connections that `connect` opens."""
    if len(camera_id) > MAX_CAMERA_ID_CHARACTERS:
        raise ValueError(f"the camera's id has {len(camera_id)} characters, more than {MAX_CAMERA_ID_CHARACTERS}")
    outbox, inbox = Outbox(), Inbox[Command]()
    link = Link(connect, token, _Commands(camera_id, inbox, features), outbox, camera=camera_id)
    try:
        async with kept_open(link):
            yield Processor(camera_id, link, outbox, inbox)
    finally:
        inbox.close()
