"""What a WebSocket may cost: silence, a closing that is not answered, and what the engine does not say itself."""

import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
import trio
from starlette.types import ASGIApp, Receive, Scope, Send
from trio_websocket import ConnectionClosed, WebSocketConnection, connect_websocket

from tests.e2e.raw import CLOSE, PING, PONG, TEXT, closing, closing_code, frame, upgrade
from tests.tracking.world import World
from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.connections.session import Kind, Services
from trio_orchestrator.logs import Complaints
from trio_orchestrator.net.admission import Admission
from trio_orchestrator.net.forwarded import Proxies
from trio_orchestrator.net.front_door import FrontDoor
from trio_orchestrator.net.http_server import HttpServer
from trio_orchestrator.net.read_loop import ReadLoop
from trio_orchestrator.net.silence import SilenceWatch
from trio_orchestrator.net.tls import Certificate
from trio_orchestrator.net.websocket import Limits, WebSocketServer
from trio_orchestrator.protocol.errors import StorageUnavailable
from trio_orchestrator.tracking.ports import Pending

from .serving import Secured, opened, read_until, until


class NoLedger:
    """A database that takes nothing."""

    async def commit(self, pending: Pending) -> None:
        raise StorageUnavailable("no", request_id=pending.request_id)


async def no_app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("no request of these tests is Hypercorn's")


@asynccontextmanager
async def serving(
    certificate: Certificate | None = None,
    *,
    app: ASGIApp = no_app,
    allowed_origins: frozenset[str] | None = None,
    proxies: Proxies | None = None,
    admission: Admission | None = None,
    **limits: float,
) -> AsyncIterator[tuple[tuple[str, int], WebSocketServer]]:
    checkers = dict.fromkeys(Kind)
    services = Services(World().hub, NoLedger(), checkers, 10, Complaints())
    made: dict[str, Any] = {"max_message_bytes": 1000, "max_outbox_bytes": 100_000, "write_timeout": 5, **limits}
    read_loop = ReadLoop()
    server = WebSocketServer(services, Limits(**made), read_loop, allowed_origins)
    door = FrontDoor(server, HttpServer(app), proxies=proxies, admission=admission)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        nursery.start_soon(read_loop.run)
        async with opened(door, certificate) as address:
            yield address, server
        nursery.cancel_scope.cancel()


async def upgraded(address: tuple[str, int], path: bytes = b"/client") -> trio.SocketStream:
    stream = await trio.open_tcp_stream(*address)
    await stream.send_all(upgrade(path))
    await read_until(stream, b"\r\n\r\n")
    return stream


async def read_frames(stream: trio.abc.ReceiveStream) -> bytes:
    """All that comes up to the closing frame, or the end."""
    received = b""
    while closing_code(received) is None and (data := await stream.receive_some()):
        received += data
    return received


async def test_a_silent_peer_is_pinged_and_then_left() -> None:
    async with serving(ping_interval=0.1, ping_timeout=0.1) as (address, _), await upgraded(address) as stream:
        received = await read_frames(stream)
    assert received.startswith(b"\x89\x00")
    assert closing_code(received) == 4452


async def test_when_others_speak_the_silent_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    monkeypatch.setattr(SilenceWatch, "look", lambda _watch, now: looks.append(now))
    async with serving() as (address, _), await upgraded(address) as stream:
        looks.clear()
        await stream.send_all(frame(PONG))
        with trio.fail_after(5):
            await until(lambda: bool(looks))


async def test_a_peer_that_answers_pings_stays() -> None:
    async with serving(ping_interval=0.1, ping_timeout=0.1) as (address, _), await upgraded(address) as stream:
        for _ in range(4):
            await read_until(stream, b"\x89\x00")
            await stream.send_all(frame(PONG))


async def test_pings_are_answered() -> None:
    async with serving() as (address, _), await upgraded(address) as stream:
        for payload in (b"", b"one", b"x" * 125):
            await stream.send_all(frame(PING, payload))
            await read_until(stream, bytes((0x80 | PONG, len(payload))) + payload)


async def test_a_closing_that_is_not_answered_ends_in_time() -> None:
    async with serving(close_timeout=0.1) as (address, server), await upgraded(address) as stream:
        server.stop()
        assert closing_code(await read_frames(stream)) == 1001
        assert await stream.receive_some() == b""


async def test_who_comes_while_it_stops_is_told_too() -> None:
    async with serving(close_timeout=0.1) as (address, server):
        server.stop()
        async with await upgraded(address) as stream:
            assert closing_code(await read_frames(stream)) == 1001


async def test_pings_behind_our_closing_frame_do_no_harm() -> None:
    async with serving(close_timeout=0.5) as (address, server), await upgraded(address) as stream:
        await stream.send_all(frame(TEXT, b"x" * 1001) + frame(PING, b"late") * 100)
        assert closing_code(await read_frames(stream)) == 1009
        await stream.send_all(frame(PING, b"later") * 100 + closing(1009))
        assert await stream.receive_some() == b""
        while not (ended := server.statistics().ended):
            await trio.lowlevel.checkpoint()
        assert ended == {"1009": 1}


