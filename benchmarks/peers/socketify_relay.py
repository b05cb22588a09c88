"""The relay on socketify: uWebSockets, which is C++, under Python; its topics fan out without any Python."""

import sys

import orjson
from socketify import App, AppListenOptions, AppOptions, CompressOptions, OpCode

TOPIC = "boxes"


class Peer:
    """What is remembered of a socket."""

    camera_id = ""


def upgrade(response, request, context) -> None:
    response.upgrade(
        request.get_header("sec-websocket-key"),
        request.get_header("sec-websocket-protocol"),
        request.get_header("sec-websocket-extensions"),
        context,
        Peer(),
    )


def main() -> None:
    port, *files = sys.argv[1:]
    app = App(AppOptions(cert_file_name=files[0], key_file_name=files[1])) if files else App()

    def take(socket, message, opcode) -> None:
        said = orjson.loads(message)
        peer = socket.get_user_data()
        if said["type"] == "identifier":
            peer.camera_id = said["id"]
        elif said["type"] == "boundingBoxes":
            boxes = {
                "type": "boundingBoxes",
                "cameraId": peer.camera_id,
                "frameId": said["frameId"],
                "boxes": said["boxes"],
            }
            app.publish(TOPIC, orjson.dumps(boxes), OpCode.TEXT)

    common = {
        "compression": CompressOptions.DISABLED,
        "max_payload_length": 16 << 20,
        "max_backpressure": 1 << 30,
        "idle_timeout": 120,
        "upgrade": upgrade,
    }
    app.ws("/client", {**common, "open": lambda socket: socket.subscribe(TOPIC), "message": lambda *_: None})
    app.ws("/processor", {**common, "message": take})
    app.listen(AppListenOptions(port=int(port), host="127.0.0.1"))
    app.run()


main()
