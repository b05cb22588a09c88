"""The orchestrator with one part put the plain way: `python -m benchmarks.variants NAME`.

Each variant takes the place of a class or function where the composition looks it up, in this process only; the
product knows nothing of it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import trio
import trio_websocket
from msgspec import Raw
from websockets.utils import apply_mask as apply_mask_in_python

from trio_orchestrator import cli, server
from trio_orchestrator.connections import broadcast
from trio_orchestrator.connections.boxes_lane import Batch, BoxFrame
from trio_orchestrator.connections.broadcast import Broadcast
from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.session import Session
from trio_orchestrator.net import front_door, websocket
from trio_orchestrator.net.transport import Transport
from trio_orchestrator.protocol import frames
from trio_orchestrator.protocol.frames import text_frame
from trio_orchestrator.protocol.outbound import bounding_boxes
from trio_orchestrator.tracking import hub
from trio_orchestrator.tracking.ports import Outbox as AnyOutbox


class EngineConnection(websocket._Connection):
    """Without the fast lane: all that a peer sends passes through trio-websocket and wsproto."""

    async def _read(self, session: Session) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed, nursery.cancel_scope)
            assert self._engine is not None
            while True:
                try:
                    message = await self._engine.get_message()
                except trio_websocket.ConnectionClosed:
                    nursery.cancel_scope.cancel()
                    return
                rest = session.receive(message.encode() if isinstance(message, str) else message)
                if rest is not None:
                    await rest

    async def _feed(self, scope: trio.CancelScope) -> None:
        while data := await self._receive():
            self._heard = trio.current_time()
            await self._engine_stream.feed(data)
        scope.cancel()

    async def _receive(self) -> bytes:
        try:
            return await self._transport.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""


class Unencoded(tuple[bytes, Raw, Raw]):
    """What `bounding_boxes` would have encoded: head, frame id and boxes."""

    __slots__ = ()


class UnencodedBatch(Batch):
    """Frames that are encoded by nobody but the outboxes."""

    def __init__(self, frames: Sequence[BoxFrame]) -> None:
        self.frames = frames
        self.joined = b""


class EncodingOutbox(Outbox):
    """Without the sharing: every client's frames are encoded, framed and joined for it alone."""

    def offer_boxes(self, batch: Batch) -> None:
        own = [(camera, text_frame(bounding_boxes(*parts))) for camera, parts in batch.frames]
        super().offer_boxes(Batch(own))


class EagerBroadcast(Broadcast):
    """Without the tick: every frame is handed to every outbox at once, by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._members: dict[AnyOutbox, frozenset[str] | None] = {}

    def join(self, outbox: AnyOutbox, cameras: frozenset[str] | None) -> None:
        self._members[outbox] = cameras

    def leave(self, outbox: AnyOutbox) -> None:
        self._members.pop(outbox, None)

    def publish(self, camera_id: str, message: bytes) -> None:
        batch = Batch([(camera_id, text_frame(message))])
        for outbox, cameras in self._members.items():
            if cameras is None or camera_id in cameras:
                assert isinstance(outbox, Outbox)
                outbox.offer_boxes(batch)


class WaitingTransport(Transport):
    """Without the direct write: the socket takes nothing but from the writer task."""

    def send_nowait(self, data: bytes) -> int:
        return 0


def _put(module: Any, name: str, part: object) -> None:
    if not hasattr(module, name):
        raise AttributeError(f"{module.__name__} has no {name} any more: nothing would be left out")
    setattr(module, name, part)


def _without_fast_lane() -> None:
    _put(websocket, "_Connection", EngineConnection)


def _without_sharing() -> None:
    _put(hub, "bounding_boxes", lambda *parts: Unencoded(parts))
    _put(broadcast, "text_frame", lambda unencoded: unencoded)
    _put(broadcast, "Batch", UnencodedBatch)
    _put(websocket, "Outbox", EncodingOutbox)


def _without_tick() -> None:
    _put(server, "Broadcast", EagerBroadcast)


def _without_direct_write() -> None:
    _put(front_door, "Transport", WaitingTransport)


def _without_compiled_unmasking() -> None:
    _put(frames, "apply_mask", apply_mask_in_python)


VARIANTS: Final[Mapping[str, Callable[[], None]]] = {
    "messages through trio-websocket": _without_fast_lane,
    "encoded for each client": _without_sharing,
    "handed over at each message": _without_tick,
    "always through the writer task": _without_direct_write,
    "unmasked in Python": _without_compiled_unmasking,
}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]]()
    sys.exit(cli.main([]))
