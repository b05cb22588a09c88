"""Who may say what where: every role, at every endpoint, with every message and every route."""

import json
from typing import Any

import httpx
import pytest

from tests.tokens import ADMIN_ROLE, AUDIENCE, CLIENT_ROLE, PROCESSOR_ROLE, make_token, token_environment

from . import web
from .conftest import StartThread
from .peers import Peer, client, processor
from .raw import TEXT, dial_websocket, frame, read_to_closing_frame
from .running import ServerThread

ROLES: dict[str, list[str] | None] = {
    "no token": None,
    "no role": [],
    "client": [CLIENT_ROLE],
    "processor": [PROCESSOR_ROLE],
    "admin": [ADMIN_ROLE],
    "client and processor": [CLIENT_ROLE, PROCESSOR_ROLE],
    "all": [CLIENT_ROLE, PROCESSOR_ROLE, ADMIN_ROLE],
}
NEEDED = {"/client": CLIENT_ROLE, "/processor": PROCESSOR_ROLE}

# Each message, and what it gets where it belongs: the code of an `error`, a type of message, or nothing.
MESSAGES: dict[str, dict[str, tuple[dict[str, Any], str | None]]] = {
    "/client": {
        "start": ({"cameraId": "nowhere", "image": "i"}, "unknown_camera"),
        "stop": ({"objectId": 7}, "unknown_object"),
        "setUsesImages": ({"usesImages": True}, None),
        "subscribe": ({"cameraIds": []}, None),
        "hello": ({"features": []}, "welcome"),
    },
    "/processor": {
        "boundingBoxes": ({"frameId": 1, "boxes": []}, "not_identified"),
        "featureMap": ({"objectId": 7, "featureMap": [1]}, "not_identified"),
        "identifier": ({"id": "cam1"}, None),
        "hello": ({"features": []}, "welcome"),
    },
}
OF_NOBODY: dict[str, tuple[dict[str, Any], str | None]] = {"start2": ({}, None)}
OPEN_ROUTES = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json")
ALL_MESSAGES = {**MESSAGES["/client"], **MESSAGES["/processor"], **OF_NOBODY}


@pytest.fixture
def guarded(start_thread: StartThread) -> ServerThread:
    return start_thread(ADMIN_ROLE=ADMIN_ROLE, **token_environment())


def come(server: ServerThread, path: str, roles: list[str] | None) -> Peer:
    peer = Peer(server.urls.websocket(path))
    if roles is not None:
        peer.say("authenticate", jwt=make_token(roles=roles))
    return peer


@pytest.mark.parametrize("path", NEEDED)
@pytest.mark.parametrize("role", ROLES)
def test_every_message_of_every_role_at_every_endpoint(guarded: ServerThread, path: str, role: str) -> None:
    roles = ROLES[role]
    is_in = roles is not None and NEEDED[path] in roles
    for kind, (members, _) in ALL_MESSAGES.items():
        with come(guarded, path, roles) as peer:
            if roles is not None and not is_in:
                assert peer.hear_kind("error")["code"] == "forbidden", (role, path)
            peer.say(kind, **members)
            if not is_in:
                assert peer.wait_closed() == 4401, (role, path, kind)
                continue
            _, expected = MESSAGES[path].get(kind, ({}, None))
            if expected is None:
                peer.assert_silence()
            else:
                answer = peer.hear()
                assert answer.get("code", answer["type"]) == expected, (role, path, kind)
            peer.say("authenticate", jwt=make_token(roles=[]))
            assert peer.hear_kind("error")["code"] == "forbidden", "a renewal needs the role as well"
            peer.assert_silence()


@pytest.mark.parametrize("open_path", NEEDED)
def test_where_no_token_is_asked_for_everybody_may(start_thread: StartThread, open_path: str) -> None:
    off = "client_role" if open_path == "/client" else "processor_role"
    server = start_thread(**token_environment(**{off: None}))
    for roles in ROLES.values():
        for kind, (members, expected) in MESSAGES[open_path].items():
            with come(server, open_path, roles) as peer:
                peer.say(kind, **members)
                if expected is None:
                    peer.assert_silence()
                else:
                    answer = peer.hear()
                    assert answer.get("code", answer["type"]) == expected, kind


