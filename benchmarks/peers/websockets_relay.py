"""The relay on websockets, whose `broadcast` frames a message once for all."""

import asyncio

import orjson
from arguments import arguments
from websockets.asyncio.server import ServerConnection, broadcast, serve

clients: set[ServerConnection] = set()


async def serve_client(connection: ServerConnection) -> None:
    clients.add(connection)
    try:
        async for _ in connection:
            pass
    finally:
        clients.discard(connection)


async def serve_processor(connection: ServerConnection) -> None:
    camera_id = ""
    async for message in connection:
        said = orjson.loads(message)
        if said["type"] == "identifier":
            camera_id = said["id"]
        elif said["type"] == "boundingBoxes":
            boxes = {
                "type": "boundingBoxes",
                "cameraId": camera_id,
                "frameId": said["frameId"],
                "boxes": said["boxes"],
            }
            broadcast(clients, orjson.dumps(boxes).decode())


async def handle(connection: ServerConnection) -> None:
    assert connection.request is not None
    await (serve_client if connection.request.path == "/client" else serve_processor)(connection)


async def main() -> None:
    port, tls = arguments()
    async with serve(handle, "127.0.0.1", port, ssl=tls, compression=None, backlog=1024) as server:
        await server.serve_forever()


asyncio.run(main())
