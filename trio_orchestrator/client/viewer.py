"""The client half of the SDK: requests out and their answers, events in."""

import itertools
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from . import outgoing
from .address import parse_url
from .connection import Connector, connector
from .errors import OrchestratorError, OutcomeUnknown
from .inbox import Inbox, Incoming
from .link import Link, kept_open
from .messages import Accepted, BoundingBoxes, BoxId, Connected, Error, Event, FrameId, decode_event, key_of
from .news import Feature
from .outbox import Outbox
from .tokens import Token


class _Answer:
    """What one request waits for: an object id, or an exception."""

    def __init__(self) -> None:
        self.came = trio.Event()
        self.result: int | Exception = OutcomeUnknown("the connection broke before the answer came")

    def set(self, result: int | Exception) -> None:
        self.result = result
        self.came.set()


class _Events:
    """`link.Conversation` of a client.

    Attributes:
        answers: what requests wait for, by request id.
        images: the wish for images as it is to be said; nothing where there is none.
    """

    def __init__(self, inbox: Inbox[Event], features: Iterable[Feature]) -> None:
        self._inbox = inbox
        self._hello = outgoing.hello(features)
        self.answers: dict[str, _Answer] = {}
        self.images: list[bytes] = []
        self._subscription: list[bytes] = []
        self._wanted: frozenset[str] | None = None

    def subscribe(self, camera_ids: Iterable[str] | None) -> list[bytes]:
        """From now on the boxes of these cameras are wanted, of all where None; what is to be said of it."""
        wanted = None if camera_ids is None else outgoing.strings(camera_ids)
        self._subscription = [outgoing.subscribe(wanted)]
        self._wanted = None if wanted is None else frozenset(wanted)
        return self._subscription

    def begin(self, number: int) -> list[bytes]:
        self._inbox.put_mark(Connected(number))
        return self._hello + self._subscription + self.images

    def hear(self, text: str | bytes) -> OrchestratorError | None:
        """See `link.Conversation`: answers go to whoever waits for them, all else to whoever iterates."""
        event = decode_event(text)
        if isinstance(event, BoundingBoxes):
            # A new connection brings the boxes of all cameras until the server has heard the subscription.
            if self._wanted is None or event.camera_id in self._wanted:
                self._inbox.put_frame(event, len(text))
        elif isinstance(event, Accepted):
            self._answer(event.request_id, event.object_id)
        elif isinstance(event, Error):
            error = OrchestratorError(event.code, event.message)
            if not self._answer(event.request_id, error):
                self._inbox.put(event, len(text))
            return error
        elif event is not None:
            self._inbox.put(event, len(text), key_of(event))
        return None

    def end(self) -> None:
        for answer in self.answers.values():
            answer.came.set()
        self.answers.clear()

    def _answer(self, request_id: str | None, result: int | Exception) -> bool:
        answer = self.answers.pop(request_id, None) if request_id is not None else None
        if answer is not None:
            answer.set(result)
        return answer is not None


