"""The relay on picows, which is written in Cython."""

import asyncio

import orjson
from arguments import arguments
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

clients: set[WSTransport] = set()


class Client(WSListener):
    """`/client`."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        clients.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        clients.discard(transport)


class Processor(WSListener):
    """`/processor`."""

    camera_id = ""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        said = orjson.loads(frame.get_payload_as_memoryview())
        if said["type"] == "identifier":
            self.camera_id = said["id"]
        elif said["type"] == "boundingBoxes":
            boxes = {
                "type": "boundingBoxes",
                "cameraId": self.camera_id,
                "frameId": said["frameId"],
                "boxes": said["boxes"],
            }
            text = orjson.dumps(boxes)
            for client in clients:
                client.send(WSMsgType.TEXT, text)


def listener_for(request: WSUpgradeRequest) -> WSListener:
    return Client() if bytes(request.path) == b"/client" else Processor()


async def main() -> None:
    port, tls = arguments()
    server = await ws_create_server(listener_for, "127.0.0.1", port, ssl=tls, backlog=1024)
    await server.serve_forever()


asyncio.run(main())
