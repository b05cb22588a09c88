"""Memory stays below what the settings say (docs/operations.md, "Memory in all"), and what is usual far below it.

The numbers of that page are those that `MEMORY_SCALE=1 pytest -s` shows; a build has no time for so many.
"""

import os
import resource
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from hpack import Encoder

from trio_orchestrator.net.admission import connections_that_fit

from . import web
from .conftest import StartProcess, Tls
from .peers import client, processor, start
from .raw import TEXT, dial, dial_websocket, frame, http2_frame
from .running import ServerProcess
from .test_administration import metrics, wait_for

SCALE: Final = float(os.environ.get("MEMORY_SCALE", "0.2"))
KIBI: Final = 1 << 10
MEBI: Final = 1 << 20
MESSAGE: Final = 10 * MEBI
OUTBOX: Final = 4 * MEBI
IMAGE: Final = "i" * (100 * KIBI - 2)
"""With its quotes it takes 100 KiB."""


def bound(
    *, connections: int, objects: int = 0, image: int = MESSAGE, message: int = MESSAGE, outbox: int = OUTBOX
) -> int:
    """What so many may cost at the very worst."""
    each = max(3 * message + outbox, 8 * image + 2 * MEBI) + MEBI
    return connections * each + objects * (image + 256 * connections) + 32 * message


@contextmanager
def measured(server: ServerProcess, name: str, at_most: int, at_least: int = 0) -> Iterator[None]:
    """What the server holds more at the end than at the beginning lies between these; bytes."""
    before = _resident(server)
    yield
    used = _resident(server) - before
    sys.stdout.write(f"\n{name}: at most {at_most / MEBI:.0f} MiB, measured {used / MEBI:.1f} MiB\n")
    assert at_least <= used < at_most


