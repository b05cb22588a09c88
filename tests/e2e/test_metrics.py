"""Each metric moves when what it counts happens: what one stays at zero for would be found out in an emergency."""

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.tokens import PROCESSOR_ROLE, make_token, token_environment

from .conftest import StartThread
from .peers import Peer, box, client, processor, start
from .raw import dial, read_to_end, upgrade
from .running import ServerThread
from .test_administration import get, metrics, wait_for

_SHORT_OF_ROOM = 64 << 10


def assert_will(server: ServerThread, *conditions: Callable[[dict[str, float]], bool]) -> None:
    """Each of these becomes true of the metrics."""
    for number, condition in enumerate(conditions):
        wait_for(lambda held=condition: held(metrics(server.urls.plain)), f"condition {number} of the metrics")  # type: ignore[misc]


def test_tokens(start_thread: StartThread) -> None:
    server = start_thread(**token_environment())
    good, other = make_token(), make_token(roles=[PROCESSOR_ROLE])
    with Peer(server.urls.websocket("/client")) as operator, Peer(server.urls.websocket("/processor")) as camera:
        for peer, tokens in ((operator, ("x", good, good, make_token(subject="mallory"))), (camera, (other,))):
            for token in tokens:
                peer.say("authenticate", jwt=token)
            peer.settle()
    for shown in (good, good, other, "x", None):
        headers = {} if shown is None else {"Authorization": f"Bearer {shown}"}
        httpx.get(f"{server.urls.plain}/objectIds", headers=headers, trust_env=False)
    found = metrics(server.urls.plain)
    prefix = "authentications_total"
    assert {name.removeprefix(prefix): count for name, count in found.items() if name.startswith(prefix)} == {
        "{client,accepted}": 1,
        "{client,renewed}": 1,
        "{client,unauthenticated}": 1,
        "{client,forbidden}": 1,
        "{processor,accepted}": 1,
        "{http,accepted}": 2,
        "{http,forbidden}": 1,
        "{http,unauthenticated}": 1,
    }
    assert [found[f"http_responses_total{{{status}}}"] for status in (200, 401, 403)] == [2, 2, 1]


def test_a_slow_peer(server: ServerThread) -> None:
    boxes = [box(number=number) for number in range(1000)]
    with socket.socket() as deaf, processor(server.urls, "cam1") as camera:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SHORT_OF_ROOM)
        deaf.connect(server.urls.address)
        deaf.sendall(upgrade(b"/client"))
        wait_for(lambda: metrics(server.urls.plain)["clients"] == 1, "the client is there")
        for frame in range(100):
            camera.say("boundingBoxes", frameId=frame, boxes=boxes)
        assert_will(
            server,
            lambda found: found["outbox_waiting_bytes"] == found["outbox_most_waiting_bytes"] > 1000,
            lambda found: found["lagging_peers"] == 1,
            lambda found: found["frames_left_out_total"] == found["frames_left_out_most"] > 0,
        )
        deaf.settimeout(10)
        while metrics(server.urls.plain)["lagging_peers"]:
            deaf.recv(1 << 20)
        assert metrics(server.urls.plain)["write_delay_seconds_count"] > 0
    assert_will(
        server,
        lambda found: (
            found["websockets{client}"] == found["outbox_waiting_bytes"] == found["frames_left_out_most"] == 0
        ),
        lambda found: found["frames_left_out_total"] > 0,
    )


def test_a_database_that_is_locked(start_thread: StartThread, tmp_path: Path) -> None:
    server = start_thread()
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        number = start(operator, "cam1")
        before = metrics(server.urls.plain)
        stranger = sqlite3.connect(tmp_path / "orchestrator.db", isolation_level=None)
        try:
            stranger.execute("BEGIN IMMEDIATE")
            camera.say("boundingBoxes", frameId=0.5, boxes=[box(number)])
            camera.say("featureMap", objectId=number, featureMap=[1])
            assert get(f"{server.urls.plain}/objects/{number}").status_code == 200
            operator.say("stop", objectId=number)
            assert_will(
                server,
                lambda found: all(
                    found[f"recorder_waiting{{{kind}}}"] for kind in ("sighting", "feature_map", "look_up")
                ),
                lambda found: found["recorder_lag_seconds"] > 0.5,
                lambda found: found["recorder_in_trouble"] == 1,
                lambda found: found["recorder_failed_transactions_total"] > 0,
                lambda found: found.get("messages_refused_total{storage_unavailable}") == 1,
            )
            stranger.execute("ROLLBACK")
        finally:
            stranger.close()
        assert_will(
            server,
            lambda found: found["recorder_lag_seconds"] == found["recorder_in_trouble"] == 0,
            lambda found: found["recorder_commits_total"] > before["recorder_commits_total"],
            lambda found: found["recorder_rows_total"] == 1,
            lambda found: not any(count for name, count in found.items() if name.startswith("recorder_waiting")),
        )


def test_strangers_expiries_and_the_loop(start_thread: StartThread) -> None:
    server = start_thread(TRACKING_TIMEOUT="0.2")
    with dial(server.urls.address) as stranger:
        stranger.sendall(b"PRI * HTTP/2.0\r\n\r\n")
        read_to_end(stranger)
    with client(server.urls) as operator, processor(server.urls, "cam1"):
        start(operator, "cam1")
        early = metrics(server.urls.plain)
        assert early["connections"] >= 3
        assert early["tasks"] > 10
        assert_will(
            server,
            lambda found: found["objects_expired_total"] == found["objects_ended_total"] == 1,
            lambda found: found["live_objects"] == 0,
            lambda found: found["objects_started_total"] == 1,
            lambda found: found["connections_refused_total{505}"] == 1,
            lambda found: found["connections_accepted_total"] > early["connections_accepted_total"],
            lambda found: found["loop_lag_seconds_count"] > early["loop_lag_seconds_count"],
        )
