"""Both ports carry everything: WebSockets and HTTP, HTTP/1.1 with keep-alive, and HTTP/2 behind TLS."""

import socket

import httpx
import pytest

from . import web
from .conftest import StartThread, Tls
from .peers import client, processor
from .running import ServerThread


@pytest.fixture
def secured(start_thread: StartThread, tls: Tls) -> ServerThread:
    """A server with both ports open."""
    return start_thread(**tls.variables)


def test_one_object_over_both_ports(secured: ServerThread, tls: Tls) -> None:
    with (
        client(secured.urls, images=True, context=tls.context) as far,
        client(secured.urls, images=True) as near,
        processor(secured.urls, "cam1", context=tls.context) as camera,
    ):
        camera.say_text('{"type":"boundingBoxes","frameId":0.5,"boxes":[]}')
        for peer in (far, near):
            assert peer.hear_text() == '{"type":"boundingBoxes","cameraId":"cam1","frameId":0.5,"boxes":[]}'
        near.say("start", cameraId="cam1", image="x")
        assert camera.hear_text() == '{"type":"start","objectId":1,"image":"x"}'
        for peer in (far, near):
            assert peer.hear_text() == '{"type":"newObject","objectId":1,"image":"x"}'
        for url in (secured.urls.plain, secured.urls.tls):
            answer = httpx.get(f"{url}/objectIds", verify=tls.context, trust_env=False)
            assert (answer.http_version, answer.text) == ("HTTP/1.1", '{"data":[1]}')


@pytest.mark.parametrize("megabytes", [1, 5, 9])
def test_large_images_over_tls(secured: ServerThread, tls: Tls, megabytes: int) -> None:
    image = "A" * (megabytes << 20)
    with (
        client(secured.urls, images=True, context=tls.context) as operator,
        processor(secured.urls, "cam1", context=tls.context) as camera,
    ):
        operator.say("start", cameraId="cam1", image=image)
        assert camera.hear_text() == f'{{"type":"start","objectId":1,"image":"{image}"}}'
        assert operator.hear_text() == f'{{"type":"newObject","objectId":1,"image":"{image}"}}'
        with client(secured.urls, context=tls.context) as late:
            late.say("setUsesImages", usesImages=True)
            assert late.hear_text() == f'{{"type":"newObject","objectId":1,"image":"{image}"}}'


@pytest.mark.parametrize("port", ["plain", "tls"])
def test_one_connection_answers_many_requests(secured: ServerThread, tls: Tls, port: str) -> None:
    address = secured.urls.address if port == "plain" else secured.urls.tls_address
    raw = socket.create_connection(address, timeout=10)
    with raw if port == "plain" else tls.context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
        for _ in range(3):
            connection.sendall(b"GET /objectIds HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"data":[]}'):
                received = connection.recv(65536)
                assert received, answer
                answer += received
            assert answer.startswith(b"HTTP/1.1 200 ")


def test_http2_behind_tls(secured: ServerThread, tls: Tls) -> None:
    with httpx.Client(http2=True, verify=tls.context, trust_env=False) as http:
        for path, status, text in (
            ("/objectIds", 200, '{"data":[]}'),
            ("/timelines", 400, 'Missing "objectId" query parameter'),
            ("/timelines?objectId=1", 400, "Object id not present in tracking history"),
            ("/healthz", 200, "ok\n"),
        ):
            answer = http.get(secured.urls.tls + path)
            assert (answer.http_version, answer.status_code, answer.text) == ("HTTP/2", status, text)


def test_other_pages(server: ServerThread) -> None:
    for method, path, status in (
        ("GET", "/no/such/page", 404),
        ("GET", "/client", 426),
        ("GET", "/processor", 426),
        ("POST", "/objectIds", 405),
        ("DELETE", "/timelines?objectId=1", 405),
        ("HEAD", "/objectIds", 200),
        ("GET", "/healthz", 200),
    ):
        answer = web.request(method, server.urls.plain + path)
        assert answer.status_code == status, (method, path)


def test_the_plain_port_can_be_closed(start_thread: StartThread, tls: Tls) -> None:
    server = start_thread(HTTP_PORT="off", **tls.variables)
    assert not server.urls.plain
    assert httpx.get(f"{server.urls.tls}/healthz", verify=tls.context, trust_env=False).text == "ok\n"
