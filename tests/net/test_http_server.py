"""Connections on which nothing moves any more are ended, whatever Hypercorn waits for."""

import socket
import struct
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import h2.events
import h11
import pytest
import structlog
import trio
import trio.testing
from h2.connection import H2Connection
from hpack import Decoder, Encoder
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.e2e.raw import http2_frame
from trio_orchestrator.logs import Complaints
from trio_orchestrator.net import channels, http_engine, http_streams
from trio_orchestrator.net.front_door import FrontDoor
from trio_orchestrator.net.http_server import HttpServer
from trio_orchestrator.net.transport import Transport

from .serving import Secured, opened, read_to_end, read_until, until

ASK = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
LONG = bytes(16 << 20)


async def app(scope: Scope, _receive: Receive, send: Send) -> None:
    body = LONG if scope["path"] == "/long" else b"short"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_engine, "_LOOK_SECONDS", 0.2)
    for name in ("_QUIET_SECONDS", "_QUIET_SECONDS_AT_END", "_SEND_SECONDS"):
        monkeypatch.setattr(http_streams, name, 0.2)


async def wait_until_gone(door: FrontDoor) -> None:
    while door.statistics().open:
        await trio.lowlevel.checkpoint()


@pytest.mark.usefixtures("quick")
async def test_a_connection_whose_peer_has_gone_ends() -> None:
    door = FrontDoor(None, HttpServer(app))
    async with opened(door) as address:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(ASK)
            await read_until(stream, b"short")
        await wait_until_gone(door)


