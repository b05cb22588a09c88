"""Which engine gets a connection, how long it may take to say so, and that none harms another."""

import errno
import re
import socket
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import pytest
import structlog
import trio
import trio.testing
from starlette.types import Receive, Scope, Send

from trio_orchestrator.logs import Complaints
from trio_orchestrator.net import front_door
from trio_orchestrator.net.front_door import FrontDoor
from trio_orchestrator.net.http_server import HttpServer
from trio_orchestrator.net.listeners import open_listeners

from .serving import Secured, opened, read_to_end, read_until, until

ASK = b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def hello(scope: Scope, _receive: Receive, send: Send) -> None:
    body = scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def a_door(**seconds: float) -> FrontDoor:
    return FrontDoor(None, HttpServer(hello), **seconds)  # type: ignore[arg-type]  # none of them is `proxies`


async def test_a_head_may_come_in_pieces() -> None:
    async with opened(a_door()) as address, await trio.open_tcp_stream(*address) as stream:
        for position in range(len(ASK)):
            await stream.send_all(ASK[position : position + 1])
        assert (await read_to_end(stream)).endswith(b"\r\n\r\n/x")


@pytest.mark.parametrize("begin", [b"\r\n", b"\r", b"\r\nGET"])
async def test_an_empty_line_before_a_head_is_passed_over(begin: bytes) -> None:
    """RFC 9112, section 2.2: some clients send one behind a body."""
    async with opened(a_door()) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(begin)
        await trio.testing.wait_all_tasks_blocked()
        await stream.send_all((b"\r\n" + ASK).removeprefix(begin))
        assert (await read_to_end(stream)).endswith(b"\r\n\r\n/x")


async def test_a_head_must_come_in_time() -> None:
    door = a_door(head_timeout=0.1)
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(ASK[:-1])
        assert await read_to_end(stream) == b""
    assert door.statistics().refused == {"head_timeout": 1}


async def test_the_handshake_must_come_in_time(secured: Secured) -> None:
    door = a_door(handshake_timeout=0.1)
    async with opened(door, secured.certificate) as address, await trio.open_tcp_stream(*address) as stream:
        assert await read_to_end(stream) == b""
    assert door.statistics().refused == {"tls_timeout": 1}


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
async def test_a_connection_outlives_its_handshakes_time(secured: Secured, protocol: str) -> None:
    secured.context.set_alpn_protocols([protocol])
    async with opened(a_door(handshake_timeout=0.5, head_timeout=0.5), secured.certificate) as address:
        stream = await trio.open_ssl_over_tcp_stream(*address, ssl_context=secured.context)
        async with stream:
            if protocol == "h2":
                # A ping, asked again when the handshake's time is over.
                ask, answer = b"\0\0\x08\x06\0\0\0\0\0pinging!", b"\0\0\x08\x06\1\0\0\0\0pinging!"
                await stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            else:
                ask, answer = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", b"\r\n\r\n/x"
            await stream.send_all(ask)
            await read_until(stream, answer)
            # Another connection that is cut by its time tells that the time is over.
            async with await trio.open_tcp_stream(*address) as silent:
                assert await read_to_end(silent) == b""
            await stream.send_all(ask)
            await read_until(stream, answer)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 16384 + b"\r\n\r\n", "431"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20000, "431"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nHost: \xff\r\nUpgrade: websocket\r\n\r\n", "400"),
        (b"GET /\xff HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", "404"),
        # For h11 these are a WebSocket's upgrade, and the end of a head and an upgrade behind it.
        (b"GET / HTTP/1.1\r\nHost: h\nUpgrade: websocket\nConnection: Upgrade\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nHost: h\n\nGET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "411"),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "400"),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", "501"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 3])
