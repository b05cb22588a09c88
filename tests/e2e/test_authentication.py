"""Authentication on: who is let in, who is told what, and who must leave when."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import httpx
import jwt
import pytest

from tests.tokens import AUDIENCE, CLIENT_ROLE, PROCESSOR_ROLE, key_pair, make_claims, make_token, token_environment

from . import web
from .conftest import StartThread
from .peers import Peer
from .running import ServerThread


@pytest.fixture
def guarded(start_thread: StartThread) -> ServerThread:
    """A server that asks everybody for a token."""
    return start_thread(**token_environment())


def admitted(server: ServerThread, path: str, token: str | None = None) -> Peer:
    peer = Peer(server.urls.websocket(path))
    peer.say("authenticate", jwt=token or make_token())
    return peer


def unsigned() -> str:
    return jwt.encode(make_claims(), "", algorithm="none")


def signed_with_the_public_key() -> str:
    """HS256 with what everybody knows; PyJWT itself refuses to make one."""

    def encoded(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    text = head + b"." + encoded(json.dumps(make_claims()).encode())
    return (text + b"." + encoded(hmac.digest(key_pair().public_pem, text, hashlib.sha256))).decode()


BAD_TOKENS: dict[str, tuple[Callable[[], str], str]] = {
    "empty": (lambda: "", "unauthenticated"),
    "nonsense": (lambda: "a.b.c", "unauthenticated"),
    "another key": (lambda: make_token(signer=key_pair("stranger")), "unauthenticated"),
    "another algorithm": (lambda: make_token(algorithm="RS512"), "unauthenticated"),
    "unsigned": (unsigned, "unauthenticated"),
    "signed with the public key": (signed_with_the_public_key, "unauthenticated"),
    "another audience": (lambda: make_token(audience="others"), "unauthenticated"),
    "expired": (lambda: make_token(expires_in=-60), "unauthenticated"),
    "never expiring": (lambda: make_token(expires_in=None), "unauthenticated"),
    "not yet good": (lambda: make_token(nbf=time.time() + 300), "unauthenticated"),
    "no roles": (lambda: make_token(roles=[]), "forbidden"),
    "roles in a string": (lambda: make_token(resource_access={AUDIENCE: {"roles": CLIENT_ROLE}}), "forbidden"),
    "roles of another audience": (
        lambda: make_token(resource_access={"others": {"roles": [CLIENT_ROLE, PROCESSOR_ROLE]}}),
        "forbidden",
    ),
}


@pytest.mark.parametrize("path", ["/client", "/processor"])
def test_a_bad_token_may_be_followed_by_a_good_one(guarded: ServerThread, path: str) -> None:
    other = {"/client": PROCESSOR_ROLE, "/processor": CLIENT_ROLE}[path]
    with Peer(guarded.urls.websocket(path)) as peer:
        for name, (make, code) in {
            **BAD_TOKENS,
            "the other role": (lambda: make_token(roles=[other]), "forbidden"),
        }.items():
            token = make()
            peer.say("authenticate", jwt=token)
            error = peer.hear_kind("error")
            assert error["code"] == code, name
            assert len(token) < 4 or token not in error["message"]
        peer.say("authenticate", jwt=make_token())
        peer.assert_silence()
        # Only who is in may ask for that.
        peer.say(*(["stop"] if path == "/client" else ["identifier"]))
        assert peer.hear_kind("error")["code"] == "invalid_message"


def test_nothing_is_delivered_before(guarded: ServerThread) -> None:
    with (
        Peer(guarded.urls.websocket("/client")) as waiting,
        admitted(guarded, "/client") as operator,
        admitted(guarded, "/processor") as camera,
    ):
        operator.say("setUsesImages", usesImages=True)
        camera.say("identifier", id="cam1")
        camera.settle()
        camera.say("boundingBoxes", frameId=1, boxes=[])
        assert operator.hear_kind("boundingBoxes")["frameId"] == 1
        operator.say("start", cameraId="cam1", image="x")
        assert operator.hear_kind("newObject")["objectId"] == 1
        waiting.assert_silence()
        # As the stock Interface does: both at once, and the second waits for the first.
        waiting.say("authenticate", jwt=make_token(subject="bob"))
        waiting.say("setUsesImages", usesImages=True)
        assert waiting.hear_text() == '{"type":"newObject","objectId":1,"image":"x"}'


@pytest.mark.parametrize("path", ["/client", "/processor"])
@pytest.mark.parametrize("message", ['{"type":"setUsesImages","usesImages":true}', '{"type":"identifier","id":"cam1"}'])
def test_whoever_says_something_else_first_must_leave(guarded: ServerThread, path: str, message: str) -> None:
    with Peer(guarded.urls.websocket(path)) as peer:
        peer.say_text("not JSON")
        assert peer.hear_kind("error")["code"] == "not_json"
        peer.say_text(message)
        assert peer.wait_closed() == 4401


def test_whoever_says_nothing_must_leave(start_thread: StartThread) -> None:
    server = start_thread(AUTH_TIMEOUT="0.3", **token_environment())
    with (
        Peer(server.urls.websocket("/client")) as silent,
        Peer(server.urls.websocket("/processor")) as wrong,
        admitted(server, "/client") as operator,
    ):
        wrong.say("authenticate", jwt="x")
        assert silent.wait_closed() == 4408
        assert wrong.wait_closed() == 4408
        operator.assert_silence()


def test_a_connection_ends_with_its_token_unless_it_is_renewed(guarded: ServerThread) -> None:
    soon = make_token(expires_in=3)
    with (
        admitted(guarded, "/client", soon) as ending,
        admitted(guarded, "/processor", soon) as camera,
        admitted(guarded, "/client", soon) as renewed,
        admitted(guarded, "/client", soon) as misused,
    ):
        renewed.say("authenticate", jwt=make_token())
        misused.say("authenticate", jwt=make_token(subject="mallory"))
        assert misused.hear_kind("error")["code"] == "forbidden"
        misused.say("authenticate", jwt=make_token(expires_in=-60))
        assert misused.hear_kind("error")["code"] == "unauthenticated"
        misused.assert_silence()
        for peer in (ending, camera, misused):
            assert peer.wait_closed() == 4451
        renewed.assert_silence()


def test_each_socket_by_itself(start_thread: StartThread) -> None:
    for closed, open_, roles in (
        ("/client", "/processor", {"processor_role": None}),
        ("/processor", "/client", {"client_role": None}),
    ):
        with (
            start_thread(**token_environment(**roles)) as server,
            Peer(server.urls.websocket(open_)) as free,
            Peer(server.urls.websocket(closed)) as asked,
        ):
            free.say("authenticate", jwt="ignored where it is not asked for")
            free.say("somethingNew")
            free.assert_silence()
            asked.say("somethingNew")
            assert asked.wait_closed() == 4401
            expected = 401 if closed == "/client" else 200
            assert web.get(f"{server.urls.plain}/objectIds").status_code == expected


def test_http(guarded: ServerThread) -> None:
    def ask(path: str, authorization: str | None = None) -> httpx.Response:
        headers = {} if authorization is None else {"Authorization": authorization}
        return web.get(guarded.urls.plain + path, headers=headers)

    good = f"Bearer {make_token()}"
    bad = [make() for name, (make, code) in BAD_TOKENS.items() if code == "unauthenticated" and name != "empty"]
    for path, status in (("/objectIds", 200), ("/timelines?objectId=1", 400)):
        for missing in (None, "", "Bearer", "Basic YTpi", make_token(), *(f"Bearer {token}" for token in bad)):
            refused = ask(path, missing)
            assert refused.status_code == 401, missing
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert refused.headers["access-control-allow-origin"] == "*"
        assert ask(path, f"Bearer {make_token(roles=[PROCESSOR_ROLE])}").status_code == 403
        for spelling in (good, good.replace("Bearer", "bearer")):
            assert ask(path, spelling).status_code == status
        preflight = web.request("OPTIONS", guarded.urls.plain + path)
        assert preflight.is_success, "a browser sends no token with its preflight"
    assert ask("/healthz").status_code == 200


def test_public_timelines(start_thread: StartThread) -> None:
    server = start_thread(PUBLIC_TIMELINES="true", **token_environment())
    assert web.get(f"{server.urls.plain}/objectIds").status_code == 200
    with Peer(server.urls.websocket("/client")) as operator:
        operator.say("setUsesImages", usesImages=True)
        assert operator.wait_closed() == 4401