def _resident(server: ServerProcess) -> int:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_hostile_peers(start_process: StartProcess) -> None:
    """Each wants all images and reads none, and has nearly said something long."""
    connections, size, objects = 40, MEBI, 20
    server = start_process(
        MAX_CONNECTIONS=str(connections),
        MAX_MESSAGE_BYTES=str(size),
        MAX_OUTBOX_BYTES=str(size),
        MAX_OBJECTS=str(objects),
        MAX_IMAGE_BYTES=str(size // 2),
        WRITE_TIMEOUT="60",
    )
    most = bound(connections=connections, objects=objects, image=size // 2, message=size, outbox=size)
    with ExitStack() as stack, measured(server, "40 hostile peers", most, connections * size * 9 // 10):
        operator = stack.enter_context(client(server.urls))
        stack.enter_context(processor(server.urls, "cam1"))
        for _ in range(objects):
            start(operator, "cam1", image="i" * (size // 2 - 2))
        for _ in range(connections - 2):
            connection = stack.enter_context(dial_websocket(server.urls.address))
            connection.sendall(frame(TEXT, b'{"type":"setUsesImages","usesImages":true}') * 10)
            connection.sendall(frame(TEXT, b"x" * (size - 10), announced=size))
        operator.settle()
    assert server.stop() == 0


def test_requests_whose_answers_nobody_reads(start_process: StartProcess, tls: Tls) -> None:
    """Over HTTP/2, as many as there may be on each connection and more, for an image; with bodies, and without room."""
    connections, size = 30, 2 * MEBI
    server = start_process(
        MAX_MESSAGE_BYTES=str(size), MAX_IMAGE_BYTES=str(size), MAX_OUTBOX_BYTES=str(MEBI), **tls.variables
    )
    with client(server.urls) as operator, processor(server.urls, "cam1"):
        object_id = start(operator, "cam1", image="data:," + "i" * (size - 1000))
    path = f"/objects/{object_id}/image"
    web.get(server.urls.plain + path)
    head = Encoder().encode([(":method", "GET"), (":scheme", "https"), (":authority", "x"), (":path", path)])
    no_room = http2_frame(4, 0, 0, struct.pack("!HI", 4, 0))
    most = bound(connections=connections, objects=1, image=size, message=size, outbox=MEBI)
    with (
        ExitStack() as stack,
        measured(server, f"{connections} connections, 40 images each", most, connections * 7 * size),
    ):
        for _ in range(connections):
            connection = tls.http2.wrap_socket(dial(server.urls.tls_address), server_hostname="127.0.0.1")
            stack.enter_context(connection)
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + no_room)
            for number in range(1, 80, 2):
                connection.sendall(http2_frame(1, 4, number, head) + http2_frame(0, 0, number, bytes(1600)))
        answered = "http_responses_total{200}"
        wait_for(lambda: metrics(server.urls.plain)[answered] >= 8 * connections, "all are answered")
    assert server.stop() == 0


def test_idle_clients(start_process: StartProcess) -> None:
    count = int(1000 * SCALE)
    assert connections_that_fit(count) == count, "this test needs open files itself"
    server = start_process()
    with ExitStack() as stack, measured(server, f"{count} idle clients", MEBI + count * 100 * KIBI):
        for _ in range(count):
            stack.enter_context(dial_websocket(server.urls.address))
    assert server.stop() == 0


def test_slow_readers_with_full_outboxes(start_process: StartProcess) -> None:
    outbox = int(4 * MEBI * SCALE)
    server = start_process(WRITE_TIMEOUT="60", MAX_OUTBOX_BYTES=str(outbox))
    most = bound(connections=102, objects=100, outbox=outbox)
    with ExitStack() as stack, measured(server, f"100 slow readers, {outbox} bytes each", most):
        operator = stack.enter_context(client(server.urls))
        camera = stack.enter_context(processor(server.urls, "cam1"))
        for _ in range(100):
            deaf = stack.enter_context(dial_websocket(server.urls.address))
            deaf.sendall(frame(TEXT, b'{"type":"setUsesImages","usesImages":true}'))
        operator.settle()
        while metrics(server.urls.plain)["outbox_most_waiting_bytes"] < outbox - 2 * len(IMAGE):
            start(operator, "cam1", image=IMAGE)
            camera.hear_kind("start")
        for number in range(300):
            camera.say("boundingBoxes", frameId=number + 0.5, boxes=[{"boxId": n} for n in range(500)])
        camera.settle()
        found = metrics(server.urls.plain)
        assert found["websockets{client}"] == 101
        assert found["lagging_peers"] >= 100
        assert found["outbox_waiting_bytes"] > 100 * outbox * 0.6
    assert server.stop() == 0


def test_slow_readers_each_with_something_else_to_read(start_process: StartProcess) -> None:
    outbox = int(4 * MEBI * SCALE)
    server = start_process(WRITE_TIMEOUT="60", MAX_OUTBOX_BYTES=str(outbox))
    said = frame(TEXT, b'{"type":"stop","objectId":1,"requestId":"%s"}' % (b"r" * 4000))
    most = bound(connections=100, outbox=outbox)
    with ExitStack() as stack, measured(server, f"100 slow readers of {outbox} bytes of their own", most):
        readers = [stack.enter_context(dial_websocket(server.urls.address)) for _ in range(100)]
        while metrics(server.urls.plain)["outbox_most_waiting_bytes"] < outbox - 50 * len(said):
            for reader in readers:
                reader.sendall(said * 20)
        found = metrics(server.urls.plain)
        assert (found["websockets{client}"], found["lagging_peers"]) == (100, 100)
        assert found["outbox_waiting_bytes"] > 100 * outbox * 0.6
    assert server.stop() == 0


def test_objects_with_images(start_process: StartProcess) -> None:
    batches = int(50 * SCALE)
    count = 20 * batches
    server = start_process()
    most = bound(connections=2, objects=count, image=len(IMAGE))
    with ExitStack() as stack, measured(server, f"{count} objects with images of 100 KiB", most, count * len(IMAGE)):
        operator = stack.enter_context(client(server.urls))
        camera = stack.enter_context(processor(server.urls, "cam1"))
        for _ in range(batches):
            for _ in range(20):
                operator.say("start", cameraId="cam1", image=IMAGE)
            for _ in range(20):
                camera.hear_kind("start")
        assert metrics(server.urls.plain)["live_objects"] == count
    assert server.stop() == 0


def test_half_heads(start_process: StartProcess) -> None:
    count = int(200 * SCALE)
    server = start_process(REQUEST_HEAD_TIMEOUT="60")
    with ExitStack() as stack, measured(server, f"{count} half heads", count * (MEBI + 16 * KIBI)):
        for _ in range(count):
            stranger = stack.enter_context(dial(server.urls.address))
            stranger.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 16_000)
        wait_for(lambda: metrics(server.urls.plain)["connections"] > count, "all are there")
    assert server.stop() == 0
