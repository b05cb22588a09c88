"""SIGTERM in the middle of everything, with peers that do not read: gone in time, and what was announced is stored."""

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from .conftest import StartProcess
from .peers import Peer, client, processor
from .raw import TEXT, dial_websocket, frame, upgrade
from .running import STOP_SECONDS

LOAD_SECONDS = 1.5
BOXES = [{"boxId": n, "rect": [0.1, 0.2, 0.3, 0.4], "objectType": "person", "certainty": 0.9} for n in range(50)]


class Busy:
    """Does something again and again in a thread of its own, until the connection under it ends."""

    def __init__(self, step: Callable[[], object]) -> None:
        self._step = step
        self.steps = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                self._step()
                self.steps += 1
        except (OSError, ConnectionClosed):
            pass

    def join(self) -> None:
        self._thread.join(STOP_SECONDS)
        assert not self._thread.is_alive()


class Listener:
    """Hears a client's messages, and keeps the ids of the objects that it was told of."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.announced: set[int] = set()
        self.busy = Busy(self._hear)

    def _hear(self) -> None:
        message = json.loads(self._peer.connection.recv(STOP_SECONDS))
        if message["type"] in ("newObject", "accepted"):
            self.announced.add(message["objectId"])


def deaf(address: tuple[str, int]) -> socket.socket:
    """A client that wants images and boxes, and reads none of them."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    connection.sendall(upgrade() + frame(TEXT, b'{"type":"setUsesImages","usesImages":true}'))
    return connection


def test_sigterm_under_full_load(start_process: StartProcess, tmp_path: Path) -> None:
    server = start_process(WRITE_TIMEOUT="1000", LOG_LEVEL="error")
    address = server.urls.address
    flood = frame(TEXT, json.dumps({"type": "boundingBoxes", "frameId": 1.5, "boxes": BOXES}).encode()) * 10
    begin = frame(
        TEXT, json.dumps({"type": "start", "cameraId": "cam1", "image": "A" * 2000, "requestId": "r"}).encode()
    )
    with ExitStack() as open_:
        camera = open_.enter_context(processor(server.urls, "cam1"))
        watcher = open_.enter_context(client(server.urls, images=True))
        deaf_ones = [open_.enter_context(deaf(address)) for _ in range(3)]
        flooder = open_.enter_context(dial_websocket(address, b"/processor"))
        flooder.sendall(frame(TEXT, b'{"type":"identifier","id":"cam2"}'))
        asker = open_.enter_context(client(server.urls))
        listeners = [Listener(watcher), Listener(asker)]
        asking = asker.connection.socket
        work = [
            Busy(lambda: flooder.sendall(flood)),
            Busy(lambda: asking.sendall(begin)),
            Busy(lambda: camera.connection.recv(STOP_SECONDS)),
        ]
        until = time.monotonic() + LOAD_SECONDS
        while time.monotonic() < until or not all(listener.announced for listener in listeners):
            assert time.monotonic() < until + STOP_SECONDS
            time.sleep(0.05)
        before = [busy.steps for busy in work]
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < STOP_SECONDS
        assert all(before), "there was a load"
        for busy in (*work, *(listener.busy for listener in listeners)):
            busy.join()
        assert len(deaf_ones) == 3
    announced = set.union(*(listener.announced for listener in listeners))
    assert len(announced) > 10
    database = sqlite3.connect(tmp_path / "orchestrator.db")
    try:
        stored = {row[0] for row in database.execute("SELECT id FROM objects")}
        images = {row[0] for row in database.execute("SELECT object_id FROM images")}
    finally:
        database.close()
    assert announced <= stored
    assert announced <= images
    assert "Traceback" not in server.log
