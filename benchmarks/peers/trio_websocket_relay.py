"""The relay on trio-websocket used plainly: a task for each client, which sends what its channel brings."""

import sys
from functools import partial

import orjson
import trio
from arguments import arguments
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

WAITING = 1024
"""How many messages may wait for a client; what does not fit is left out."""

clients: set[trio.MemorySendChannel[str]] = set()


async def write(connection: WebSocketConnection, messages: trio.MemoryReceiveChannel[str]) -> None:
    async for message in messages:
        await connection.send_message(message)


async def serve_client(connection: WebSocketConnection) -> None:
    sending, receiving = trio.open_memory_channel[str](WAITING)
    clients.add(sending)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, connection, receiving)
            while True:
                await connection.get_message()
    finally:
        clients.discard(sending)


async def serve_processor(connection: WebSocketConnection) -> None:
    camera_id = ""
    while True:
        said = orjson.loads(await connection.get_message())
        if said["type"] == "identifier":
            camera_id = said["id"]
        elif said["type"] == "boundingBoxes":
            boxes = {
                "type": "boundingBoxes",
                "cameraId": camera_id,
                "frameId": said["frameId"],
                "boxes": said["boxes"],
            }
            text = orjson.dumps(boxes).decode()
            for client in clients:
                try:
                    client.send_nowait(text)
                except trio.WouldBlock:
                    continue


async def handle(request: WebSocketRequest) -> None:
    connection = await request.accept()
    try:
        await (serve_client if request.path == "/client" else serve_processor)(connection)
    except* ConnectionClosed:
        sys.stderr.write("closed\n")


def main() -> None:
    port, tls = arguments()
    trio.run(partial(serve_websocket, handle, "127.0.0.1", port, tls))


main()
