"""The crash barrier: whatever strangers send, those who watch each other through the same server lose nothing."""

import socket
from collections.abc import Iterator
from contextlib import closing as closed_at_end

import pytest

from .conftest import Tls
from .hostile import FRAMES, HTTP, OPENING, Hostile, Where
from .hostile_http2 import HTTP2
from .peers import Peer, client, processor
from .raw import dial, dial_websocket, http2_frame, read_to_closing_frame, read_to_end, reset, status
from .running import ServerProcess, environment_for


class Watched:
    """A server, and two peers that watch each other through it.

    Args:
        process: the server.
    """

    def __init__(self, process: ServerProcess) -> None:
        self.process = process
        self._operator: Peer = client(process.urls)
        self._camera: Peer = processor(process.urls, "watched")
        self._frames = 0
        self._read = 0

    def assert_unharmed(self) -> None:
        """Another frame gets through, it is the next one, and nothing that came is a fault of the server's."""
        self._frames += 1
        self._camera.say("boundingBoxes", frameId=self._frames, boxes=[])
        assert self._operator.hear() == {
            "type": "boundingBoxes",
            "cameraId": "watched",
            "frameId": self._frames,
            "boxes": [],
        }
        assert self.process.alive
        self.assert_no_fault()

    def assert_no_fault(self) -> None:
        log = self.process.log
        end = log.rfind("\n") + 1
        news, self._read = log[self._read : end], end
        assert not [line for line in news.splitlines() if " error " in line or "fault" in line], news

    def close(self) -> None:
        self._operator.close()
        self._camera.close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("hostile")
    process = ServerProcess(environment_for(folder, **tls.variables), folder)
    try:
        with closed_at_end(Watched(process)) as pair:
            yield pair
        assert process.stop() == 0
        pair.assert_no_fault()
    finally:
        process.kill()


def approach(process: ServerProcess, tls: Tls, where: Where) -> socket.socket:
    if where is Where.PLAIN:
        return dial(process.urls.address)
    if where is Where.TLS_PORT:
        return dial(process.urls.tls_address)
    if where is Where.TLS:
        return tls.context.wrap_socket(dial(process.urls.tls_address), server_hostname="127.0.0.1")
    if where is Where.HTTP2:
        connection = tls.http2.wrap_socket(dial(process.urls.tls_address), server_hostname="127.0.0.1")
        assert connection.selected_alpn_protocol() == "h2"
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0))
        return connection
    return dial_websocket(process.urls.address, b"/client" if where is Where.CLIENT else b"/processor")


@pytest.mark.parametrize("row", [*HTTP, *OPENING, *FRAMES, *HTTP2], ids=lambda row: row.name.replace(" ", "-"))
def test_input(watched: Watched, tls: Tls, row: Hostile) -> None:
    with approach(watched.process, tls, row.where) as connection:
        connection.sendall(row.data)
        if row.resets:
            reset(connection)
        elif row.where is Where.HTTP2:
            connection.sendall(http2_frame(6, 0, 0, b"watching"))
            read_to_end(connection, http2_frame(6, 1, 0, b"watching"))
            reset(connection)
        elif row.answer is None:
            if row.where is Where.PLAIN:
                connection.recv(1)
            else:
                connection.shutdown(socket.SHUT_WR)
                read_to_end(connection)
            reset(connection)
        elif row.where in (Where.CLIENT, Where.PROCESSOR):
            assert read_to_closing_frame(connection) == row.answer
        else:
            received = read_to_end(connection)
            assert (status(received) or 0) == row.answer, received[:300]
    watched.assert_unharmed()
