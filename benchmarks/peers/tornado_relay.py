"""The relay on Tornado, which the original orchestrator ran on."""

import asyncio

import orjson
from arguments import arguments
from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketHandler

clients: "set[Client]" = set()


class Client(WebSocketHandler):
    """`/client`."""

    def check_origin(self, origin: str) -> bool:
        return True

    def open(self) -> None:
        clients.add(self)

    def on_close(self) -> None:
        clients.discard(self)

    def on_message(self, message: str | bytes) -> None:
        pass


class Processor(WebSocketHandler):
    """`/processor`."""

    camera_id = ""

    def check_origin(self, origin: str) -> bool:
        return True

    def on_message(self, message: str | bytes) -> None:
        said = orjson.loads(message)
        if said["type"] == "identifier":
            self.camera_id = said["id"]
        elif said["type"] == "boundingBoxes":
            boxes = {
                "type": "boundingBoxes",
                "cameraId": self.camera_id,
                "frameId": said["frameId"],
                "boxes": said["boxes"],
            }
            text = orjson.dumps(boxes).decode()
            for client in clients:
                client.write_message(text)


async def main() -> None:
    port, tls = arguments()
    application = Application([("/client", Client), ("/processor", Processor)])
    HTTPServer(application, ssl_options=tls).listen(port, "127.0.0.1", backlog=1024)
    await asyncio.Event().wait()


asyncio.run(main())
