"""Those who are not held against anything, and must not disturb those who are: they flood, do not read, get lost."""

import random
import socket
import struct
from typing import Final

import trio

_KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="
_BOXES: Final = ", ".join(['{"boxId":1,"rect":[0.1,0.2,0.3,0.4],"objectType":"person","certainty":0.9}'] * 10)


def frame(payload: bytes, announced: int | None = None) -> bytes:
    """A text frame with a mask of zeros, which leaves its payload as it is."""
    length = len(payload) if announced is None else announced
    head = bytes((0x81, 0x80 | length)) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
    return head + bytes(4) + payload


def upgrade(path: bytes) -> bytes:
    """The request of a WebSocket."""
    return (
        b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + _KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


STAGES: Final = (
    b"",
    b"GET /objectIds HTTP/1.1\r\nHo",
    b"GET /objectIds HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /timelines?objectId=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /ti",
    upgrade(b"/client")[:-2],
    upgrade(b"/client"),
    upgrade(b"/nowhere"),
    upgrade(b"/processor") + frame(b'{"type":"identifier","id":"stranger"}'),
    upgrade(b"/client") + frame(b"x" * 300, announced=5000),
    upgrade(b"/client") + frame(b'{"type":"start"}') + frame(b"nonsense"),
    upgrade(b"/client") + b"\x88\x82" + bytes(4) + b"\x03\xe8",
    upgrade(b"/client") + b"\xff\xff\xff\xff",
    bytes(range(256)) * 4 + b"\r\n\r\n",
)


async def get_lost(port: int, chance: random.Random, over: trio.Event) -> None:
    """Connect, come as far as some stage, and be gone: reset, closed, or silent for a while."""
    while not over.is_set():
        try:
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            sent = chance.choice(STAGES)
            if sent:
                await stream.send_all(sent[: chance.randint(1, len(sent))] if chance.random() < 0.2 else sent)
            await trio.sleep(chance.choice((0, 0, 0.01, 0.5)))
            if chance.random() < 0.5:
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await trio.aclose_forcefully(stream)
        except OSError:
            pass
        await trio.sleep(chance.uniform(0, 0.05))


async def flood(port: int, chance: random.Random, over: trio.Event) -> None:
    """Be a camera that sends as fast as it can for a moment, and then nothing for another."""
    boxes = frame(f'{{"type":"boundingBoxes","frameId":1,"boxes":[{_BOXES}]}}'.encode()) * 20
    while not over.is_set():
        try:
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(upgrade(b"/processor") + frame(b'{"type":"identifier","id":"flood"}'))
                with trio.move_on_after(chance.uniform(0.2, 1)):
                    while not over.is_set():
                        await stream.send_all(boxes)
        except (OSError, trio.BrokenResourceError):
            pass
        await trio.sleep(chance.uniform(0.5, 2))


async def read_slowly(port: int, chance: random.Random, over: trio.Event) -> None:
    """Be a client that wants all and reads little, or nothing, until the server has had enough."""
    while not over.is_set():
        connection = trio.socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        reads = chance.choice((0, 1024, 16384))
        try:
            await connection.connect(("127.0.0.1", port))
            wants = frame(b'{"type":"setUsesImages","usesImages":true}')
            await connection.send(upgrade(b"/client") + wants)
            with trio.move_on_after(chance.uniform(2, 20)):
                while not over.is_set():
                    await trio.sleep(0.1)
                    if reads and not await connection.recv(reads):
                        break
        except OSError:
            pass
        finally:
            connection.close()