def test_every_route_of_every_role(guarded: ServerThread) -> None:
    with httpx.Client(base_url=guarded.urls.plain, trust_env=False) as http:
        document = http.get("/openapi.json").json()
        routes = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
        routes = [route for route in routes if route[1] not in OPEN_ROUTES]
        assert len(routes) >= 8
        routes += [("GET", "/timelines?objectId=1"), ("GET", "/objectIds")]
        for method, path in routes:
            needed = ADMIN_ROLE if method == "DELETE" or path.startswith("/audit") else CLIENT_ROLE
            for role, roles in ROLES.items():
                headers = {} if roles is None else {"Authorization": f"Bearer {make_token(roles=roles)}"}
                target = path.partition("{")[0] + "1" + path.partition("}")[2] if "{" in path else path
                status = http.request(method, target, headers=headers).status_code
                if roles is None:
                    assert status == 401, (method, path, role)
                elif needed not in roles:
                    assert status == 403, (method, path, role)
                else:
                    assert status in (200, 204, 400, 404), (method, path, role)


def test_open_routes_stay_open(guarded: ServerThread) -> None:
    for path in OPEN_ROUTES:
        assert web.get(guarded.urls.plain + path).status_code == 200


# A camera's name is its own.


def camera_token(*cameras: str, **claims: Any) -> str:
    return make_token(subject="processors", site={"camera": list(cameras)}, **claims)


@pytest.fixture
def named(start_thread: StartThread) -> ServerThread:
    return start_thread(PROCESSOR_ID_CLAIM="site.camera", **token_environment(client_role=None))


def identify(server: ServerThread, token: str, camera: str) -> Peer:
    peer = Peer(server.urls.websocket("/processor"))
    peer.say("authenticate", jwt=token)
    peer.say("identifier", id=camera)
    return peer


def _text(kind: str, **members: Any) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, **members}).encode())


def test_a_processor_may_take_the_names_that_its_token_gives_it(named: ServerThread) -> None:
    with identify(named, camera_token("cam1", "cam2"), "cam1") as camera:
        camera.assert_silence()
        camera.say("identifier", id="cam2")
        camera.assert_silence()
        camera.say("identifier", id="cam3")
        assert camera.wait_closed() == 4403
    with identify(named, make_token(subject="x", site={"camera": "cam1"}), "cam1") as camera:
        camera.assert_silence()


@pytest.mark.parametrize(
    "claims",
    [{"site": {"camera": ["cam2"]}}, {"site": {"camera": []}}, {}, {"camera": "cam1"}, {"site": "cam1"}],
    ids=["another", "none", "no claim", "elsewhere", "no path"],
)
def test_no_other_name_can_be_taken_and_its_owner_notices_nothing(named: ServerThread, claims: dict[str, Any]) -> None:
    with (
        client(named.urls) as watcher,
        identify(named, camera_token("cam1"), "cam1") as owner,
    ):
        watcher.settle()
        owner.settle()
        with dial_websocket(named.urls.address, b"/processor") as thief:
            # In one piece: the boxes are there already when the server sees that the name is not this peer's.
            thief.sendall(
                _text("authenticate", jwt=make_token(**claims))
                + _text("identifier", id="cam1")
                + _text("boundingBoxes", frameId=1, boxes=[])
            )
            assert read_to_closing_frame(thief) == 4403
        owner.say("boundingBoxes", frameId=2, boxes=[])
        assert watcher.hear_kind("boundingBoxes")["frameId"] == 2


def test_a_renewal_must_name_the_camera_still(named: ServerThread) -> None:
    with identify(named, camera_token("cam1"), "cam1") as camera:
        camera.say("authenticate", jwt=camera_token("cam1", "cam2"))
        camera.say("identifier", id="cam2")
        camera.assert_silence()
        camera.say("authenticate", jwt=camera_token("cam1"))
        assert camera.wait_closed() == 4403


def test_without_a_claim_any_name_will_do(start_thread: StartThread) -> None:
    server = start_thread(**token_environment(client_role=None))
    with identify(server, make_token(resource_access={AUDIENCE: {"roles": [PROCESSOR_ROLE]}}), "any") as camera:
        camera.assert_silence()


def test_those_who_keep_taking_a_camera_from_each_other_are_slowed_down(server: ServerThread) -> None:
    codes: list[int] = []
    owner = processor(server.urls, "cam1")
    for _ in range(12):
        other = Peer(server.urls.websocket("/processor"))
        other.say("identifier", id="cam1")
        try:
            other.settle()
        except Exception:
            codes.append(other.wait_closed())
            other.close()
        else:
            assert owner.wait_closed() == 4409
            owner.close()
            owner = other
    assert codes == [4453] * 7
    with client(server.urls) as watcher, owner:
        watcher.settle()
        owner.say("boundingBoxes", frameId=1, boxes=[])
        assert watcher.hear_kind("boundingBoxes")["cameraId"] == "cam1"
