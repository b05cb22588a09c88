"""The examples run, and do what they say."""

import json
import queue
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from .conftest import StartThread
from .peers import PATIENCE, Peer, client, start
from .running import ServerThread

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def running(name: str, *words: str) -> Iterator["subprocess.Popen[str]"]:
    example = subprocess.Popen(
        [sys.executable, "-u", str(EXAMPLES / name), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield example
    finally:
        example.kill()
        example.communicate()


@contextmanager
def hook(
    answer: bytes = b"HTTP/1.0 204 No Content\r\n\r\n",
) -> Iterator[tuple[str, "queue.SimpleQueue[dict[str, Any]]"]]:
    """A web address with one answer, and what is posted to it."""
    posted: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/seen", posted
        finally:
            http.shutdown()
            thread.join()


def test_a_client_follows_what_the_camera_sees(server: ServerThread) -> None:
    url = server.urls.websocket("")
    with running("camera.py", url), running("follow.py", url) as follower:
        output, _ = follower.communicate(timeout=3 * PATIENCE)
    lines = output.splitlines()
    assert "entrance shows box 1" in lines[1], output
    assert any("entrance sees object 1 at" in line for line in lines)
    assert lines[-1] == "object 1 is no longer tracked"


def wait_shown(operator: Peer, object_id: int) -> None:
    """Wait until a camera takes somebody for that object."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        message = operator.hear()
        if message["type"] == "boundingBoxes" and message["boxes"][0].get("objectId") == object_id:
            return
    raise AssertionError(f"object {object_id} is not shown")


def test_the_camera_goes_on_at_a_server_that_was_restarted(start_thread: StartThread, tmp_path: Path) -> None:
    server = start_thread()
    port = server.urls.address[1]
    with running("camera.py", server.urls.websocket("")):
        with client(server.urls) as operator:
            assert operator.hear()["cameraId"] == "entrance"
            for object_id in (1, 2, 3):
                assert start(operator, "entrance") == object_id
            wait_shown(operator, 3)
        server.stop()
        with closing(sqlite3.connect(tmp_path / "orchestrator.db")) as database, database:
            database.execute("DELETE FROM feature_maps WHERE object_id = 2")  # as if it had been lost on its way
        elsewhere = start_thread()
        with client(elsewhere.urls) as operator:
            operator.say("stop", objectId=3, requestId="r")
            operator.hear_kind("accepted")
        elsewhere.stop()
        server = start_thread(HTTP_PORT=str(port))
        with client(server.urls) as operator:
            wait_shown(operator, 2)
            operator.say("stop", objectId=2)
            wait_shown(operator, 1)


def test_the_bridge_posts_each_visit(server: ServerThread) -> None:
    url = server.urls.websocket("")
    with hook() as (address, posted), client(server.urls) as operator:
        operator.say("hello", features=["cameras"])
        while operator.hear()["type"] != "cameras":
            pass
        with running("webhook.py", address, url) as bridge, running("camera.py", url):
            while operator.hear()["type"] != "camera":
                pass
            assert bridge.stdout is not None
            assert "connected" in bridge.stdout.readline()
            object_id = start(operator, "entrance", image="i")
            message = posted.get(timeout=PATIENCE)
    assert (message["objectId"], message["cameraId"]) == (object_id, "entrance")
    assert message["at"].endswith("Z")


def test_the_bridge_outlives_a_hook_that_answers_nonsense(server: ServerThread) -> None:
    url = server.urls.websocket("")
    with (
        hook(b"nonsense\r\n\r\n") as (address, posted),
        client(server.urls) as operator,
        running("webhook.py", address, url) as bridge,
        running("camera.py", url),
    ):
        assert bridge.stdout is not None
        assert "connected" in bridge.stdout.readline()
        operator.say("hello", features=["cameras"])
        told = operator.hear()
        while told["type"] != "camera" and not told.get("cameras"):
            told = operator.hear()
        object_id = start(operator, "entrance", image="i")
        assert posted.get(timeout=PATIENCE)["objectId"] == object_id
        assert f"object {object_id} on entrance was not posted: nonsense" in bridge.stdout.readline()
        assert bridge.poll() is None