class Client(Incoming[Event]):
    """An operator's connection, as made by `open_client`; iterate over it for the events.

    A call after the end of the `async with` raises `trio.ClosedResourceError`; what came before can still be iterated
    over.
    """

    def __init__(self, link: Link, outbox: Outbox, inbox: Inbox[Event], events: _Events) -> None:
        super().__init__(inbox)
        self._link = link
        self._outbox = outbox
        self._events = events
        self._numbers = itertools.count(1)

    async def start(
        self,
        camera_id: str,
        *,
        image: str | None = None,
        frame_id: FrameId | None = None,
        box_id: BoxId | None = None,
    ) -> int:
        """Have an object tracked, and wait until that is durable. Waits for a connection first.

        Where it is cancelled after it was sent, the object may come into being all the same.

        Args:
            camera_id: the camera whose processor is to find it.
            image: a cut-out of it; not needed where both of the next two are given.
            frame_id: the frame it was clicked in, as `BoundingBoxes` had it.
            box_id: the clicked box, likewise.

        Returns:
            The new object's id.

        Raises:
            OrchestratorError: it was not accepted; nothing has changed.
            OutcomeUnknown: the connection broke before the answer came. It is not sent again.
            ValueError: neither an image nor a frame and a box.
        """
        request_id = str(next(self._numbers))
        return await self._ask(request_id, outgoing.start(camera_id, image, frame_id, box_id, request_id=request_id))

    async def stop(self, object_id: int) -> None:
        """Have an object no longer tracked, and wait until that is durable; raises as `start` does."""
        request_id = str(next(self._numbers))
        await self._ask(request_id, outgoing.stop(object_id, request_id=request_id))

    def set_uses_images(self, uses_images: bool) -> None:
        """Want `NewObject` and `Stopped` from now on, or not; said again on every new connection.

        Each time it becomes true, one `NewObject` comes for every live object that has an image.
        """
        self._outbox.check_open()
        self._events.images = [outgoing.set_uses_images(uses_images)]
        self._wish(self._events.images)

    def subscribe(self, camera_ids: Iterable[str] | None) -> None:
        """Want the boxes of these cameras only, of all where None; said again on every new connection.

        Raises:
            ValueError: a single string; one camera is `["cam1"]`.
        """
        self._outbox.check_open()
        self._wish(self._events.subscribe(camera_ids))

    async def wait_connected(self) -> None:
        """Wait until a connection is open."""
        await self._link.wait_connected()

    @property
    def connected(self) -> bool:
        """Whether a connection is open now."""
        return self._link.connected

    @property
    def frames_dropped(self) -> int:
        """Frames of boxes that came and gave way to newer ones because nobody read them in time: 256 or 32 MiB wait."""
        return self._inbox.frames_dropped

    def _wish(self, texts: list[bytes]) -> None:
        """Say `texts`; without a connection the next one begins with them."""
        if self._link.connected:
            for text in texts:
                self._outbox.put_once(text)

    async def _ask(self, request_id: str, text: bytes) -> int:
        await self._link.wait_connected()
        self._outbox.put_once(text)
        answer = self._events.answers[request_id] = _Answer()
        try:
            await answer.came.wait()
        finally:
            self._events.answers.pop(request_id, None)
            self._outbox.take_back(text)
        if isinstance(answer.result, Exception):
            raise answer.result
        return answer.result


@asynccontextmanager
async def open_client(
    url: str, token: Token = None, *, features: Iterable[Feature] = (), ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[Client]:
    """Be a client for the length of the `async with`, connected whenever the server can be reached.

    It is entered at once, connected or not. A broken connection is made again after 0.2 to 10 seconds, with the same
    subscription and wish for images; then `Connected` comes, and behind it new snapshots for `features`.

    Args:
        url: the server, `ws://localhost:8080`, or its `/client` socket.
        token: a JSON Web Token, or a function (async or not) that returns one and is called for each connection, and
            again before the last one ends. Where it raises OSError or takes ten seconds, it is called again later.
        features: what else to be told: `cameras` (as `Cameras`, `CameraChange`), `tracking` (as `Tracked`,
            `TrackingChange`), `lagged` (as `Lagged`); `Overview` makes a whole of the first two.
        ssl_context: for `wss://`; None for the system's certificates.

    Raises:
        ValueError: the URL is none, or does not go with `ssl_context`; `features` is a single string.
        ConnectionRefusedByServer: something must be changed before coming back.
        InboxFull: events were not iterated over; 10,000 wait (`BoundingBoxes` not counted, and of `NewObject` with an
            image 100,000), or 256 MiB.
    """
    connect = connector(parse_url(url, "/client"), ssl_context)
    async with run_client(connect, token, features) as client:
        yield client


@asynccontextmanager
async def run_client(connect: Connector, token: Token, features: Iterable[Feature] = ()) -> AsyncIterator[Client]:
    """As `open_client`, over the connections that `connect` opens."""
    outbox, inbox = Outbox(), Inbox[Event]()
    events = _Events(inbox, features)
    link = Link(connect, token, events, outbox)
    try:
        async with kept_open(link):
            yield Client(link, outbox, inbox, events)
    finally:
        inbox.close()
