"""A limit that is reached costs whoever reached it, and nobody else."""

import http.client
import socket
from contextlib import ExitStack

import httpx

from tests.tokens import make_token, token_environment

from .conftest import StartThread
from .peers import Peer, client, processor, start
from .raw import TEXT, dial, dial_websocket, frame, read_to_closing_frame, read_to_end, status, upgrade
from .running import ServerThread

MESSAGE = 1 << 20


def test_connections(start_thread: StartThread) -> None:
    server = start_thread(MAX_CONNECTIONS="4")
    with client(server.urls) as watcher, processor(server.urls, "cam1") as camera, ExitStack() as stack:
        watcher.settle()
        for _ in range(2):
            stack.enter_context(dial_websocket(server.urls.address))
        for number in range(20):
            request = upgrade() if number % 2 else b"GET /objectIds HTTP/1.1\r\nHost: x\r\n\r\n"
            with dial(server.urls.address) as late:
                late.sendall(request)
                assert status(read_to_end(late)) == 503
            camera.say("boundingBoxes", frameId=number, boxes=[])
            assert watcher.hear_kind("boundingBoxes")["frameId"] == number


def test_connections_from_one_address(start_thread: StartThread) -> None:
    server = start_thread(MAX_CONNECTIONS_PER_ADDRESS="2", FORWARDED_ALLOW_IPS="127.0.0.2")
    with client(server.urls) as watcher, processor(server.urls, "cam1") as camera:
        for request in (upgrade(), b"GET /objectIds HTTP/1.1\r\nHost: x\r\n\r\n"):
            with dial(server.urls.address) as late:
                late.sendall(request)
                assert status(read_to_end(late)) == 429
        others = [_dial_from(server, "127.0.0.3") for _ in range(2)]
        # A proxy may have any number of connections, whoever is behind it only as many as anybody else.
        proxied = [_dial_from(server, "127.0.0.2", f"X-Forwarded-For: 192.0.2.{number // 2}") for number in range(6)]
        with _connect_from(server, "127.0.0.2") as late:
            late.sendall(upgrade(b"/client", b"X-Forwarded-For: 192.0.2.1"))
            assert status(read_to_end(late)) == 429
        for connection in (*others, *proxied):
            connection.close()
        camera.say("boundingBoxes", frameId=1, boxes=[])
        assert watcher.hear_kind("boundingBoxes")["frameId"] == 1


def _connect_from(server: ServerThread, address: str) -> socket.socket:
    return socket.create_connection(server.urls.address, timeout=10, source_address=(address, 0))


def _dial_from(server: ServerThread, address: str, *headers: str) -> socket.socket:
    connection = _connect_from(server, address)
    connection.sendall(upgrade(b"/client", *(header.encode() for header in headers)))
    assert status(connection.recv(65536)) == 101
    return connection


def test_objects(start_thread: StartThread) -> None:
    server = start_thread(MAX_OBJECTS="2")
    with client(server.urls) as one, client(server.urls) as other, processor(server.urls, "cam1") as camera:
        assert [start(one, "cam1"), start(one, "cam1")] == [1, 2]
        for operator in (one, other):
            operator.say("start", cameraId="cam1", image="i", requestId="r")
            assert operator.hear() | {"message": ""} == {
                "type": "error", "code": "limit_reached", "message": "", "requestId": "r",
            }  # fmt: skip
        one.say("stop", objectId=1)
        assert [camera.hear()["type"] for _ in range(3)] == ["start", "start", "stop"]
        assert start(other, "cam1") == 3


def test_images_and_feature_maps(start_thread: StartThread) -> None:
    server = start_thread(MAX_IMAGE_BYTES="1000", MAX_FEATURE_MAP_BYTES="1000")
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        operator.say("start", cameraId="cam1", image="i" * 999)
        assert operator.hear_kind("error")["code"] == "too_large"
        assert start(operator, "cam1", image="i" * 998) == 1
        assert camera.hear_kind("start")["objectId"] == 1
        camera.say("featureMap", objectId=1, featureMap="f" * 999)
        assert camera.hear_kind("error")["code"] == "too_large"
        camera.say("featureMap", objectId=1, featureMap="f" * 998)
        assert camera.hear_kind("featureMap")["objectId"] == 1


def test_the_head_of_a_request(start_thread: StartThread) -> None:
    server = start_thread(MAX_REQUEST_HEAD_BYTES="2048")
    with httpx.Client(base_url=server.urls.plain, trust_env=False) as web:
        assert web.get("/objectIds", headers={"X": "x" * 1500}).status_code == 200
        assert web.get("/objectIds", headers={"X": "x" * 1500}).status_code == 200, "also on the same connection"
    with httpx.Client(base_url=server.urls.plain, trust_env=False) as web:
        assert web.get("/objectIds", headers={"X": "x" * 2048}).status_code == 431
    with dial(server.urls.address) as connection:
        connection.sendall(upgrade(b"/client", b"X: " + b"x" * 2048))
        assert status(read_to_end(connection)) == 431


def test_a_strangers_messages_are_short(start_thread: StartThread) -> None:
    server = start_thread(**token_environment())
    with dial_websocket(server.urls.address) as stranger:
        stranger.sendall(frame(TEXT, b" " * 65_537))
        assert read_to_closing_frame(stranger) == 1009
    with dial_websocket(server.urls.address) as stranger:
        stranger.sendall(frame(TEXT, announced=1 << 20))
        assert read_to_closing_frame(stranger) == 1009
    with Peer(server.urls.websocket("/client")) as peer:
        peer.say_text(" " * 65_536)
        assert peer.hear_kind("error")["code"] == "not_json"
        peer.say("authenticate", jwt="x")
        assert peer.hear_kind("error")["code"] == "unauthenticated"
        peer.say("authenticate", jwt=make_token())
        # Behind one another, as the stock Interface does it.
        peer.say("start", cameraId="nowhere", image="i" * 1_000_000)
        assert peer.hear_kind("error")["code"] == "unknown_camera"


def test_without_tokens_nobody_is_a_stranger(server: ServerThread) -> None:
    with client(server.urls) as peer:
        peer.say("start", cameraId="nowhere", image="i" * 1_000_000)
        assert peer.hear_kind("error")["code"] == "unknown_camera"


def test_a_body_that_nobody_asked_for_is_answered_unread(server: ServerThread) -> None:
    connection = http.client.HTTPConnection(*server.urls.address, timeout=10)
    connection.putrequest("POST", "/objectIds")
    connection.putheader("Content-Length", "1000000000")
    connection.endheaders()
    assert connection.getresponse().status == 405
    connection.close()
