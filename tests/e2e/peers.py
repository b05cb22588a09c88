"""Clients and processors that are not ours: the `websockets` package, in plain functions."""

import json
import ssl
import time
import types
from collections import deque
from contextlib import ExitStack
from typing import Any, Final, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket

from .running import Urls

PATIENCE: Final = 10.0
"""Seconds after which something that was to come will not come any more."""


class Peer:
    """One end of a WebSocket.

    Args:
        url: where to connect to.
        context: what TLS needs.
        queue: about how many messages it reads ahead of the test; None: all, the closing frame behind them as well.
    """

    def __init__(self, url: str, context: ssl.SSLContext | None = None, queue: int | None = None) -> None:
        self._open = ExitStack()
        connecting = connect_websocket(
            url,
            ssl=context,
            max_size=None,
            max_queue=queue,
            open_timeout=PATIENCE,
            close_timeout=PATIENCE,
            proxy=None,
        )
        self.connection: ClientConnection = self._open.enter_context(connecting)
        self._heard: deque[str] = deque()

    def say(self, kind: str, **members: Any) -> None:
        """Send a message of that type."""
        self.say_text(json.dumps({"type": kind, **members}))

    def say_text(self, text: str | bytes) -> None:
        """Send `text` as it is, in a text frame; in a binary one where it is bytes."""
        self.connection.send(text)

    def hear_text(self, seconds: float = PATIENCE) -> str:
        """The next message as it came over the wire, waiting for it if need be."""
        if self._heard:
            return self._heard.popleft()
        text = self.connection.recv(seconds)
        assert isinstance(text, str), "the orchestrator sends text frames"
        return text

    def hear(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(self.hear_text(seconds))
        return message

    def hear_kind(self, kind: str) -> dict[str, Any]:
        """The next message, which must be of type `kind`."""
        message = self.hear()
        assert message["type"] == kind, message
        return message

    @property
    def has_heard(self) -> bool:
        """Whether something was kept that is still to be heard."""
        return bool(self._heard)

    def settle(self) -> None:
        """Wait until all that was said so far has been dealt with; what is heard meanwhile is kept.

        Messages are handled in the order they came, so the error that nonsense gets comes after all the rest. Twice,
        as boxes that another peer sent before are handed over one turn of the server later.
        """
        heard: list[str] = []
        for _ in range(2):
            self.say_text("settle")
            while '"not_json"' not in (text := self.hear_text()):
                heard.append(text)
        self._heard.extend(heard)

    def assert_silence(self) -> None:
        """Nothing was sent to this peer that it has not heard, once all that it said is dealt with."""
        self.settle()
        assert not self._heard, list(self._heard)

    def wait_closed(self, seconds: float = PATIENCE) -> int:
        """Hear the server out; the code it closes the connection with."""
        until = time.monotonic() + seconds
        try:
            while True:
                self.connection.recv(until - time.monotonic())
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, f"the connection ended without a closing frame: {closed}"
            return closed.rcvd.code

    def close(self) -> None:
        """End the connection in good order."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: types.TracebackType | None,
    ) -> None:
        self.close()


def client(urls: Urls, *, images: bool = False, context: ssl.SSLContext | None = None) -> Peer:
    """An operator's interface, on TLS where there is a `context`."""
    peer = Peer(urls.websocket("/client", tls=context is not None), context)
    if images:
        peer.say("setUsesImages", usesImages=True)
        peer.settle()
    return peer


def processor(urls: Urls, camera: str, *, context: ssl.SSLContext | None = None) -> Peer:
    """The processor of `camera`, registered when this returns; likewise."""
    peer = Peer(urls.websocket("/processor", tls=context is not None), context)
    peer.say("identifier", id=camera)
    peer.settle()
    return peer


def start(operator: Peer, camera: str, **members: Any) -> int:
    """Have an object tracked that was clicked in the first frame, or as `members` say; its id, once it is durable."""
    operator.say("start", cameraId=camera, requestId="begin", **(members or {"frameId": 0.5, "boxId": 1}))
    while True:
        message = operator.hear()
        if message.get("requestId") == "begin":
            object_id: int = message["objectId"]
            return object_id


def box(object_id: int | None = None, number: int = 1) -> dict[str, Any]:
    """A box as real processors write it, re-identified where there is an `object_id`."""
    made: dict[str, Any] = {
        "boxId": number,
        "rect": [0.1, 0.2, 0.3, 0.4],
        "objectType": "person",
        "certainty": 0.97,
    }
    return made if object_id is None else made | {"objectId": object_id}
