"""Stopping: peers are told, nothing is lost, and no peer can keep the server alive."""

import contextlib
import signal
import socket
import time
from contextlib import ExitStack

import httpx
import pytest

from . import web
from .conftest import StartProcess, StartThread, Tls
from .peers import Peer, box, client, processor, start
from .raw import CLOSE, dial, dial_websocket, frame, read_to_closing_frame
from .running import STOP_SECONDS, ServerProcess


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_peers_are_told_and_nothing_is_lost(
    start_process: StartProcess, start_thread: StartThread, tls: Tls, number: signal.Signals
) -> None:
    server = start_process(**tls.variables)
    with (
        client(server.urls) as operator,
        client(server.urls, context=tls.context) as far,
        Peer(server.urls.websocket("/processor")) as stranger,
        processor(server.urls, "cam1") as camera,
        dial_websocket(server.urls.address) as slow,
    ):
        object_id = start(operator, "cam1")
        camera.say("featureMap", objectId=object_id, featureMap={"v": 1})
        camera.say("boundingBoxes", frameId=1, boxes=[box(object_id)])
        camera.settle()
        server.send_signal(number)
        # It waits for this one's answer, which does not come: another signal finds it stopping, and changes nothing.
        assert read_to_closing_frame(slow) == 1001
        server.send_signal(number)
        server.send_signal(signal.SIGHUP)
        for peer in (operator, far, stranger, camera):
            assert peer.wait_closed() == 1001
    assert server.wait() == 0
    assert "Traceback" not in server.log
    with start_thread() as again, processor(again.urls, "cam2") as other:
        assert other.hear()["featureMap"] == {"v": 1}
        seen = web.get(f"{again.urls.plain}/timelines?objectId={object_id}")
        assert [entry["processorId"] for entry in seen.json()["data"]] == ["cam1"]


def test_signals_until_the_process_has_ended_change_nothing(process: ServerProcess) -> None:
    until = time.monotonic() + STOP_SECONDS
    while process.alive and time.monotonic() < until:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.0005)
    assert process.wait() == 0


def test_peers_that_leave_keep_nobody_waiting(process: ServerProcess) -> None:
    with (
        client(process.urls) as operator,
        processor(process.urls, "cam1") as camera,
        httpx.Client(trust_env=False) as http,
    ):
        assert http.get(f"{process.urls.plain}/healthz").is_success
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        for peer in (operator, camera):
            assert peer.wait_closed() == 1001
        assert process.wait() == 0
        assert time.monotonic() - begun < 3, "those who stay are waited for longer"


def test_a_stop_is_noticed_at_once_by_who_comes_late(process: ServerProcess) -> None:
    with dial(process.urls.address) as silent:
        process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionRefusedError):
            until = time.monotonic() + STOP_SECONDS
            while time.monotonic() < until:
                with contextlib.suppress(ConnectionResetError):
                    dial(process.urls.address).close()
        silent.settimeout(STOP_SECONDS)
        assert silent.recv(1) == b""
    assert process.wait() == 0


def _fill_timeline(server: ServerProcess, cameras: int) -> int:
    """Have one object seen on so many cameras, of long names, that its timeline fills all buffers."""
    with processor(server.urls, "cam") as camera:
        with client(server.urls) as operator:
            object_id = start(operator, "cam")
        for number in range(cameras):
            camera.say("identifier", id=f"{number:06}" + "\x01" * 250)
            camera.say("boundingBoxes", frameId=number, boxes=[{"objectId": object_id}])
        camera.settle()
    until = time.monotonic() + STOP_SECONDS
    while True:
        seen = web.get(f"{server.urls.plain}/timelines?objectId={object_id}")
        if seen.is_success and len(seen.json()["data"]) >= cameras:
            return object_id
        assert time.monotonic() < until


def _unread(address: tuple[str, int]) -> socket.socket:
    """A connection whose receiver takes next to nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(address)
    connection.settimeout(STOP_SECONDS)
    return connection


def test_no_peer_can_keep_it_alive(start_process: StartProcess, tls: Tls) -> None:
    server = start_process(WRITE_TIMEOUT="1000", LOG_LEVEL="error", **tls.variables)
    object_id = _fill_timeline(server, 4000)
    with ExitStack() as stubborn:
        # One that does not answer the closing frame, and one that sends on.
        stubborn.enter_context(dial_websocket(server.urls.address))
        stubborn.enter_context(dial_websocket(server.urls.address, b"/processor")).sendall(frame(CLOSE)[:1])
        # Half-open requests, on both ports and on all layers.
        for address in (server.urls.address, server.urls.tls_address):
            stubborn.enter_context(dial(address))
            stubborn.enter_context(dial(address)).sendall(b"GET /timelines HTTP/1.1\r\nHo")
        tls_socket = tls.context.wrap_socket(dial(server.urls.tls_address), server_hostname="127.0.0.1")
        stubborn.enter_context(tls_socket).sendall(b"GET / HTTP/1.1\r\nHo")
        http2 = tls.http2.wrap_socket(dial(server.urls.tls_address), server_hostname="127.0.0.1")
        stubborn.enter_context(http2).sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        body = stubborn.enter_context(dial(server.urls.address))
        body.sendall(b"POST /objectIds HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        # One that asks for a long timeline and reads only how it begins.
        unread = stubborn.enter_context(_unread(server.urls.address))
        unread.sendall(f"GET /timelines?objectId={object_id} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert unread.recv(12) == b"HTTP/1.1 200"
        # One that watches boxes and does not read them.
        deaf = stubborn.enter_context(_unread(server.urls.address))
        deaf.sendall(
            b"GET /client HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert deaf.recv(12) == b"HTTP/1.1 101"
        with processor(server.urls, "flood") as camera:
            for number in range(100):
                camera.say("boundingBoxes", frameId=number, boxes=[{"x": "x" * 100_000}])
            camera.settle()
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < STOP_SECONDS
    faults = [line for line in server.log.splitlines() if " error " in line]
    assert not faults, "\n".join(faults)
