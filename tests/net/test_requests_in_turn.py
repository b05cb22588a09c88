"""Requests that come on one connection after another: each head passes the door, and is served as if it came first."""

import ipaddress
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
import trio.testing
from starlette.types import Receive, Scope, Send

from tests.e2e.raw import PING, PONG, closing_code, frame, upgrade
from trio_orchestrator.net.admission import Admission
from trio_orchestrator.net.forwarded import Proxies
from trio_orchestrator.net.front_door import FrontDoor
from trio_orchestrator.net.http_server import HttpServer
from trio_orchestrator.net.transport import Transport

from .serving import Secured, opened, read_to_end, read_until, until
from .test_websocket import read_frames, serving

ASK = b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n"
SAY = b"POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nsaid"
ANSWERED = b"\r\n\r\n/page"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads all, and answers with the path."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    body = scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def asked(address: tuple[str, int]) -> AsyncIterator[trio.SocketStream]:
    """A connection on which a page has been asked for and has come."""
    async with await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(ASK)
        await read_until(stream, ANSWERED)
        yield stream


async def switched(stream: trio.abc.Stream) -> None:
    """A WebSocket's opening handshake has been answered, and pings are."""
    assert (await read_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    await stream.send_all(frame(PING, b"x"))
    await read_until(stream, bytes((0x80 | PONG, 1)) + b"x")


async def test_a_websocket_behind_pages_is_one_like_others() -> None:
    async with serving(app=app, close_timeout=0.1) as (address, server):
        with structlog.testing.capture_logs() as lines:
            async with asked(address) as stream:
                await stream.send_all(ASK)
                await read_until(stream, ANSWERED)
                await stream.send_all(upgrade())
                await switched(stream)
                assert server.statistics().opened == {"client": 1}
                server.stop()
                assert closing_code(await read_frames(stream)) == 1001
            await until(lambda: server.statistics().ended == {"1001": 1})
    told = [(line["event"], line["connection"]) for line in lines if line["log_level"] == "info"]
    assert told == [("connected", 1), ("disconnected", 1)]


async def test_likewise_in_tls(secured: Secured) -> None:
    async with (
        serving(secured.certificate, app=app) as (address, _),
        await trio.open_ssl_over_tcp_stream(*address, ssl_context=secured.context) as stream,
    ):
        await stream.send_all(ASK)
        await read_until(stream, ANSWERED)
        await stream.send_all(upgrade())
        await switched(stream)


@pytest.mark.parametrize("before", [ASK, SAY, ASK * 3, SAY * 3 + ASK], ids=["ask", "say", "asks", "says"])
@pytest.mark.parametrize("at_once", [10_000, 7, 1])
async def test_a_websocket_may_follow_before_the_answers_to_others(before: bytes, at_once: int) -> None:
    sent = before + upgrade() + frame(PING, b"early")
    async with serving(app=app) as (address, _), await trio.open_tcp_stream(*address) as stream:
        for start in range(0, len(sent), at_once):
            await stream.send_all(sent[start : start + at_once])
        received = await read_until(stream, bytes((0x80 | PONG, 5)) + b"early")
        answers = [part.split(b" ", 2)[1] for part in received.split(b"HTTP/1.1")[1:]]
        assert answers == [b"200"] * before.count(b"HTTP/1.1") + [b"101"]


async def test_many_requests_at_once_are_answered_in_turn() -> None:
    async with opened(FrontDoor(None, HttpServer(app))) as address, await trio.open_tcp_stream(*address) as stream:
        numbers = range(100)
        await stream.send_all(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in numbers))
        received = await read_until(stream, b"\r\n\r\n/99")
    assert [part.split(b"\r\n\r\n/")[1] for part in received.split(b"HTTP/1.1")[1:]] == [b"%d" % n for n in numbers]


async def test_whom_a_proxy_speaks_for_is_counted_then() -> None:
    proxies = Proxies([ipaddress.ip_network("127.0.0.0/8")])
    async with (
        serving(app=app, proxies=proxies, admission=Admission(9, 1)) as (address, _),
        asked(address) as one,
        asked(address) as another,
        asked(address) as third,
    ):
        await one.send_all(upgrade(b"/client", b"X-Forwarded-For: 192.0.2.1"))
        await switched(one)
        await another.send_all(upgrade(b"/client", b"X-Forwarded-For: 192.0.2.1"))
        assert (await read_to_end(another)).startswith(b"HTTP/1.1 429 ")
        await third.send_all(upgrade(b"/client", b"X-Forwarded-For: 192.0.2.2"))
        await switched(third)


