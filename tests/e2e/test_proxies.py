"""Through a known proxy it is the address it speaks for that is limited and audited; a stranger speaks for himself."""

import http.client
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from .conftest import StartThread
from .peers import PATIENCE, client, processor, start
from .raw import TEXT, frame, read_to_end, status, upgrade
from .running import ServerThread

PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
FORWARDED = "203.0.113.7"
HEADER = f"X-Forwarded-For: {FORWARDED}"


@pytest.fixture
def server(start_thread: StartThread) -> ServerThread:
    return start_thread(FORWARDED_ALLOW_IPS=PROXY, MAX_CONNECTIONS_PER_ADDRESS="2")


def dial_from(server: ServerThread, address: str) -> socket.socket:
    return socket.create_connection(server.urls.address, timeout=PATIENCE, source_address=(address, 0))


def websocket_from(server: ServerThread, address: str, header: str = HEADER) -> tuple[socket.socket, int | None]:
    connection = dial_from(server, address)
    connection.sendall(upgrade(b"/client", header.encode()))
    return connection, status(connection.recv(65536))


def ask_from(server: ServerThread, address: str, path: str, header: str = HEADER) -> int:
    """The status of an answer."""
    connection = http.client.HTTPConnection(*server.urls.address, timeout=PATIENCE, source_address=(address, 0))
    with closing(connection):
        name, _, value = header.partition(": ")
        connection.request("GET", path, headers={name: value})
        return connection.getresponse().status


def audited(folder: Path, count: int) -> list[tuple[str, str]]:
    """What was done, and from where, once there are `count` such entries."""
    until = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(folder / "orchestrator.db")) as database:
        while True:
            rows = database.execute("SELECT action, CAST(address AS TEXT) FROM audit ORDER BY id").fetchall()
            if len(rows) >= count:
                return rows
            assert time.monotonic() < until, rows
            time.sleep(0.02)


@contextmanager
def deaf_from(server: ServerThread, path: str, header: str) -> Iterator[None]:
    """A request through the proxy whose answer is not read to its end."""
    with dial_from(server, PROXY) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield


def test_websockets_are_limited_by_whom_the_proxy_speaks_for(server: ServerThread) -> None:
    with ExitStack() as stack:
        for expected in (101, 101, 429):
            connection, answer = websocket_from(server, PROXY)
            stack.enter_context(connection)
            assert answer == expected
        other, answer = websocket_from(server, PROXY, "X-Forwarded-For: 203.0.113.8")
        stack.enter_context(other)
        assert answer == 101


def test_a_proxy_may_keep_its_connections(server: ServerThread) -> None:
    """As nginx does with `keepalive`: what served a page serves a WebSocket then, as it would have from the start."""
    with ExitStack() as stack:
        for expected in (101, 101, 429):
            connection = stack.enter_context(dial_from(server, PROXY))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
            assert read_to_end(connection, b"ok\n").startswith(b"HTTP/1.1 200")
            connection.sendall(upgrade(b"/client", HEADER.encode()))
            assert status(connection.recv(65536)) == expected


@pytest.mark.parametrize("header", [HEADER, f"Forwarded: for={FORWARDED}"])
def test_requests_are_limited_by_whom_the_proxy_speaks_for(server: ServerThread, header: str) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1"):
        number = start(operator, "cam1", image="data:image/png;base64," + "A" * 9_000_000)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(deaf_from(server, f"/objects/{number}/image", header))
        assert ask_from(server, PROXY, "/objectIds", header) == 429
        connection, answer = websocket_from(server, PROXY, header)
        connection.close()
        assert answer == 429, "it is one address, whatever it asks for"
        assert ask_from(server, PROXY, "/objectIds", "X-Forwarded-For: 203.0.113.8") == 200
        assert ask_from(server, STRANGER, "/objectIds", header) == 200


def test_a_strangers_word_is_not_taken(server: ServerThread) -> None:
    """He can neither have more connections by it nor take them from somebody else."""
    with ExitStack() as stack:
        for number, expected in enumerate((101, 101, 429)):
            connection, answer = websocket_from(server, STRANGER, f"X-Forwarded-For: 203.0.113.{number}")
            stack.enter_context(connection)
            assert answer == expected
        with dial_from(server, STRANGER) as late:
            late.sendall(f"GET /objectIds HTTP/1.1\r\nHost: x\r\n{HEADER}\r\n\r\n".encode())
            assert status(read_to_end(late)) == 429
        assert ask_from(server, PROXY, "/objectIds", "X-Forwarded-For: 203.0.113.0") == 200


@pytest.mark.parametrize(("through", "expected"), [(PROXY, FORWARDED), (STRANGER, STRANGER)])
def test_the_audit_names_whom_the_proxy_speaks_for(
    server: ServerThread, tmp_path: Path, through: str, expected: str
) -> None:
    with processor(server.urls, "cam1"):
        connection, answer = websocket_from(server, through)
        with connection:
            assert answer == 101
            said = b'{"type":"start","cameraId":"cam1","image":"x"}'
            connection.sendall(frame(TEXT, said))
            assert audited(tmp_path, 1) == [("started", expected)]
        assert ask_from(server, through, "/objects/1") == 200
        assert audited(tmp_path, 2) == [("started", expected), ("looked_up", expected)]
