"""The orchestrator with one part put the plain way: `python -m benchmarks.variants NAME`.

Each variant takes the place of functions and methods where they are looked up, in this process only; the product knows
nothing of it. What is not there any more to be replaced is an error: such a variant would measure nothing.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from types import FunctionType
from typing import Any, Final, NamedTuple

import trio
import trio_websocket

from trio_orchestrator import cli
from trio_orchestrator.connections import broadcast
from trio_orchestrator.connections.boxes_lane import Batch, BoxFrame
from trio_orchestrator.connections.broadcast import Broadcast
from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.session import Session
from trio_orchestrator.connections.shared_file import SharedFile
from trio_orchestrator.net import intake, websocket
from trio_orchestrator.net.intake import Intake
from trio_orchestrator.net.read_loop import ReadLoop
from trio_orchestrator.net.transport import Transport
from trio_orchestrator.protocol import frames, inbound, usual
from trio_orchestrator.protocol.frames import ForEngine, text_frame
from trio_orchestrator.protocol.outbound import bounding_boxes
from trio_orchestrator.tracking import hub

_Connection = websocket._Connection

# What is replaced and still used by what replaces it.
_live = _Connection.live
_offer_boxes = Outbox.offer_boxes


class Substitution(NamedTuple):
    """One part in the place of another.

    Attributes:
        owner: the module or class that has it.
        name: what it is called there.
        part: what takes its place.
    """

    owner: Any
    name: str
    part: Any

    def take_effect(self) -> None:
        """Put it there, for as long as the process lives.

        Raises:
            AttributeError: there is nothing of that name.
        """
        if not hasattr(self.owner, self.name):
            raise AttributeError(f"{self.owner.__name__} has no {self.name} any more: nothing would be left out")
        setattr(self.owner, self.name, self.part)

    def functions(self) -> Sequence[FunctionType]:
        """What has to run if the substitution is to mean anything."""
        mine = vars(self.part).values() if isinstance(self.part, type) else (self.part,)
        return [function for function in mine if isinstance(function, FunctionType)]


class EverythingForEngine:
    """Takes no message out of the bytes: all that a peer sends passes through trio-websocket and wsproto."""

    def __init__(self, max_message_bytes: int) -> None:
        self.max_message_bytes = max_message_bytes

    def receive_one(self, _data: bytes) -> None:
        return None

    def receive(self, data: bytes) -> Iterator[ForEngine]:
        yield ForEngine(data)


async def _live_with_engine(connection: _Connection, nursery: trio.Nursery, session: Session, *others: Any) -> None:
    nursery.start_soon(_take_from_engine, connection, session)
    await _live(connection, nursery, session, *others)


async def _take_from_engine(connection: _Connection, session: Session) -> None:
    assert connection._engine is not None
    while True:
        try:
            message = await connection._engine.get_message()
        except trio_websocket.ConnectionClosed:
            return
        pause = session.receive(message.encode() if isinstance(message, str) else message)
        if pause is not None:
            await pause


async def _run_alone(intake: Intake, _read_loop: ReadLoop) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await intake._transport.receive_some():
            rest = intake.begin(data, trio.current_time())
            if rest is not None:
                await intake.take_rest(rest)


class Unencoded(tuple[bytes, bytes, bytes]):
    """What `bounding_boxes` would have encoded: head, frame id and boxes."""

    __slots__ = ()


class UnencodedBatch(Batch):
    """Frames that are encoded by nobody but the outboxes."""

    def __init__(self, frames: Sequence[BoxFrame]) -> None:
        self.frames = frames
        self.joined = b""
        self.size = 0


def _offer_own_boxes(outbox: Outbox, batch: Batch) -> None:
    own = [(camera, text_frame(*bounding_boxes(*parts))) for camera, parts in batch.frames]
    _offer_boxes(outbox, Batch(own))


def _publish_at_once(broadcast: Broadcast, camera_id: str, message: Sequence[bytes]) -> None:
    batch = Batch([(camera_id, text_frame(*message))])
    for outbox, cameras in broadcast._wants.items():
        if cameras is None or camera_id in cameras:
            outbox.offer_boxes(batch)


def _without_tick(_broadcast: Broadcast) -> AbstractContextManager[None]:
    return nullcontext()


def _no_number(_file: SharedFile) -> None:
    return None


def _send_nothing(_transport: Transport, _data: bytes, _file: SharedFile | None = None) -> int:
    return 0


VARIANTS: Final[Mapping[str, Sequence[Substitution]]] = {
    "messages through trio-websocket": (
        Substitution(intake, "FrameReader", EverythingForEngine),
        Substitution(_Connection, "live", _live_with_engine),
        Substitution(Intake, "run", _run_alone),
    ),
    "each socket read in its own task": (Substitution(Intake, "run", _run_alone),),
    "a task switch before each look": (Substitution(ReadLoop, "_take_turns", ReadLoop._take_turn),),
    "encoded for each client": (
        Substitution(hub, "bounding_boxes", lambda *parts: parts),
        Substitution(broadcast, "text_frame", lambda *unencoded: Unencoded(unencoded)),
        Substitution(broadcast, "Batch", UnencodedBatch),
        Substitution(Outbox, "offer_boxes", _offer_own_boxes),
    ),
    "handed over at each message": (Substitution(Broadcast, "publish", _publish_at_once),),
    "handed over in a pass of its own": (Substitution(Broadcast, "tick", _without_tick),),
    "copied for each client": (Substitution(SharedFile, "number", _no_number),),
    "always through the writer task": (Substitution(Transport, "send_nowait", _send_nothing),),
    "read in Python": (
        Substitution(frames, "usual_text", usual.usual_text),
        Substitution(frames, "usual_texts", usual.usual_texts),
        Substitution(inbound, "usual_members", usual.usual_members),
        Substitution(broadcast, "text_frame", usual.text_frame),
    ),
}

if __name__ == "__main__":
    for substitution in VARIANTS[sys.argv[1]]:
        substitution.take_effect()
    sys.exit(cli.main([]))
