"""What a log may hold: never a secret, never a line that a peer wrote, and who it was in fields of their own."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.tokens import make_token, token_environment

from . import web
from .conftest import StartProcess, Tls
from .peers import Peer
from .raw import TEXT, closing, dial, dial_websocket, frame, read_to_end, upgrade
from .running import ServerProcess

IMAGE = "data:image/jpeg;base64,SECRETIMAGE" + "A" * 300
FEATURES = "SECRETFEATURES"
FORGED = "\r\n2026-11-22T00:00:00.000Z error    FORGED logger=trio_orchestrator\x1b[2J\u2028FORGED"
BAD_TOKENS = ("SECRETTOKEN", "SECRETTOKEN.SECRETTOKEN.SECRETTOKEN", '"SECRETTOKEN', "\x00SECRETTOKEN\ud800")

_TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error|critical) +\S")


@pytest.fixture(params=["text", "json"])
def process(request: pytest.FixtureRequest, start_process: StartProcess) -> ServerProcess:
    return start_process(LOG_LEVEL="debug", LOG_FORMAT=request.param, TRACKING_TIMEOUT="0.5", **token_environment())


def authenticated(process: ServerProcess, path: str, token: str) -> Peer:
    peer = Peer(process.urls.websocket(path))
    peer.say("authenticate", jwt=token)
    peer.settle()
    return peer


def lines_of(process: ServerProcess) -> Iterator[str]:
    """The lines of the log, with every character taken for the end of one that anything might take for it."""
    return (line for line in process.log.splitlines() if line)


def refuse(process: ServerProcess, path: str, token: str, *said: str | bytes) -> None:
    """Say it on a connection of its own, where no complaint before it can have silenced the one about it."""
    with Peer(process.urls.websocket(path)) as peer:
        peer.say("authenticate", jwt=token)
        for text in said:
            peer.say_text(text)
        while peer.hear()["type"] != "error":
            pass


def show_secrets(process: ServerProcess, token: str) -> None:
    """Whatever holds a secret, in messages that are carried out and in all sorts that are not."""
    with authenticated(process, "/client", token) as operator, authenticated(process, "/processor", token) as camera:
        camera.say("identifier", id="cam1")
        camera.settle()
        operator.say("setUsesImages", usesImages=True)
        operator.say("start", cameraId="cam1", image=IMAGE, requestId="r")
        assert operator.hear_kind("newObject")["image"] == IMAGE
        camera.say("featureMap", objectId=1, featureMap={FEATURES: [1.5]})
        camera.settle()
        unfit: tuple[str | bytes, ...] = (
            f'{{"type":"start","cameraId":"nowhere","image":"{IMAGE}"}}',
            f'{{"type":"start","cameraId":"cam1","image":["{IMAGE}"]}}',
            f'{{"type":"start","cameraId":["{IMAGE}"],"image":"{IMAGE}"}}',
            f'{{"type":"start","cameraId":"cam1","image":"{IMAGE}"',
            f'{{"type":"start","cameraId":"cam1","image":"{IMAGE}\\u12"}}',
            IMAGE.encode() + b"\xff",
            f'{{"type":"authenticate","jwt":["{token}"]}}',
            f'{{"type":"authenticate","jwt":"{make_token(subject="mallory")}"}}',
            *(f'{{"type":"authenticate","jwt":{json.dumps(bad)}}}' for bad in BAD_TOKENS),
        )
        for text in unfit:
            refuse(process, "/client", token, text)
        wrong: tuple[str, ...] = (
            f'{{"type":"featureMap","objectId":99,"featureMap":"{FEATURES}"}}',
            f'{{"type":"featureMap","objectId":"{FEATURES}","featureMap":"{FEATURES}"}}',
            f'{{"type":"featureMap","objectId":1,"featureMap":"{FEATURES}',
            f'{{"type":"boundingBoxes","frameId":1,"boxes":"{FEATURES}"}}',
        )
        for number, said in enumerate(wrong):
            refuse(process, "/processor", token, f'{{"type":"identifier","id":"bad{number}"}}', said)
    for headers in (
        {"Authorization": f"Bearer {token}"},
        *({"Authorization": f"Bearer x{bad!a}"} for bad in BAD_TOKENS),
    ):
        for path in ("/objectIds", "/timelines?objectId=1", f"/timelines?objectId={token}", f"/{token}"):
            web.get(process.urls.plain + path, headers=headers)


def test_no_secret_is_logged(process: ServerProcess) -> None:
    token = make_token(name="Alice")
    show_secrets(process, token)
    assert process.stop() == 0
    log = process.log
    assert "tracking started" in log
    assert "a message was not carried out" in log
    for secret in ("SECRET", *token.split("."), "AAAAAAAAAA", "Bearer"):
        assert secret not in log, secret


def test_no_secret_is_logged_of_http_2(start_process: StartProcess, tls: Tls) -> None:
    token = make_token(name="Alice")
    process = start_process(LOG_LEVEL="debug", **tls.variables, **token_environment())
    with httpx.Client(http2=True, verify=tls.context, trust_env=False) as http:
        for headers in ({"Authorization": f"Bearer {token}"}, {"Authorization": f"Basic {token}", "Cookie": token}):
            answer = http.get(process.urls.tls + f"/objects?cursor={token}", headers=headers)
            assert answer.http_version == "HTTP/2"
    assert process.stop() == 0
    for secret in (*token.split("."), "Bearer"):
        assert secret not in process.log, secret


def test_no_line_is_forged(process: ServerProcess) -> None:
    token = make_token(subject=f"alice{FORGED}", name=FORGED)
    with authenticated(process, "/client", token) as operator, authenticated(process, "/processor", token) as camera:
        camera.say("identifier", id=f"cam{FORGED}")
        camera.say("identifier", id=f"other{FORGED}")
        camera.say(f"unknown{FORGED}")
        operator.say(FORGED)
        operator.say("start", cameraId=f"other{FORGED}", image="x", requestId=FORGED)
        operator.say("stop", objectId=FORGED)
        camera.settle()
        operator.settle()
        camera.connection.close(4000, "bye" + FORGED[:100])
    address = process.urls.address
    for hostile in (
        upgrade(b"/client?x=\x1b[2JFORGED"),
        upgrade(b"/client", b"X-Forwarded-For: FORGED\x1b[2J", b"Origin: \x1bFORGED", b"User-Agent: \x0bFORGED"),
        upgrade(b"/FORGED\x85FORGED"),
        b"GET /\x1b[2JFORGED HTTP/1.1\r\nHost: \x1bFORGED\r\n\r\n",
        b"FORGED\x1b\r\n\r\n",
    ):
        with dial(address) as stranger:
            stranger.sendall(hostile + frame(TEXT, FORGED.encode()) + closing(4001, b"FORGED\r\n\x1b"))
            read_to_end(stranger)
    with dial_websocket(address) as stranger:
        stranger.sendall(closing(4001, FORGED.encode()[:100]))
        read_to_end(stranger)
    assert process.stop() == 0
    lines = list(lines_of(process))
    assert any("FORGED" in line for line in lines), "it is told, only not as they want it"
    for line in lines:
        assert line.isprintable(), line
        if line.startswith("{"):
            assert json.loads(line)["event"]
        else:
            assert _TEXT_LINE.match(line), line
            assert not line.endswith("FORGED"), line
            assert " error " not in line.split('"')[0], line


def test_lines_name_connection_camera_and_object_in_fields(start_process: StartProcess) -> None:
    process = start_process(LOG_FORMAT="json", TRACKING_TIMEOUT="0.2")
    with Peer(process.urls.websocket("/client")) as operator, Peer(process.urls.websocket("/processor")) as camera:
        camera.say("boundingBoxes", frameId=1, boxes=[])
        camera.say("identifier", id="cam1")
        camera.settle()
        operator.say("setUsesImages", usesImages=True)
        operator.say("start", cameraId="cam1", image="x")
        assert operator.hear_kind("newObject")["objectId"] == 1
        assert operator.hear_kind("stop")["objectId"] == 1  # its timeout
        camera.say("identifier", id="cam1")  # again: not again in the log
        camera.say("featureMap", objectId=1, featureMap=1)
        camera.settle()
    assert process.stop() == 0
    lines = [json.loads(line) for line in lines_of(process)]
    by_event: dict[str, list[dict[str, object]]] = {}
    for line in lines:
        by_event.setdefault(line["event"], []).append(line)
    operators, cameras = by_event["connected"]
    assert [line["kind"] for line in (operators, cameras)] == ["client", "processor"]
    assert operators["connection"] != cameras["connection"]
    (registered,) = by_event["camera registered"]
    assert (registered["connection"], registered["camera"]) == (cameras["connection"], "cam1")
    (started,) = by_event["tracking started"]
    assert [started[key] for key in ("connection", "camera", "object")] == [operators["connection"], "cam1", 1]
    (expired,) = by_event["tracking timed out"]
    assert expired["object"] == 1
    refused = {line["code"]: line for line in by_event["a message was not carried out"] if "code" in line}
    assert refused["unknown_object"]["camera"] == "cam1"
    assert "camera" not in refused["not_identified"]
    gone = {line["connection"]: line for line in by_event["disconnected"]}
    assert gone[cameras["connection"]]["camera"] == "cam1"
    assert all(line["code"] == 1000 for line in gone.values())