@pytest.mark.parametrize(
    ("data", "code"),
    [(frame(3), 1002), (frame(TEXT, b"\xff"), 1007), (frame(CLOSE, b"\x03\xe8\xff"), 1007), (closing(1005), 1002)],
)
async def test_a_breach_is_answered_with_its_code(data: bytes, code: int) -> None:
    async with serving() as (address, _), await upgraded(address) as stream:
        await stream.send_all(data)
        received = await read_frames(stream)
        assert closing_code(received) == code
        assert received.count(b"\x88") == 1, "one closing frame and no more"


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1007, 3000, 4999])
async def test_a_closing_frame_is_answered_in_kind(code: int) -> None:
    async with serving() as (address, _), await upgraded(address) as stream:
        await stream.send_all(closing(code, b"bye"))
        assert closing_code(await read_frames(stream)) == code
        assert await stream.receive_some() == b""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/client", b"101"),
        (b"/client?token=x", b"101"),
        (b"/processor", b"101"),
        (b"http://h/client", b"101"),
        (b"/", b"404"),
        (b"/client/", b"404"),
        (b"/CLIENT", b"404"),
        (b"//client", b"404"),
        (b"//[", b"404"),
    ],
)
async def test_where_websockets_are(path: bytes, status: bytes) -> None:
    async with serving() as (address, _), await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(upgrade(path))
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 " + status)


async def test_what_is_sent_with_the_request_is_not_lost() -> None:
    async with serving() as (address, _), await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(upgrade() + frame(TEXT, b"nonsense") + frame(PING, b"!"))
        received = await read_until(stream, b"\x8a\x01!")
        assert b'"not_json"' in received


async def test_a_change_that_cannot_be_made_is_told() -> None:
    async with serving() as (address, _), trio.open_nursery() as nursery:
        peers: list[WebSocketConnection] = [
            await connect_websocket(nursery, *address, path, use_ssl=False) for path in ("/processor", "/client")
        ]
        camera, operator = peers
        await camera.send_message('{"type":"identifier","id":"cam1"}')
        await camera.ping()
        await operator.send_message('{"type":"start","cameraId":"cam1","image":"x","requestId":"r"}')
        told = await operator.get_message()
        assert '"storage_unavailable"' in told
        assert '"requestId":"r"' in told
        for peer in peers:
            await peer.aclose()
        with pytest.raises(ConnectionClosed):
            await operator.get_message()


# In TLS, by way of the read loop.


async def secured_to(
    address: tuple[str, int], secured: Secured, more: bytes = b""
) -> "trio.SSLStream[trio.SocketStream]":
    stream = await trio.open_ssl_over_tcp_stream(*address, ssl_context=secured.context)
    await stream.send_all(upgrade() + more)
    return stream


async def test_what_comes_in_one_record_with_the_request_is_read(secured: Secured) -> None:
    async with serving(secured.certificate) as (address, _):
        stream = await secured_to(address, secured, frame(PING, b"early"))
        async with stream:
            await read_until(stream, b"\x8a\x05early")
            for payload in (b"one", b"two"):
                await stream.send_all(frame(PING, payload))
                await read_until(stream, b"\x8a\x03" + payload)


async def test_many_messages_at_once_are_all_answered(secured: Secured) -> None:
    """More than the read loop takes in one turn, and more than a record holds."""
    async with serving(secured.certificate, max_outbox_bytes=1 << 20) as (address, _):
        stream = await secured_to(address, secured)
        async with stream:
            await read_until(stream, b"\r\n\r\n")
            await stream.send_all(frame(TEXT, b"nonsense") * 3000 + frame(PING, b"end"))
            answers = await read_until(stream, b"\x8a\x03end")
            assert answers.count(b"not_json") == 3000


async def test_the_end_is_clean_and_the_peer_may_be_late(secured: Secured) -> None:
    async with serving(secured.certificate) as (address, server):
        stream = await secured_to(address, secured)
        await read_until(stream, b"\r\n\r\n")
        server.stop()
        received = await read_frames(stream)
        assert closing_code(received) == 1001
        await stream.send_all(frame(TEXT, b"late") * 100 + closing(1001))
        while data := await stream.receive_some():  # raises where the end is not clean
            received += data
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert not server.statistics().ended, "what the peer still says is read, or a reset could overtake the end"
        await stream.aclose()
        while not (ended := server.statistics().ended):
            await trio.lowlevel.checkpoint()
        assert ended == {"1001": 1}


async def test_a_record_that_is_spoilt_ends_its_connection(secured: Secured) -> None:
    async with serving(secured.certificate) as (address, server):
        stream = await secured_to(address, secured)
        await read_until(stream, b"\r\n\r\n")
        await stream.transport_stream.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
        while not (ended := server.statistics().ended):
            await trio.lowlevel.checkpoint()
        assert ended == {"1006": 1}
        await trio.aclose_forcefully(stream)


async def test_each_connection_has_its_number_whatever_it_is_for() -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with serving() as (address, _):
            async with await trio.open_tcp_stream(*address) as stream:
                await stream.send_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 500 ")
            async with await upgraded(address) as stream:
                await stream.send_all(closing(1000))
                await read_frames(stream)
    told = {line["event"]: line["connection"] for line in lines if line["log_level"] != "debug"}
    assert told == {"a request ended by a fault": 1, "connected": 2, "disconnected": 2}


async def outbox_of_the_only_one(server: WebSocketServer) -> weakref.ref[Outbox]:
    await until(lambda: bool(vars(server)["_connections"]))
    (connection,) = vars(server)["_connections"]
    return weakref.ref(connection.outbox)


@pytest.mark.usefixtures("no_collector")
async def test_what_has_ended_needs_no_garbage_collector() -> None:
    async with serving() as (address, server):
        async with await upgraded(address) as stream:
            closed = await outbox_of_the_only_one(server)
            await stream.send_all(closing(1000))
            await read_frames(stream)
        await until(lambda: not vars(server)["_connections"])
        async with await upgraded(address):
            dropped = await outbox_of_the_only_one(server)
        with trio.fail_after(5):
            await until(lambda: closed() is None and dropped() is None)