async def test_what_is_refused(head: bytes, status: str, before: int) -> None:
    """Be it the first of a connection, or behind others."""
    door = a_door()
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        for _ in range(before):
            await stream.send_all(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            await read_until(stream, b"\r\n\r\n/x")
        await stream.send_all(head)
        answer = await read_to_end(stream)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in answer, "pages of other origins are to see it"
    assert re.search(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", answer), "RFC 9110, section 6.6.1"
    assert door.statistics().refused == {status: 1}


async def test_a_header_of_many_letters_is_nobodys_business() -> None:
    async with opened(a_door()) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(b"GET /y HTTP/1.1\r\nHost: h\r\nCookie: \xff\r\nConnection: close\r\n\r\n")
        assert (await read_to_end(stream)).endswith(b"/y")


class FailingServer(HttpServer):
    """An engine that fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__(hello)
        self._error = error

    async def serve(self, _transport: object, _head: bytes, _number: int) -> bool:
        raise self._error


@pytest.mark.parametrize("error", [ValueError("x"), ExceptionGroup("", [KeyError(1), OSError()]), RecursionError()])
async def test_a_fault_ends_its_connection_and_is_told(error: Exception) -> None:
    with structlog.testing.capture_logs() as lines:
        complaints = Complaints()
        door = FrontDoor(None, FailingServer(error), complaints=complaints)
        async with opened(door) as address:
            for _ in range(3):
                async with await trio.open_tcp_stream(*address) as stream:
                    await stream.send_all(ASK)
                    assert await read_to_end(stream) == b""
            await until(lambda: door.statistics().faults == 3)
        complaints.flush()
    told, rest = (line for line in lines if line["log_level"] == "error")
    assert told["event"] == rest["event"] == "connection ended by a fault"
    assert (told["connection"], "exc_info" in told) == (1, True)
    assert (rest["suppressed"], "exc_info" in rest) == (2, False), "a stranger could fill the log with tracebacks"
    assert door.statistics().open == 0


@pytest.mark.parametrize("error", [trio.BrokenResourceError(), trio.ClosedResourceError(), ConnectionResetError()])
async def test_a_connection_that_breaks_is_no_fault(error: Exception) -> None:
    door = FrontDoor(None, FailingServer(error))
    with structlog.testing.capture_logs() as lines:
        async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(ASK)
            assert await read_to_end(stream) == b""
    assert not [line for line in lines if line["log_level"] != "debug"]


class ShortOfFiles(socket.socket):
    """A listening socket whose connections cannot be accepted for lack of files.

    Attributes:
        shortage: for each accept in its turn whether there is none; then there are some.
    """

    shortage: Iterator[bool] = iter(())

    def accept(self) -> "tuple[socket.socket, object]":
        if next(self.shortage, False):
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def told_of_shortages(
    shortage: Iterable[bool], visitors: int, monkeypatch: pytest.MonkeyPatch
) -> list[MutableMapping[str, Any]]:
    """What the log tells while so many come in all the same, one after the other."""
    monkeypatch.setattr(front_door, "_RESOURCES_PAUSE_SECONDS", 0.001)
    (listener,) = open_listeners("127.0.0.1", 0)
    complaints = Complaints(clock=lambda: 0)
    door = FrontDoor(None, HttpServer(hello), complaints=complaints)
    short = ShortOfFiles(fileno=listener.detach())
    with short, structlog.testing.capture_logs() as lines, trio.fail_after(10):
        short.setblocking(False)
        short.shortage = iter(shortage)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(door.accept, short, None, nursery)
            for _ in range(visitors):
                async with await trio.open_tcp_stream(*short.getsockname()) as stream:
                    await stream.send_all(ASK)
                    assert (await read_to_end(stream)).endswith(b"/x")
            nursery.cancel_scope.cancel()
        complaints.flush()
    return [line for line in lines if line["log_level"] in ("error", "info")]


async def test_without_descriptors_it_waits_for_some(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = await told_of_shortages([True] * 3, 1, monkeypatch)
    assert [line["event"] for line in lines] == ["no connection can be accepted", "connections are accepted again"]


async def test_shortages_that_come_and_go_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # After each accept that succeeds there is another, which finds that nobody waits.
    lines = await told_of_shortages([True, False, False] * 20, 20, monkeypatch)
    assert [line["event"] for line in lines] == [
        "no connection can be accepted",
        "connections are accepted again",
        "no connection can be accepted",
    ]
    assert lines[-1]["suppressed"] == 19


async def test_cut_ends_what_cannot_be_cancelled() -> None:
    class Stubborn(HttpServer):
        async def serve(self, transport: object, _head: bytes, _number: int) -> bool:
            assert isinstance(transport, trio.abc.Stream)
            started.set()
            with trio.CancelScope(shield=True):
                await transport.receive_some()
            return False

    started = trio.Event()
    door = FrontDoor(None, Stubborn(hello))
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(ASK)
        await started.wait()
        door.cut()
        assert await read_to_end(stream) == b""
