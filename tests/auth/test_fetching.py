"""One GET: what counts as an answer, and that nothing a server does takes longer or more than it may."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trio
import trustme

from trio_orchestrator.auth.fetching import FetchFailed, fetch

SECONDS = 0.5
PATIENCE = 5.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Server:
    """Takes connections and does to each what `behave` does.

    Attributes:
        heard: the heads of the requests that came.
    """

    def __init__(self, behave: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'' if context is None else 's'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard: list[bytes] = []
        self.gone = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            connection = stack.enter_context(self._listener.accept()[0])
            if self._context is not None:
                connection = stack.enter_context(self._context.wrap_socket(connection, server_side=True))
            self.heard.append(connection.recv(65536))
            self._behave(connection)
        self.gone.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with contextlib.ExitStack() as stack:

        def start(behave: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Server:
            server = Server(behave, context)
            stack.callback(server.close)
            return server

        yield start


def says(answer: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(answer)


def drips(head: bytes) -> Callable[[socket.socket], None]:
    """Says a byte each tenth of a second, for ever."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            time.sleep(0.1)

    return behave


def hears(connection: socket.socket) -> None:
    """Says nothing, until the other end is closed."""
    connection.recv(1)


async def get(url: str, max_bytes: int = 1000) -> bytes:
    return await fetch(url, seconds=SECONDS, max_bytes=max_bytes)


async def refusal(url: str) -> str:
    start = trio.current_time()
    with pytest.raises(FetchFailed) as caught:
        await get(url)
    assert trio.current_time() - start < SECONDS + PATIENCE
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 2\r\n\r\n{}",
        HEAD + b"\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    ],
)
async def test_an_answer(serve: Callable[..., Server], answer: bytes) -> None:
    server = serve(says(answer))
    assert await get(f"{server.url}/realms/x/certs?y=z") == b"{}"
    assert server.heard[0].startswith(b"GET /realms/x/certs?y=z HTTP/1.1\r\nHost: 127.0.0.1")


async def test_https_is_for_who_is_trusted(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    answer = says(HEAD + b"Content-Length: 2\r\n\r\n{}")
    assert "CERTIFICATE_VERIFY_FAILED" in await refusal(serve(answer, context).url)
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        assert await get(serve(answer, context).url) == b"{}"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: 3\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        HEAD + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001,
        HEAD + b"\r\n" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 2\x1b[31m00 \xff\r\n\r\n",
    ],
)
async def test_what_is_no_answer(serve: Callable[..., Server], answer: bytes) -> None:
    assert await refusal(serve(says(answer)).url)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", HEAD + b"Content-Length: 900\r\n\r\n"])
async def test_a_server_that_drips_is_given_up_and_its_thread_ends(serve: Callable[..., Server], head: bytes) -> None:
    server = serve(drips(head))
    assert "0.5 seconds" in await refusal(server.url)
    assert await trio.to_thread.run_sync(server.gone.wait, 5), "the other end was closed"


async def test_a_server_that_says_nothing_is_given_up(serve: Callable[..., Server]) -> None:
    server = serve(hears)
    assert await refusal(server.url)
    assert await trio.to_thread.run_sync(server.gone.wait, 5)


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in await refusal(f"http://127.0.0.1:{port}")
    assert await refusal("http://nobody.invalid")