@pytest.mark.usefixtures("quick")
async def test_a_peer_that_reads_nothing_is_left() -> None:
    door = FrontDoor(None, HttpServer(app))
    async with opened(door) as address:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(address)
            deaf.sendall(b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
            while not door.statistics().accepted:
                await trio.lowlevel.checkpoint()
            await wait_until_gone(door)


async def slow_app(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers in pieces, as a stream from a database does."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(5):
        await trio.sleep(0.01)
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
    await send({"type": "http.response.body"})


async def test_a_peer_that_goes_behind_half_a_request_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_engine, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(http_streams, "_QUIET_SECONDS_AT_END", 0.1)
    door = FrontDoor(None, HttpServer(slow_app))
    async with opened(door) as address:
        for _ in range(20):
            async with await trio.open_tcp_stream(*address) as stream:
                await stream.send_all(ASK + b"GET /ti")
        while door.statistics().accepted < 20:
            await trio.lowlevel.checkpoint()
        await wait_until_gone(door)


async def test_a_peer_that_has_gone_leaves_at_once() -> None:
    door = FrontDoor(None, HttpServer(app))
    async with opened(door) as address:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(ASK)
            await read_until(stream, b"short")
        with trio.fail_after(1.5):
            await wait_until_gone(door)


@pytest.mark.parametrize("ask", [ASK[:-2] + b"Connection: close\r\n\r\n", ASK.replace(b"1.1", b"1.0")])
async def test_the_connection_ends_with_the_last_answer_also_where_that_is_streamed(ask: bytes) -> None:
    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        await StreamingResponse(pieces())(scope, receive, send)

    async with opened(FrontDoor(None, HttpServer(streaming))) as address:
        for _ in range(5):
            async with await trio.open_tcp_stream(*address) as stream:
                await stream.send_all(ask)
                with trio.fail_after(5):
                    assert b"b" in await read_to_end(stream)


async def test_the_head_of_each_request_must_come_in_time() -> None:
    door = FrontDoor(None, HttpServer(app, head_timeout=0.2))
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        for _ in range(3):
            await stream.send_all(ASK)
            await read_until(stream, b"short")
            await trio.sleep(0.3)  # it may be idle for longer than a head may take
        await stream.send_all(ASK[:-1])
        assert await read_to_end(stream) == b""
        await until(lambda: door.statistics().refused == {"head_timeout": 1})


async def test_stopping_ends_idle_connections_and_finishes_the_others() -> None:
    server = HttpServer(app)
    door = FrontDoor(None, server)
    async with opened(door) as address:
        idle = await trio.open_tcp_stream(*address)
        await idle.send_all(ASK)
        await read_until(idle, b"short")
        busy = await trio.open_tcp_stream(*address)
        await busy.send_all(b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
        await busy.receive_some(1)
        await server.stop()
        assert await read_to_end(idle) == b""
        assert len(await read_to_end(busy)) >= len(LONG)
        for stream in (idle, busy):
            await stream.aclose()
        await wait_until_gone(door)


async def deaf_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body before it answers, or nothing of it and never answers."""
    if scope["path"] == "/never":
        await trio.sleep_forever()
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


async def test_a_body_that_drips_ends_its_connection() -> None:
    door = FrontDoor(None, HttpServer(deaf_app, answer_timeout=0.5))
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await stream.send_all(b"x")
                await trio.sleep(0.05)
        await wait_until_gone(door)


async def test_a_body_that_nobody_reads_waits_with_its_sender() -> None:
    door = FrontDoor(None, HttpServer(deaf_app, answer_timeout=1))
    sent = 0
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(b"POST /never HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await stream.send_all(bytes(65536))
                sent += 65536
        await wait_until_gone(door)
    assert sent < 32 << 20, "what the sockets' buffers hold, and little more"


async def test_an_answer_may_take_as_long_as_it_moves(mock_clock: trio.testing.MockClock) -> None:
    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10):
            mock_clock.jump(0.4)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body"})

    door = FrontDoor(None, HttpServer(slow, answer_timeout=0.5))
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert (await read_to_end(stream)).count(b"x\r\n") == 10


LAST = b"\r\n0\r\n\r\n"
"""What ends an answer in chunks that is whole."""


def streaming(pieces: Callable[[], AsyncGenerator[bytes, None]]) -> ASGIApp:
    """An application that answers with them; as those that are streamed from the database, it ends with its peer."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(pieces()) as body:
            await StreamingResponse(body)(scope, receive, send)

    return app


async def test_whoever_only_reads_has_not_gone(mock_clock: trio.testing.MockClock) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for _ in range(5):
            mock_clock.jump(50)
            await trio.testing.wait_all_tasks_blocked()
            yield b"x"

    door = FrontDoor(None, HttpServer(streaming(pieces)))
    async with opened(door, patience=1000) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(ASK)
        assert (await read_until(stream, LAST)).count(b"\r\nx\r\n") == 5


async def test_an_idle_connection_is_kept_for_75_seconds(mock_clock: trio.testing.MockClock) -> None:
    door = FrontDoor(None, HttpServer(app))
    async with opened(door, patience=1000) as address, await trio.open_tcp_stream(*address) as stream:
        for _ in range(3):
            await stream.send_all(ASK)
            await read_until(stream, b"short")
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(74)
            await trio.testing.wait_all_tasks_blocked()
        await stream.send_all(ASK)
        await read_until(stream, b"short")
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(76)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert not door.statistics().open


async def test_a_long_answer_may_be_taken_slowly(mock_clock: trio.testing.MockClock) -> None:
    """A megabyte in 20 seconds, though all that is sent at once must have been taken in 30."""
    door = FrontDoor(None, HttpServer(app))
    received = 0
    async with opened(door, patience=1000) as address, await trio.open_tcp_stream(*address) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        await stream.send_all(ASK.replace(b"/", b"/long", 1))
        while received < len(LONG):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(20)
            some = received
            while received < min(some + (1 << 20), len(LONG)):
                data = await stream.receive_some(65536)
                assert data, f"{received} bytes came"
                received += len(data)


async def test_whoever_takes_nothing_is_left_at_once(mock_clock: trio.testing.MockClock) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        while True:
            yield bytes(65536)

    door = FrontDoor(None, HttpServer(streaming(pieces)))
    async with opened(door, patience=1000) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(ASK)
        await trio.testing.wait_all_tasks_blocked(0.05)
        mock_clock.jump(29)
        await trio.testing.wait_all_tasks_blocked()
        assert door.statistics().open
        mock_clock.jump(2)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert not door.statistics().open


async def test_whoever_says_no_more_is_answered(mock_clock: trio.testing.MockClock) -> None:
    """In whole, and however long that takes; then the connection ends."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        for _ in range(5):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(10)
            yield b"x"

    door = FrontDoor(None, HttpServer(streaming(pieces)))
    async with opened(door, patience=1000) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(ASK)
        await stream.send_eof()
        received = await read_to_end(stream)
        assert received.count(b"\r\nx\r\n") == 5
        assert received.endswith(LAST)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert not door.statistics().open


class Working:
    """An application that works until it is told to go on, or is left.

    Attributes:
        began: set once it has been asked.
        left: set once it has been left.
        go_on: set by a test that wants its answer.
    """

    def __init__(self) -> None:
        self.began, self.left, self.go_on = trio.Event(), trio.Event(), trio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began.set()
        try:
            await self.go_on.wait()
        except trio.Cancelled:
            self.left.set()
            raise
        await app(scope, receive, send)


def reset(stream: trio.SocketStream) -> None:
    """Close it as a system does whose program has died in the middle: the other end is told that all is over."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


async def passes(clock: trio.testing.MockClock, seconds: float) -> None:
    """So much time, a second after the other; what comes over a socket comes in between."""
    for _ in range(round(seconds)):
        await trio.testing.wait_all_tasks_blocked(0.02)
        clock.jump(1)
    await trio.testing.wait_all_tasks_blocked(0.02)


@pytest.mark.parametrize("early", [b"", b"GET /ear", ASK * 2, bytes(100_000)], ids=["", "half", "two", "much"])
@pytest.mark.parametrize("half_closed", [False, True])
async def test_work_for_whom_has_gone_is_left(
    mock_clock: trio.testing.MockClock, early: bytes, half_closed: bool
) -> None:
    working = Working()
    door = FrontDoor(None, HttpServer(working))
    async with opened(door, patience=1000) as address:
        stream = await trio.open_tcp_stream(*address)
        await stream.send_all(ASK + early)
        await working.began.wait()
        if half_closed:
            await stream.send_eof()
            await passes(mock_clock, 1)
            assert not working.left.is_set()
        reset(stream)
        await passes(mock_clock, 3)
        assert working.left.is_set()
        await passes(mock_clock, 5)
        assert not door.statistics().open
    assert door.statistics().faults == 0


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
async def test_likewise_where_the_peer_has_closed_and_said_nothing(
    mock_clock: trio.testing.MockClock, secured: Secured, tls: bool
) -> None:
    """Which looks as if it said no more, until it is told something."""
    working = Working()
    door = FrontDoor(None, HttpServer(working))
    async with opened(door, secured.certificate if tls else None, patience=1000) as address:
        plain = await trio.open_tcp_stream(*address)
        stream: trio.abc.Stream = plain
        if tls:
            stream = trio.SSLStream(plain, secured.context, server_hostname="127.0.0.1")
        await stream.send_all(ASK)
        await working.began.wait()
        await plain.aclose()
        await passes(mock_clock, 5)
        assert working.left.is_set()
        await passes(mock_clock, 5)
        assert not door.statistics().open
    assert door.statistics().faults == 0


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_whoever_waits_and_says_no_more_is_asked_once_whether_it_does(
    mock_clock: trio.testing.MockClock, version: bytes
) -> None:
    """HTTP/1.0 knows of no answer before the last."""
    working = Working()
    async with (
        opened(FrontDoor(None, HttpServer(working)), patience=1000) as address,
        await trio.open_tcp_stream(*address) as stream,
    ):
        await stream.send_all(ASK.replace(b"1.1", version))
        await stream.send_eof()
        await working.began.wait()
        await passes(mock_clock, 60)
        working.go_on.set()
        received = await read_to_end(stream)
    continued = b"HTTP/1.1 100 Continue\r\n\r\n" if version == b"1.1" else b""
    assert received.startswith(continued + b"HTTP/1.1 200 ")
    assert received.endswith(b"short")


async def test_a_change_is_made_though_whoever_asked_for_it_has_gone(mock_clock: trio.testing.MockClock) -> None:
    done = trio.Event()

    async def changing(scope: Scope, receive: Receive, send: Send) -> None:
        await working(scope, receive, send)
        done.set()

    working = Working()
    door = FrontDoor(None, HttpServer(changing))
    async with opened(door, patience=1000) as address:
        stream = await trio.open_tcp_stream(*address)
        await stream.send_all(ASK.replace(b"GET", b"DELETE"))
        await working.began.wait()
        reset(stream)
        await passes(mock_clock, 20)
        working.go_on.set()
        await passes(mock_clock, 3)
        assert done.is_set()
        assert not door.statistics().open
    assert door.statistics().faults == 0


async def test_in_tls_every_end_is_clean(secured: Secured) -> None:
    """Of a connection that asked for it, and of one that is kept open until the server stops."""
    server = HttpServer(app)
    door = FrontDoor(None, server)
    async with opened(door, secured.certificate) as address:
        for ask in (b"GET /long HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", ASK):
            stream = await trio.open_ssl_over_tcp_stream(*address, ssl_context=secured.context)
            async with stream:
                await stream.send_all(ask)
                if ask == ASK:
                    for _ in range(2):
                        await read_until(stream, b"short")
                        await stream.send_all(ASK)
                    await read_until(stream, b"short")
                    await server.stop()
                received = await read_to_end(stream)  # raises where the end is not clean
                assert received.endswith(LONG) or ask == ASK
        await wait_until_gone(door)


@pytest.mark.usefixtures("quick")
async def test_in_tls_a_peer_that_reads_nothing_is_left(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_streams, "_CLOSE_SECONDS", 0.2)
    door = FrontDoor(None, HttpServer(app))
    async with opened(door, secured.certificate) as address:
        stream = await trio.open_ssl_over_tcp_stream(*address, ssl_context=secured.context)
        await stream.send_all(b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n" * 2)
        await wait_until_gone(door)
        await trio.aclose_forcefully(stream)


async def test_closing_takes_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck(Transport):
        async def aclose(self) -> None:
            await trio.sleep_forever()

    monkeypatch.setattr(http_streams, "_CLOSE_SECONDS", 0.01)
    near, far = socket.socketpair()
    with near, far, trio.fail_after(1):
        await http_streams.Stream(Stuck(near), trio.CancelScope()).aclose()


async def test_bytes_that_make_hypercorn_fail_are_the_peers_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def create_stream(protocol: H11Protocol, request: h11.Request) -> None:
        if request.target == b"/odd":
            b"\xff".decode("ascii")
        await understand(protocol, request)

    understand = H11Protocol._create_stream
    monkeypatch.setattr(H11Protocol, "_create_stream", create_stream)
    with structlog.testing.capture_logs() as lines:
        complaints = Complaints()
        door = FrontDoor(None, HttpServer(app), complaints=complaints)
        async with opened(door) as address:
            for _ in range(20):
                async with await trio.open_tcp_stream(*address) as stream:
                    await stream.send_all(ASK + ASK.replace(b"/", b"/odd", 1))
                    answers = await read_to_end(stream)
                assert [answers.count(b"HTTP/1.1 %d " % status) for status in (200, 400)] == [1, 1]
                assert answers.endswith(b"Connection: close\r\nContent-Length: 0\r\n\r\n")
            await until(lambda: door.statistics().refused == {"400": 20})
        complaints.flush()
    assert door.statistics().faults == 0
    told, rest = (line for line in lines if line["log_level"] != "debug")
    assert told["event"] == rest["event"] == "a connection was ended, its HTTP cannot be served"
    assert (told["connection"], told["log_level"], rest["suppressed"]) == (1, "warning", 19)
    assert told["reason"].startswith("NotServable: UnicodeDecodeError")


async def test_likewise_over_http2(speaking_http2: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    async def create_stream(_protocol: H2Protocol, _request: h2.events.RequestReceived) -> None:
        b"\xff".decode("ascii")

    monkeypatch.setattr(H2Protocol, "_create_stream", create_stream)
    door = FrontDoor(None, HttpServer(app))
    async with opened(door, speaking_http2.certificate) as address:
        async with await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream:
            await stream.send_all(PREFACE + asking(1))
            protocol_error = http2_frame(7, 0, 0, b"\x7f\xff\xff\xff\0\0\0\1")
            assert (await read_to_end(stream)).endswith(protocol_error)
        await until(lambda: door.statistics().refused == {"400": 1})
    assert (door.statistics().refused, door.statistics().faults) == ({"400": 1}, 0)


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("CONNECT", None, "h", "501"),
        ("delete", "/", "h", "501"),
        (b"\xff", "/", "h", "501"),
        ("GET", b"/\xff", "h", "400"),
        ("GET", "https://h/", "h", "400"),
        ("GET", "/objects%2f1", "h", "400"),
        ("GET", "*", "h", "400"),
        ("GET", "/", "me@h", "400"),
        ("GET", "/", "h/objectIds?", "400"),
    ],
)
async def test_a_request_that_is_refused_costs_no_other(
    speaking_http2: Secured, method: str | bytes, path: str | bytes | None, host: str, status: str
) -> None:
    async with (
        opened(FrontDoor(None, HttpServer(app)), speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        frames = Frames(stream)
        head = [(":method", method), (":authority", host), *([] if path is None else [(":scheme", "https")])]
        head += [] if path is None else [(":path", path)]
        refused = http2_frame(HEADERS, END_STREAM | END_HEADERS, 1, Encoder().encode(head))
        await stream.send_all(PREFACE + refused + asking(3))
        while (told := await frames.next())[:2] != (HEADERS, 1):
            pass
        headers = [tuple(header) for header in Decoder().decode(told[2], raw=True)]
        assert headers[0] == (b":status", status.encode())
        assert headers[1][0] == b"date"
        while await frames.next() != (DATA, 3, b"short"):
            pass


@pytest.mark.parametrize("why", ["path", "too many"])
async def test_likewise_where_the_peer_resets_it_in_the_same_breath(speaking_http2: Secured, why: str) -> None:
    working = Working()
    async with (
        opened(FrontDoor(None, HttpServer(working)), speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        frames = Frames(stream)
        await stream.send_all(PREFACE + b"".join(map(asking, [1] if why == "path" else range(1, 17, 2))))
        await working.began.wait()
        cancel = struct.pack(">I", 8)
        await stream.send_all(asking(17, "/%2f" if why == "path" else "/") + http2_frame(RST_STREAM, 0, 17, cancel))
        await stream.send_all(http2_frame(PING, 0, 0, bytes(8)))
        while (await frames.next())[0] != PING:
            pass
        working.go_on.set()
        while await frames.next() != (DATA, 1, b"short"):
            pass


async def test_a_connection_has_so_many_requests_those_that_are_refused_among_them(speaking_http2: Secured) -> None:
    async with (
        opened(FrontDoor(None, HttpServer(app)), speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        await stream.send_all(PREFACE)
        frames = Frames(stream)
        for number in range(1, 2003, 2):
            await stream.send_all(asking(number, "/%2f"))
        while (await frames.next())[0] != GOAWAY:
            pass


DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS = 1, 4
MAX_CONCURRENT_STREAMS, ENABLE_CONNECT_PROTOCOL = 3, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(SETTINGS, 0, 0)


@pytest.fixture
def speaking_http2(tmp_path: Path) -> Secured:
    secured = Secured(tmp_path)
    secured.context.set_alpn_protocols(["h2"])
    return secured


def asking(stream: int, path: str = "/", *, flags: int = END_STREAM | END_HEADERS) -> bytes:
    """The head of a request over HTTP/2."""
    head = [(":method", "GET"), (":scheme", "https"), (":authority", "h"), (":path", path)]
    return http2_frame(HEADERS, flags, stream, Encoder().encode(head))


def frames_of(received: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Of each frame its kind, its flags, its stream's number, and what it carries."""
    while received:
        size = 9 + int.from_bytes(received[:3], "big")
        yield received[3], received[4], int.from_bytes(received[5:9], "big"), received[9:size]
        received = received[size:]


class Frames:
    """What comes over HTTP/2, frame by frame."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._received = b""

    async def next(self) -> tuple[int, int, bytes]:
        """Of the next frame its kind, its stream's number, and what it carries."""
        while len(self._received) < 9 or len(self._received) < self._size():
            data = await self._stream.receive_some()
            assert data, "the connection was ended"
            self._received += data
        size = self._size()
        frame, self._received = self._received[:size], self._received[size:]
        return frame[3], int.from_bytes(frame[5:9], "big"), frame[9:]

    def _size(self) -> int:
        return 9 + int.from_bytes(self._received[:3], "big")


async def test_others_have_their_turn_while_http2_is_understood(
    speaking_http2: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some 40 µs a frame of nine bytes: 48 KiB of them would hold everybody up for a quarter of a second."""
    turns = 0
    given: list[tuple[int, int]] = []

    def receive_data(connection: H2Connection, data: bytes) -> list[h2.events.Event]:
        given.append((len(data), turns))
        return understand(connection, data)

    understand = H2Connection.receive_data
    monkeypatch.setattr(H2Connection, "receive_data", receive_data)

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with (
        opened(FrontDoor(None, HttpServer(app)), speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(take_turns)
        await stream.send_all(PREFACE + http2_frame(SETTINGS, 0, 0) * 3000)
        await until(lambda: sum(size for size, _ in given) >= 27_000)
        nursery.cancel_scope.cancel()
    assert max(size for size, _ in given) <= 2048
    # In one turn of the loop each task runs once, in any order: from one piece to the next but one others had a turn.
    assert all(later > earlier for (_, earlier), (_, later) in zip(given, given[2:], strict=False))


async def test_what_comes_for_a_request_that_is_answered_is_for_nobody(speaking_http2: Secured) -> None:
    """The rest of a body that nobody wanted; the requests beside it are answered."""
    async with (
        opened(FrontDoor(None, HttpServer(app)), speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        frames = Frames(stream)
        await stream.send_all(PREFACE + asking(1, flags=END_HEADERS) + http2_frame(DATA, 0, 1, b"x"))
        while await frames.next() != (DATA, 1, b"short"):
            pass
        await stream.send_all(http2_frame(DATA, 0, 1, b"x") + http2_frame(DATA, END_STREAM, 1, b"x") + asking(3))
        while (frame := await frames.next()) != (DATA, 3, b"short"):
            assert frame[0] != GOAWAY


async def test_what_nobody_makes_room_for_waits_in_the_application(speaking_http2: Secured) -> None:
    """Also where room is made for a byte at a time."""
    given = 0

    async def much(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal given
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            given += 16384
            await send({"type": "http.response.body", "body": bytes(16384), "more_body": True})

    initial_window_size = struct.pack(">HI", 4, 0)
    async with (
        opened(FrontDoor(None, HttpServer(much)), speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        await stream.send_all(PREFACE + http2_frame(SETTINGS, 0, 0, initial_window_size) + asking(1))
        frames = Frames(stream)
        for _ in range(50):
            await stream.send_all(http2_frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"))
            while (await frames.next())[0] != DATA:
                pass
    assert given <= 10 * 16384


async def test_of_one_connection_so_many_requests_are_under_way(speaking_http2: Secured) -> None:
    """Who cannot know it yet is told of each that is one too many, which he may make again."""
    go_on = trio.Event()

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await app(scope, receive, send)

    async with (
        opened(FrontDoor(None, HttpServer(waiting)), speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        frames = Frames(stream)
        await stream.send_all(PREFACE + b"".join(asking(number) for number in range(1, 41, 2)))
        refused: list[int] = []
        told: dict[int, int] = {}
        while len(refused) < 12:
            kind, number, payload = await frames.next()
            if kind == SETTINGS:
                told |= dict(struct.iter_unpack(">HI", payload))
            elif kind == RST_STREAM:
                assert payload == b"\0\0\0\7", "REFUSED_STREAM"
                refused.append(number)
        assert refused == list(range(17, 41, 2))
        assert told[MAX_CONCURRENT_STREAMS] == 8
        go_on.set()
        answered: set[int] = set()
        while len(answered) < 8:
            kind, number, payload = await frames.next()
            if (kind, payload) == (DATA, b"short"):
                answered.add(number)
        assert answered == set(range(1, 17, 2))
        await stream.send_all(asking(41))
        while await frames.next() != (DATA, 41, b"short"):
            pass


@pytest.mark.parametrize(
    "why",
    ["enough", "the peer asks for no more", "likewise at once", "and makes room for its answers", "the server stops"],
)
async def test_what_was_asked_for_before_the_last_request_is_answered(speaking_http2: Secured, why: str) -> None:
    """RFC 9113, section 6.8; to the end, and then the connection ends."""
    working = Working()
    server = HttpServer(working)
    vars(server)["_config"].keep_alive_max_requests = 3 if why == "enough" else 1000
    door = FrontDoor(None, server)
    async with (
        opened(door, speaking_http2.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        farewell = http2_frame(GOAWAY, 0, 0, bytes(8))
        room = http2_frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1")
        at_once = {"likewise at once": farewell, "and makes room for its answers": farewell + room}.get(why, b"")
        await stream.send_all(PREFACE + asking(1) + asking(3) + asking(5) + at_once)
        await working.began.wait()
        await trio.testing.wait_all_tasks_blocked(0.05)
        if why == "enough":
            await stream.send_all(asking(7))
        elif why == "the server stops":
            await server.stop()
            await stream.send_all(asking(7) + asking(9) + http2_frame(RST_STREAM, 0, 9, bytes(4)))
        elif why == "the peer asks for no more":
            await stream.send_all(farewell)
        await trio.testing.wait_all_tasks_blocked(0.05)
        working.go_on.set()
        received = await read_to_end(stream)
    await until(lambda: not door.statistics().open)
    frames = list(frames_of(received))
    assert {number for kind, flags, number, _ in frames if kind == DATA and flags & END_STREAM} == {1, 3, 5}
    refused = {(number, payload) for kind, _, number, payload in frames if kind == RST_STREAM}
    assert refused == ({(7, b"\0\0\0\7")} if why in ("enough", "the server stops") else set()), "REFUSED_STREAM"
    kind, _, _, payload = frames[-1]
    assert (kind, payload[4:]) == (GOAWAY, bytes(4)), "last: some clients understand nothing behind it"


async def test_the_last_answer_reaches_whoever_takes_it_slowly(speaking_http2: Secured) -> None:
    """He makes room for more of it when all of it has been sent."""
    body = bytes(300_000)

    async def long_app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    door = FrontDoor(None, HttpServer(long_app))
    async with opened(door, speaking_http2.certificate) as address:
        slow = trio.socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        await slow.connect(address)
        async with trio.SSLStream(
            trio.SocketStream(slow), speaking_http2.context, server_hostname="127.0.0.1"
        ) as stream:
            room = http2_frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 20))
            room += http2_frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 20))
            await stream.send_all(PREFACE + room + asking(1) + http2_frame(GOAWAY, 0, 0, bytes(8)))
            received = b""
            while data := await stream.receive_some(4096):
                received += data
                await stream.send_all(http2_frame(WINDOW_UPDATE, 0, 0, b"\0\0\x10\0"))
                await trio.testing.wait_all_tasks_blocked(0.002)
        await until(lambda: not door.statistics().open)
    assert sum(len(payload) for kind, _, _, payload in frames_of(received) if kind == DATA) == len(body)


@pytest.mark.parametrize("why", ["idle", "the server stops", "likewise, and the peer does not close"])
async def test_an_idle_connection_over_http2_ends_with_a_farewell(
    speaking_http2: Secured, mock_clock: trio.testing.MockClock, why: str
) -> None:
    """RFC 9113, section 6.8: the peer is to know which of its requests have been seen."""
    server = HttpServer(app, answer_timeout=1000)
    door = FrontDoor(None, server)
    async with (
        opened(door, speaking_http2.certificate, patience=1000) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=speaking_http2.context) as stream,
    ):
        await stream.send_all(PREFACE + asking(1))
        await passes(mock_clock, 74)
        assert door.statistics().open == 1
        if why == "idle":
            await passes(mock_clock, 2)
        else:
            await server.stop()
        received = await read_to_end(stream)
        if why == "likewise, and the peer does not close":
            await passes(mock_clock, 3)
            await wait_until_gone(door)
    *_, (kind, _, _, payload) = frames_of(received)
    assert (kind, payload) == (GOAWAY, b"\0\0\0\1" + bytes(4))


@pytest.mark.parametrize("how", ["reset", "closed", "gone"])
async def test_work_for_a_stream_that_has_ended_is_left(speaking_http2: Secured, how: str) -> None:
    working = Working()

    async def one_of_two(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["path"] == "/other" else working)(scope, receive, send)

    door = FrontDoor(None, HttpServer(one_of_two))
    async with opened(door, speaking_http2.certificate) as address:
        plain = await trio.open_tcp_stream(*address)
        stream = trio.SSLStream(plain, speaking_http2.context, server_hostname="127.0.0.1")
        await stream.send_all(PREFACE + asking(1))
        await working.began.wait()
        if how == "reset":
            cancel = struct.pack(">I", 8)
            await stream.send_all(http2_frame(RST_STREAM, 0, 1, cancel) + asking(3, "/other"))
            frames = Frames(stream)
            while await frames.next() != (DATA, 3, b"short"):
                pass
        elif how == "closed":
            await stream.aclose()
        else:
            reset(plain)
        await working.left.wait()
        await plain.aclose()
        await wait_until_gone(door)
    assert door.statistics().faults == 0


async def test_http2_is_spoken_in_tls_alone() -> None:
    """Also behind a request that the door has looked at."""
    async with opened(FrontDoor(None, HttpServer(app))) as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(ASK)
        await read_until(stream, b"short")
        upgrade = b"\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        await stream.send_all(ASK.replace(b"\r\n\r\n", upgrade))
        assert (await read_until(stream, b"short")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_nobody_reads_does_not_outlive_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rest would keep Hypercorn from noticing that all is over."""

    async def app_after_a_while(scope: Scope, receive: Receive, send: Send) -> None:
        await trio.testing.wait_all_tasks_blocked()
        await app(scope, receive, send)

    monkeypatch.setattr(channels, "RECEIVE_BYTES", 1)  # each byte of the body is a piece of it
    door = FrontDoor(None, HttpServer(app_after_a_while))
    async with opened(door) as address, await trio.open_tcp_stream(*address) as stream:
        head = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 30\r\n\r\n"
        await stream.send_all(head + bytes(30))
        assert (await read_to_end(stream)).endswith(b"short")
        await wait_until_gone(door)


async def test_no_websockets_are_offered_within_http2(speaking_http2: Secured) -> None:
    """A browser would ask for no others then (RFC 8441), and those are not served."""
    secured = speaking_http2
    async with (
        opened(FrontDoor(None, HttpServer(app)), secured.certificate) as address,
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=secured.context) as stream,
    ):
        await stream.send_all(PREFACE)
        kind, number, payload = await Frames(stream).next()
        assert (kind, number) == (SETTINGS, 0), "its settings come first"
        told = dict(struct.iter_unpack(">HI", payload))
    assert MAX_CONCURRENT_STREAMS in told
    assert not told.get(ENABLE_CONNECT_PROTOCOL)


async def test_a_fault_of_the_application_is_answered_and_told_once() -> None:
    async def failing(scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError(scope["path"])

    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        complaints = Complaints()
        async with opened(FrontDoor(None, HttpServer(failing, complaints=complaints))) as address:
            for _ in range(3):
                async with await trio.open_tcp_stream(*address) as stream:
                    await stream.send_all(ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                    assert (await read_to_end(stream)).startswith(b"HTTP/1.1 500 ")
        complaints.flush()
    told, rest = (line for line in lines if line["log_level"] == "error")
    assert told["event"] == rest["event"] == "a request ended by a fault"
    assert (told["connection"], "exc_info" in told) == (1, True)
    assert told["remote"].startswith("127.0.0.1:")
    assert (rest["suppressed"], "exc_info" in rest) == (2, False)


@pytest.mark.usefixtures("no_collector")
async def test_what_has_ended_needs_no_garbage_collector() -> None:
    door = FrontDoor(None, HttpServer(app))
    async with opened(door) as address:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(ASK)
            await read_until(stream, b"short")
            transport = weakref.ref(next(iter(vars(door)["_transports"])))
        with trio.fail_after(5):
            await until(lambda: transport() is None)