async def test_pages_of_others_may_not_connect_then_either() -> None:
    allowed = frozenset({"https://console.example"})
    async with (
        serving(app=app, allowed_origins=allowed) as (address, _),
        asked(address) as stream,
        asked(address) as stranger,
    ):
        await stream.send_all(upgrade(b"/client", b"Origin: https://console.example"))
        await switched(stream)
        await stranger.send_all(upgrade(b"/client", b"Origin: https://elsewhere.example"))
        assert (await read_until(stranger, b"here.\n")).startswith(b"HTTP/1.1 403 ")


async def test_an_upgrade_that_is_not_offered_is_passed_over() -> None:
    """RFC 9110, section 7.8. Hypercorn would change to HTTP/2 in clear."""
    h2c = ASK[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    async with opened(FrontDoor(None, HttpServer(app))) as address, asked(address) as stream:
        for protocol in (b"h2c", b"h2c\xa0", b"h2c, other", b"other"):
            await stream.send_all(h2c + b"Upgrade: " + protocol + b"\r\n\r\n")
            assert (await read_until(stream, ANSWERED)).startswith(b"HTTP/1.1 200 ")


async def test_what_a_body_holds_is_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it answered before it is read, and the connection about to end."""

    async def hasty(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def end(transport: Transport) -> None:
        closing.set()
        await body_came.wait()
        await real_end(transport)

    real_end = Transport.send_eof
    monkeypatch.setattr(Transport, "send_eof", end)
    closing, body_came = trio.Event(), trio.Event()
    async with serving(app=hasty) as (address, server), await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(b"POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n")
        await closing.wait()
        await stream.send_all(upgrade())
        await trio.testing.wait_all_tasks_blocked(0.05)
        body_came.set()
        assert (await read_to_end(stream)).count(b"HTTP/1.1 ") == 1
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert server.statistics().opened == {}


@pytest.mark.parametrize("before", [b"", ASK, SAY + b"\r\n"], ids=["first", "behind another", "behind an empty line"])
async def test_a_target_may_be_in_absolute_form(before: bytes) -> None:
    """RFC 9112, section 3.2.2; of either engine."""
    page = ASK.replace(b"/page", b"http://other/page?x")
    async with serving(app=app) as (address, _), await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(before + page + upgrade(b"http://other/client"))
        received = await read_until(stream, b"\r\n\r\n")
        while b" 101 " not in received:
            received += await read_until(stream, b"\r\n\r\n")
        assert received.count(ANSWERED) == 1 + bool(before)


async def test_an_empty_line_alone_begins_no_head(mock_clock: trio.testing.MockClock) -> None:
    """Which would have to be complete in ten seconds."""
    async with (
        opened(FrontDoor(None, HttpServer(app)), patience=1000) as address,
        await trio.open_tcp_stream(*address) as stream,
    ):
        for _ in range(3):
            await stream.send_all(SAY)
            await read_until(stream, ANSWERED)
            await stream.send_all(b"\r\n")
            await trio.testing.wait_all_tasks_blocked(0.02)
            mock_clock.jump(20)
            await trio.testing.wait_all_tasks_blocked(0.02)


@pytest.mark.parametrize("target", [b"//other/client", b"/client#x", b"/client/"])
async def test_what_only_looks_like_a_websockets_path_is_none(target: bytes) -> None:
    async with serving(app=app) as (address, _), await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(upgrade(target))
        answer = await read_until(stream, b"/processor.\n")
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"\r\nDate: " in answer


@pytest.mark.parametrize("half", [upgrade()[:-1], ASK[:-4], upgrade().replace(b"\r\n", b"\n")])
async def test_half_a_head_at_the_end_is_for_nobody(half: bytes) -> None:
    """h11 takes a line feed alone for the end of a line, and two for the end of a head."""
    async with serving(app=app) as (address, server), asked(address) as stream:
        await stream.send_all(half)
        await stream.send_eof()
        assert await read_to_end(stream) == b""
        assert server.statistics().opened == {}


@pytest.mark.usefixtures("no_collector")
async def test_what_was_left_to_the_door_needs_no_garbage_collector() -> None:
    door = FrontDoor(None, HttpServer(app))
    async with opened(door) as address:
        async with asked(address) as stream:
            transport = weakref.ref(next(iter(vars(door)["_transports"])))
            await stream.send_all(upgrade())
            assert (await read_to_end(stream)).startswith(b"HTTP/1.1 404 ")
        with trio.fail_after(5):
            await until(lambda: transport() is None)
