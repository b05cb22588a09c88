"""A wire that takes as much as the test lets it, and what a client reads at its other end."""

import json
import math
import os

import trio
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from trio_orchestrator.connections.boxes_lane import Batch, BoxFrame
from trio_orchestrator.connections.shared_file import SharedFile
from trio_orchestrator.protocol.frames import close_frame, text_frame


class FakeWire:
    """The socket of a peer.

    Attributes:
        capacity: how many bytes it takes before it is full.
        taken: what it has taken.
        calls: how often it was written to.
        from_file: how often a file was to be sent from.
    """

    def __init__(self, capacity: float = math.inf) -> None:
        self.capacity = capacity
        self.taken = bytearray()
        self.calls = self.from_file = 0
        self._broken = False
        self._changed = trio.Event()

    def send_nowait(self, data: bytes, file: SharedFile | None = None) -> int:
        self.calls += 1
        if self._broken:
            raise BrokenPipeError
        if file is not None:
            self.from_file += 1
            number = file.number()
            assert number is not None
            assert os.pread(number, len(data) + 1, 0) == data
        size = int(min(self.capacity, len(data)))
        self.capacity -= size
        self.taken += data[:size]
        return size

    async def send_some(self, data: memoryview) -> int:
        await trio.lowlevel.checkpoint()
        while not self.capacity and not self._broken:
            await self._changed.wait()
        if self._broken:
            raise trio.BrokenResourceError
        return self.send_nowait(bytes(data))

    def give(self, capacity: float = math.inf) -> None:
        """Let it take so many bytes more."""
        self.capacity += capacity
        self._wake()

    def tear(self) -> None:
        """Break it."""
        self._broken = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def read(self) -> list[str]:
        """What the client has read so far: whole messages, and how the connection was closed."""
        connection = Connection(ConnectionType.CLIENT)
        connection.receive_data(bytes(self.taken))
        read: list[str] = []
        message = ""
        for event in connection.events():
            match event:
                case TextMessage():
                    message += event.data
                    if event.message_finished:
                        read.append(message)
                        message = ""
                case CloseConnection():
                    read.append(f"closed: {int(event.code)}")
                case Ping() | Pong():
                    read.append(type(event).__name__.lower())
                case BytesMessage():
                    raise AssertionError("a server sends text")
        return read

    def read_boxes(self) -> dict[str, list[int]]:
        """The numbers of the frames of boxes that were read, by camera."""
        boxes: dict[str, list[int]] = {}
        for text in self.read():
            if text.startswith('{"camera"'):
                frame = json.loads(text)
                boxes.setdefault(frame["camera"], []).append(frame["number"])
        return boxes

    def read_control(self) -> list[str]:
        """All else that was read."""
        return [text for text in self.read() if not text.startswith('{"camera"')]


CLOSING_FRAME = close_frame(4452, "too slow")


def box_frame(camera: str, number: int, size: int = 0) -> BoxFrame:
    """One camera's frame of boxes that is easily told from others."""
    text = json.dumps({"camera": camera, "number": number, "more": "x" * size})
    return camera, text_frame(text.encode())


def batch(*frames: BoxFrame) -> Batch:
    return Batch(frames)
