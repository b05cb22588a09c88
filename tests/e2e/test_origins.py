"""Which web pages may open a WebSocket (RFC 6454, RFC 6455 section 10.2)."""

import pytest

from .conftest import StartThread
from .raw import dial, status, upgrade
from .running import ServerThread

INTERFACE = b"https://interface.example"


def opening(server: ServerThread, *headers: bytes, path: bytes = b"/client") -> int | None:
    with dial(server.urls.address) as connection:
        connection.sendall(upgrade(path, *headers))
        return status(connection.recv(65536))


@pytest.fixture
def guarded(start_thread: StartThread) -> ServerThread:
    return start_thread(ALLOWED_ORIGINS="https://interface.example, http://localhost:3000/")


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ([], 101),
        ([b"Origin: https://interface.example"], 101),
        ([b"origin:HTTPS://Interface.Example "], 101),
        ([b"Origin: http://localhost:3000"], 101),
        ([b"Origin: http://interface.example"], 403),
        ([b"Origin: https://interface.example:8443"], 403),
        ([b"Origin: https://interface.example.evil.example"], 403),
        ([b"Origin: https://evil.example/https://interface.example"], 403),
        ([b"Origin: http://localhost"], 403),
        ([b"Origin: null"], 403),
        ([b"Origin:"], 403),
        ([b"Origin: \xff"], 403),
        ([b"Origin: https://interface.example", b"Origin: https://evil.example"], 403),
        ([b"Origin: https://evil.example", b"Origin: https://interface.example"], 403),
        ([b"Origin: https://interface.example, https://evil.example"], 403),
    ],
)
def test_only_the_allowed_pages_are_let_in(guarded: ServerThread, headers: list[bytes], answer: int) -> None:
    for path in (b"/client", b"/processor"):
        assert opening(guarded, *headers, path=path) == answer


def test_any_page_is_let_in_where_none_is_named(server: ServerThread) -> None:
    for origin in (INTERFACE, b"https://evil.example", b"null", b"\xff"):
        assert opening(server, b"Origin: " + origin) == 101
