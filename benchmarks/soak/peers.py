"""Peers that are held against the model: cameras that come back, watchers that stay, operators that start and stop."""

import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio
import trio_websocket

from .model import CameraSession, Hearing, Model

FRAMES_A_SECOND: Final = 20
_PATIENCE: Final = 10.0
_IMAGE: Final = "A" * 4000
_ENDED: Final = (trio_websocket.ConnectionClosed, trio_websocket.HandshakeError, OSError, trio.BrokenResourceError)


@asynccontextmanager
async def connection(port: int, path: str) -> AsyncIterator[trio_websocket.WebSocketConnection]:
    """A WebSocket to the server on this machine."""
    async with trio_websocket.open_websocket("127.0.0.1", port, path, use_ssl=False, max_message_size=1 << 26) as ws:
        yield ws


def _text(kind: str, **members: Any) -> str:
    return json.dumps({"type": kind, **members})


class Camera:
    """Registers, sends frames with what it was told to find in them, leaves one way or another, and comes back.

    Args:
        model: knows what must come of it.
        port: the server's.
        camera_id: its name.
        chance: decides what it does next.
    """

    def __init__(self, model: Model, port: int, camera_id: str, chance: random.Random) -> None:
        self._model = model
        self._port = port
        self._camera_id = camera_id
        self._chance = chance
        self._found: list[int] = []

    async def run(self, over: trio.Event) -> None:
        """Come and go until it is over."""
        while not over.is_set():
            try:
                async with connection(self._port, "/processor") as ws:
                    await self._live(ws, over)
            except _ENDED as error:
                self._model.violated(f"camera {self._camera_id} was disconnected: {error!r}")
            await trio.sleep(self._chance.uniform(0, 0.5))

    async def _live(self, ws: trio_websocket.WebSocketConnection, over: trio.Event) -> None:
        await ws.send_message(_text("identifier", id=self._camera_id))
        await ws.send_message("settle")  # the error that this gets comes once the camera is registered
        while json.loads(await ws.get_message())["type"] != "error":
            pass
        name, session = self._model.connected(self._camera_id)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear, ws, session)
            with trio.move_on_after(self._chance.uniform(1, 15)):
                while not over.is_set():
                    await trio.sleep(1 / FRAMES_A_SECOND)
                    with trio.CancelScope(shield=True):
                        await self._send_frame(ws, name, session)
            in_good_order = over.is_set() or self._chance.random() < 0.7
            self._model.disconnecting(session, in_good_order=in_good_order)
            if in_good_order:
                await trio.sleep(0.2)  # what it was told before it left must have arrived
                await ws.aclose()
            else:
                await trio.aclose_forcefully(ws._stream)
            nursery.cancel_scope.cancel()

    async def _send_frame(self, ws: trio_websocket.WebSocketConnection, name: str, session: CameraSession) -> None:
        session.sent += 1
        boxes = [{"boxId": 0, "sent": time.monotonic()}]
        boxes += [{"boxId": object_id, "objectId": object_id, "certainty": 0.9} for object_id in self._found[-5:]]
        await ws.send_message(_text("boundingBoxes", frameId=f"{name}.{session.sent}", boxes=boxes))

    async def _hear(self, ws: trio_websocket.WebSocketConnection, session: CameraSession) -> None:
        try:
            while True:
                message = json.loads(await ws.get_message())
                if message["type"] == "start":
                    session.started.add(message["objectId"])
                    self._found.append(message["objectId"])
                    features = {"v": [self._chance.random() for _ in range(50)]}
                    await ws.send_message(_text("featureMap", objectId=message["objectId"], featureMap=features))
                elif message["type"] == "stop" and message["objectId"] in self._found:
                    self._found.remove(message["objectId"])
        except _ENDED:
            pass


async def watch(
    model: Model, port: int, cameras: list[str], *, task_status: trio.TaskStatus[Hearing] = trio.TASK_STATUS_IGNORED
) -> None:
    """Watch `cameras` and all objects from the beginning to the end."""
    async with connection(port, "/client") as ws:
        await ws.send_message(_text("subscribe", cameraIds=cameras))
        await ws.send_message(_text("setUsesImages", usesImages=True))
        await ws.send_message("settle")
        while json.loads(await ws.get_message())["type"] != "error":
            pass
        hearing = model.watcher()
        task_status.started(hearing)
        try:
            while True:
                model.heard(hearing, json.loads(await ws.get_message()))
        except _ENDED as error:
            model.violated(f"a watcher was disconnected: {error!r}")


async def operate(model: Model, port: int, cameras: list[str], chance: random.Random, over: trio.Event) -> None:
    """Come, start some objects, stop some of them, go; again and again."""
    while not over.is_set():
        try:
            async with connection(port, "/client") as ws:
                await ws.send_message(_text("subscribe", cameraIds=[]))
                for _ in range(chance.randint(1, 10)):
                    if over.is_set():
                        break
                    await _start(model, ws, chance.choice(cameras), chance)
                    await trio.sleep(chance.uniform(0, 0.3))
        except _ENDED as error:
            model.violated(f"an operator was disconnected: {error!r}")
        await trio.sleep(chance.uniform(0, 0.5))


async def _start(model: Model, ws: trio_websocket.WebSocketConnection, camera_id: str, chance: random.Random) -> None:
    before = model.current(camera_id)
    await ws.send_message(_text("start", cameraId=camera_id, image=_IMAGE, requestId="r"))
    answer = await _answer(model, ws)
    if answer is None or answer["type"] == "error":
        if answer is not None and answer["code"] != "unknown_camera":
            model.violated(f"an operator was told {answer['code']}: {answer['message']}")
        return
    object_id = answer["objectId"]
    model.accepted(object_id, before if before is model.current(camera_id) else None)
    if chance.random() < 0.5:
        await trio.sleep(chance.uniform(0, 0.5))
        await ws.send_message(_text("stop", objectId=object_id, requestId="s"))
        answer = await _answer(model, ws)
        if answer is not None and answer["type"] == "error" and answer["code"] != "unknown_object":
            model.violated(f"an operator was told {answer['code']}: {answer['message']}")


async def _answer(model: Model, ws: trio_websocket.WebSocketConnection) -> Any:
    with trio.move_on_after(_PATIENCE):
        while True:
            message = json.loads(await ws.get_message())
            if message["type"] in ("accepted", "error"):
                return message
    model.violated(f"an operator got no answer within {_PATIENCE} seconds")
    return None
