"""Whatever stage a connection is dropped at, its descriptor is given back."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

from .conftest import StartProcess, Tls
from .raw import TEXT, dial, dial_websocket, frame, read_to_end, reset
from .running import ServerProcess

CONNECTIONS = 200
PATIENCE = 15.0

Stage = Callable[[ServerProcess, Tls], socket.socket]


def plain(server: ServerProcess, data: bytes) -> socket.socket:
    connection = dial(server.urls.address)
    connection.sendall(data)
    return connection


def answered(server: ServerProcess, _tls: Tls) -> socket.socket:
    connection = plain(server, b"GET /objectIds HTTP/1.1\r\nHost: x\r\n\r\n")
    assert read_to_end(connection, b'{"data":[]}')
    return connection


def secured(server: ServerProcess, tls: Tls) -> socket.socket:
    return tls.context.wrap_socket(dial(server.urls.tls_address), server_hostname="127.0.0.1")


def http2(server: ServerProcess, tls: Tls) -> socket.socket:
    connection = tls.http2.wrap_socket(dial(server.urls.tls_address), server_hostname="127.0.0.1")
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
    return connection


def tls_hello(server: ServerProcess, _tls: Tls) -> socket.socket:
    connection = dial(server.urls.tls_address)
    connection.sendall(bytes.fromhex("16030100c8010000c40303"))
    return connection


def identified(server: ServerProcess, _tls: Tls) -> socket.socket:
    connection = dial_websocket(server.urls.address, b"/processor")
    connection.sendall(frame(TEXT, b'{"type":"identifier","id":"cam1"}'))
    return connection


def half_a_message(server: ServerProcess, _tls: Tls) -> socket.socket:
    connection = dial_websocket(server.urls.address)
    connection.sendall(frame(TEXT, b"x" * 1000, announced=5000))
    return connection


STAGES: dict[str, Stage] = {
    "connected": lambda server, _tls: dial(server.urls.address),
    "half a head": lambda server, _tls: plain(server, b"GET / HT"),
    "asked": lambda server, _tls: plain(server, b"GET /objectIds HTTP/1.1\r\nHost: x\r\n\r\n"),
    "answered": answered,
    "half a TLS hello": tls_hello,
    "TLS": secured,
    "HTTP/2": http2,
    "a client": lambda server, _tls: dial_websocket(server.urls.address),
    "an identified processor": identified,
    "half a message": half_a_message,
}


def is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except FileNotFoundError:  # closed since it was listed
        return False


def test_descriptors_are_given_back(start_process: StartProcess, tls: Tls) -> None:
    server = start_process(**tls.variables)

    def sockets() -> int:
        return sum(is_socket(descriptor) for descriptor in Path(f"/proc/{server.pid}/fd").iterdir())

    at_rest = sockets()
    for stage in STAGES.values():
        for _ in range(CONNECTIONS // 20):
            connections = [stage(server, tls) for _ in range(20)]
            for connection in connections[::2]:
                reset(connection)
            for connection in connections[1::2]:
                connection.close()
    until = time.monotonic() + PATIENCE
    while sockets() > at_rest:
        assert time.monotonic() < until, f"{sockets()} sockets, {at_rest} at rest"
    faults = [line for line in server.log.splitlines() if " error " in line]
    assert not faults, "\n".join(faults)
