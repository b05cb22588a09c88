"""Keys from a key server: a real one, that changes its keys, hangs, dies and comes back."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.tokens import CURVE, key_pair, make_token, token_environment
from trio_orchestrator.auth.key_server import FETCH_TIMEOUT, MIN_PAUSE

from . import web
from .conftest import StartProcess, StartThread
from .key_server import KeyServerProcess
from .peers import PATIENCE, Peer, client, processor

PROMPTLY = FETCH_TIMEOUT / 2
"""Seconds that nothing takes, however busy the machine, unless it waits for the key server."""


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[KeyServerProcess]:
    server = KeyServerProcess(tmp_path, "old")
    yield server
    server.go_on()
    server.kill()


def token(key: str, algorithm: str = "RS256") -> str:
    return make_token(signer=key_pair(key), key_id=key, algorithm=algorithm)


def told(url: str, jwt: str) -> tuple[str | None, float]:
    """The code of the error that a client with this token gets, if it is not let in; and after how long."""
    with Peer(url) as peer:
        since = time.monotonic()
        peer.say("authenticate", jwt=jwt)
        peer.say("hello", features=[])
        answer = peer.hear(20)
        return answer.get("code"), time.monotonic() - since


def test_keys_come_from_the_issuer_and_change(start_thread: StartThread, issuer: KeyServerProcess) -> None:
    server = start_thread(**token_environment() | issuer.variables())
    url = server.urls.websocket("/client")
    assert told(url, token("old"))[0] is None
    headers = {"Authorization": f"Bearer {token('old')}"}
    assert web.get(f"{server.urls.plain}/objectIds", headers=headers).status_code == 200
    assert told(url, make_token(signer=key_pair("stranger"), key_id="old"))[0] == "unauthenticated"
    issuer.publish("old", "new")
    code, _ = told(url, token("new"))
    assert code is None, "fetched for whoever names it"
    asked = issuer.asked
    for _ in range(20):
        assert told(url, token("new"))[0] is None
    assert issuer.asked == asked, "known keys are not asked for again"
    assert told(url, make_token())[0] == "unauthenticated", "a token must name its key"


def test_unknown_names_do_not_make_the_key_server_busy(start_thread: StartThread, issuer: KeyServerProcess) -> None:
    server = start_thread(**token_environment() | issuer.variables())
    url = server.urls.websocket("/client")
    assert told(url, token("old"))[0] is None
    asked, since = issuer.asked, time.monotonic()
    peers = [Peer(url) for _ in range(30)]
    for number, peer in enumerate(peers):
        peer.say("authenticate", jwt=make_token(key_id=f"nonsense {number}"))
    for peer in peers:
        assert peer.hear_kind("error")["code"] == "unauthenticated"
        peer.close()
    assert issuer.asked - asked <= 1 + (time.monotonic() - since) / 5


@pytest.mark.parametrize("how", ["hang", "kill"])
def test_an_outage_locks_out_no_known_key_and_holds_nobody_up(
    start_process: StartProcess, issuer: KeyServerProcess, how: str
) -> None:
    environment = token_environment(processor_role=None) | issuer.variables()
    server = start_process(**environment)
    url = server.urls.websocket("/client")
    with Peer(url) as watcher, processor(server.urls, "cam1") as camera, Peer(url) as stranger:
        watcher.say("authenticate", jwt=token("old"))
        watcher.settle()
        issuer.hang() if how == "hang" else issuer.kill()
        began = time.monotonic()
        stranger.say("authenticate", jwt=token("new"))
        refused = None
        frames = 0
        while refused is None or frames < 10:  # the key is asked for, and nobody answers
            frames += 1
            sent = time.monotonic()
            camera.say("boundingBoxes", frameId=frames, boxes=[])
            assert watcher.hear_kind("boundingBoxes")["frameId"] == frames
            assert time.monotonic() - sent < PROMPTLY
            code, seconds = told(url, token("old"))
            assert code is None
            assert seconds < PROMPTLY
            with suppress(TimeoutError):
                refused = refused or stranger.hear(0.1)
            assert time.monotonic() - began < MIN_PAUSE + FETCH_TIMEOUT + PATIENCE
        assert refused["code"] == "unauthenticated"
        assert server.log.count("the keys of tokens cannot be fetched") == 1
    issuer.publish("new")
    issuer.go_on() if how == "hang" else issuer.come_back()
    deadline = time.monotonic() + 20
    while told(url, token("new"))[0] is not None:
        assert time.monotonic() < deadline
    assert told(url, token("old"))[0] == "unauthenticated", "published no more"
    assert server.stop() == 0


def test_it_starts_without_its_key_server_and_stops_in_time_while_it_hangs(
    start_process: StartProcess, issuer: KeyServerProcess
) -> None:
    issuer.hang()
    server = start_process(**token_environment() | issuer.variables())
    with Peer(server.urls.websocket("/client")) as waiting, Peer(server.urls.websocket("/client")) as other:
        waiting.say("authenticate", jwt=token("old"))
        issuer.go_on()
        waiting.say("hello", features=[])
        assert waiting.hear(20)["type"] == "welcome"
        issuer.hang()
        other.say("authenticate", jwt=token("new"))
        assert server.stop() == 0


def test_what_is_no_key_is_an_outage(start_thread: StartThread, issuer: KeyServerProcess) -> None:
    server = start_thread(**token_environment() | issuer.variables())
    url = server.urls.websocket("/client")
    assert told(url, token("old"))[0] is None
    for text in ("<html>Maintenance</html>", "x" * 300_000):
        issuer.publish_text(text)
        assert told(url, token("new"))[0] == "unauthenticated"
        assert told(url, token("old"))[0] is None


def test_other_algorithms_from_the_issuer(start_thread: StartThread, issuer: KeyServerProcess) -> None:
    issuer.publish("old", CURVE)
    server = start_thread(TOKEN_ALGORITHMS="RS256,ES256", **token_environment() | issuer.variables())
    url = server.urls.websocket("/client")
    assert told(url, token("old"))[0] is None
    assert told(url, token(CURVE, "ES256"))[0] is None


def test_a_client_that_needs_no_token_never_waits(start_thread: StartThread, issuer: KeyServerProcess) -> None:
    issuer.hang()
    server = start_thread(**token_environment(client_role=None) | issuer.variables())
    with client(server.urls, images=True) as operator:
        operator.assert_silence()
