"""The edge to trio_websocket: over memory streams on the mock clock; over sockets where those are the point."""

import ssl
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trustme
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket, wrap_server_stream

from trio_orchestrator.client import ConnectionRefusedByServer, open_client, open_processor
from trio_orchestrator.client.address import Address, parse_url
from trio_orchestrator.client.connection import Connection, connector, open_over
from trio_orchestrator.client.errors import ConnectionLost

ADDRESS = Address("server.test", 80, "/processor", False)
Serve = Callable[[trio.abc.Stream], Awaitable[None]]
Talk = Callable[[Connection], Awaitable[None]]


async def meet(serve: Serve, talk: Talk) -> None:
    """Run both ends of one connection; what the SDK's end raises comes out as itself."""
    ours, theirs = memory_stream_pair()
    problem: Exception | None = None
    with trio.fail_after(10_000):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, theirs)
            try:
                async with open_over(ours, ADDRESS) as connection:
                    await talk(connection)
            except (ConnectionLost, ConnectionRefusedByServer) as error:
                problem = error
            nursery.cancel_scope.cancel()
    if problem is not None:
        raise problem


async def receive_for_ever(connection: Connection) -> None:
    while True:
        await connection.receive()


async def accept(stream: trio.abc.Stream, then: Callable[[WebSocketConnection], Awaitable[None]]) -> None:
    async with trio.open_nursery() as nursery:
        request = await wrap_server_stream(nursery, stream, max_message_size=2**24)
        assert request.path == "/processor"
        await then(await request.accept())


async def test_messages_go_both_ways_and_large_ones_too(autojump_clock: MockClock) -> None:
    large = b'"' + b"x" * 3 * 2**20 + b'"'

    async def echo(websocket: WebSocketConnection) -> None:
        for _ in range(2):
            await websocket.send_message(await websocket.get_message())

    async def talk(connection: Connection) -> None:
        for text in (b"1", large):
            await connection.send(text)
            assert await connection.receive() == text.decode()

    await meet(partial(accept, then=echo), talk)


@pytest.mark.parametrize("code", [1000, 1001, 1009, 4399, 4450, 4451, 4499])
async def test_a_closing_that_asks_to_come_back(autojump_clock: MockClock, code: int) -> None:
    async def close(websocket: WebSocketConnection) -> None:
        await websocket.send_message("last words")
        await websocket.aclose(code, "why")

    async def talk(connection: Connection) -> None:
        assert await connection.receive() == "last words"
        await connection.receive()

    with pytest.raises(ConnectionLost) as caught:
        await meet(partial(accept, then=close), talk)
    assert (caught.value.code, caught.value.reason) == (code, "why")


@pytest.mark.parametrize("code", [4400, 4401, 4409, 4449])
async def test_a_closing_that_asks_for_a_change(autojump_clock: MockClock, code: int) -> None:
    with pytest.raises(ConnectionRefusedByServer) as caught:
        await meet(partial(accept, then=lambda websocket: websocket.aclose(code, "why")), receive_for_ever)
    assert (caught.value.code, caught.value.reason) == (code, "why")


@pytest.mark.parametrize(
    ("status", "refused"), [(400, True), (401, True), (404, True), (429, False), (500, False), (503, False)]
)
@pytest.mark.parametrize("body", [b"", b"no WebSocket here"])
async def test_an_http_answer_instead_of_a_websocket(
    autojump_clock: MockClock, status: int, refused: bool, body: bytes
) -> None:
    async def reject(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            await request.reject(status, body=body)

    with pytest.raises(ConnectionRefusedByServer if refused else ConnectionLost, match=str(status)):
        await meet(reject, receive_for_ever)


@pytest.mark.parametrize("piece", [1, 4096])
@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (b"HTTP/1.0 403 Forbidden\r\n\r\nto the end", True),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nno hundred bytes", True),
        (b"HTTP/1.1 404 ", True),
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", False),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", False),
    ],
)
async def test_an_http_answer_whose_end_is_that_of_the_connection(
    autojump_clock: MockClock, answer: bytes, refused: bool, piece: int
) -> None:
    async def answer_and_hang_up(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        for start in range(0, len(answer), piece):
            await stream.send_all(answer[start : start + piece])
        await stream.aclose()

    status = answer[9:12].decode()
    with pytest.raises(ConnectionRefusedByServer if refused else ConnectionLost, match=f"status {status}"):
        await meet(answer_and_hang_up, receive_for_ever)


async def test_an_http_answer_that_does_not_end(autojump_clock: MockClock) -> None:
    async def answer(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        while True:
            await stream.send_all(b"more")
            await trio.sleep(1)

    began = trio.current_time()
    with pytest.raises(ConnectionRefusedByServer, match="status 403"):
        await meet(answer, receive_for_ever)
    assert trio.current_time() - began == 10


async def test_a_server_that_hangs_up_at_once(autojump_clock: MockClock) -> None:
    ours, theirs = memory_stream_pair()
    await theirs.aclose()
    began = trio.current_time()
    with pytest.raises(ConnectionLost):
        async with open_over(ours, ADDRESS):
            raise AssertionError("opened a WebSocket with nobody")
    assert trio.current_time() == began


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 101 Switching", b"\xff" * 1000])
async def test_a_server_that_hangs_up_before_the_websocket_is_open(autojump_clock: MockClock, answer: bytes) -> None:
    async def hang_up(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)
        await stream.aclose()

    began = trio.current_time()
    with pytest.raises(ConnectionLost):
        await meet(hang_up, receive_for_ever)
    assert trio.current_time() == began  # noticed, not timed out


async def test_a_server_that_never_answers_the_handshake(autojump_clock: MockClock) -> None:
    async def say_nothing(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    began = trio.current_time()
    with pytest.raises(ConnectionLost, match="within 10 s"):
        await meet(say_nothing, receive_for_ever)
    assert trio.current_time() - began == 10


async def test_a_server_that_falls_silent_is_noticed(autojump_clock: MockClock) -> None:
    async def fall_silent(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            await request.accept()
            nursery.cancel_scope.cancel()
        await trio.sleep_forever()

    began = trio.current_time()
    with pytest.raises(ConnectionLost, match="silent"):
        await meet(fall_silent, receive_for_ever)
    assert trio.current_time() - began <= 20


async def test_a_quiet_server_that_answers_pings_is_kept(autojump_clock: MockClock) -> None:
    async def answer_pings(websocket: WebSocketConnection) -> None:
        await trio.sleep(3600)
        await websocket.send_message("hello again")
        await trio.sleep_forever()

    async def talk(connection: Connection) -> None:
        assert await connection.receive() == "hello again"

    began = trio.current_time()
    await meet(partial(accept, then=answer_pings), talk)
    assert trio.current_time() - began >= 3600


async def test_a_server_that_speaks_but_does_not_hear_is_noticed(autojump_clock: MockClock) -> None:
    async def speak_only(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            await request.accept()
            nursery.cancel_scope.cancel()
        while True:
            await stream.send_all(b"\x81\x01x")
            await trio.sleep(1)

    began = trio.current_time()
    with pytest.raises(ConnectionLost, match="ping"):
        await meet(speak_only, receive_for_ever)
    assert trio.current_time() - began <= 70


class SlowStream(trio.abc.Stream):
    """A stream that takes 16 KiB a second and no more."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        await trio.sleep(1)
        return await self._stream.receive_some(2**14)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_a_ping_behind_a_slow_upload_is_waited_for(autojump_clock: MockClock) -> None:
    ours, theirs = lockstep_stream_pair()
    large = b"x" * 2**22
    uploaded = trio.Event()

    async def take(websocket: WebSocketConnection) -> None:
        assert len(await websocket.get_message()) == len(large)
        uploaded.set()

    async def take_and_speak(websocket: WebSocketConnection) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take, websocket)
            while True:
                await websocket.send_message("news")
                await trio.sleep(5)

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(accept, SlowStream(theirs), then=take_and_speak))
        async with open_over(ours, ADDRESS) as connection:
            nursery.start_soon(receive_for_ever, connection)
            await connection.send(large)
            await uploaded.wait()
            await trio.sleep(3600)  # and later pings are answered
            nursery.cancel_scope.cancel()
    assert trio.current_time() - began >= 3600 + 2**22 / 2**14


@pytest.mark.parametrize(
    ("first", "flood", "last"), [(b"", b"\x8a\x00", b"\x81\x01x"), (b"\x01\x00", b"\x00\x00", b"\x80\x01x")]
)
async def test_a_flood_of_frames_that_say_nothing_leaves_others_their_turn(
    first: bytes, flood: bytes, last: bytes
) -> None:
    turns = 0

    async def send(stream: trio.abc.Stream) -> None:
        await accept_only(stream)
        await stream.send_all(first + flood * 2**15 + last)
        await trio.sleep_forever()

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async def talk(connection: Connection) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_turns)
            assert await connection.receive() == "x"
            nursery.cancel_scope.cancel()

    await meet(send, talk)
    assert turns >= 3 * len(flood) * 2**15 / 2**13  # a few of them each 8 KiB


async def test_garbage_on_an_open_connection_ends_that_connection(autojump_clock: MockClock) -> None:
    async def talk_nonsense(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            await request.accept()
            nursery.cancel_scope.cancel()
        await stream.send_all(b"\xff" * 4096)
        await trio.sleep_forever()

    with pytest.raises(ConnectionLost):
        await meet(talk_nonsense, receive_for_ever)


async def test_closing_waits_until_all_was_read(autojump_clock: MockClock) -> None:
    read: list[object] = []

    async def read_slowly(websocket: WebSocketConnection) -> None:
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                read.append(await websocket.get_message())
        assert caught.value.reason is not None
        read.append(caught.value.reason.code)

    async def talk(connection: Connection) -> None:
        for number in range(5):
            await connection.send(b"%d" % number)
        await connection.close()

    await meet(partial(accept, then=read_slowly), talk)
    assert read == ["0", "1", "2", "3", "4", 1000]


async def close_while_receiving(connection: Connection, received: list[str | bytes]) -> None:
    """As the SDK ends a connection: what comes meanwhile is received."""

    async def receive() -> None:
        with pytest.raises(ConnectionLost):
            while True:
                received.append(await connection.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await connection.close()


async def accept_only(stream: trio.abc.Stream) -> None:
    """Open the WebSocket, and leave what comes then to the test."""
    async with trio.open_nursery() as nursery:
        request = await wrap_server_stream(nursery, stream)
        await request.accept()
        nursery.cancel_scope.cancel()


async def test_what_is_answered_late_is_received_before_the_closing(autojump_clock: MockClock) -> None:
    received: list[str | bytes] = []

    async def answer_late(stream: trio.abc.Stream) -> None:
        await accept_only(stream)
        masked_ping = await stream.receive_some()
        await trio.sleep(1)
        assert masked_ping[:2] == b"\x89\x84"
        payload = bytes(byte ^ key for byte, key in zip(masked_ping[6:], masked_ping[2:6], strict=True))
        await stream.send_all(b"\x81\x06answer" + b"\x8a\x04" + payload)
        assert (await stream.receive_some())[:1] == b"\x88"
        await stream.send_all(b"\x88\x02\x03\xe8")

    began = trio.current_time()
    await meet(answer_late, partial(close_while_receiving, received=received))
    assert received == ["answer"]
    assert trio.current_time() == began + 1


async def test_a_refusal_that_comes_in_place_of_the_last_answer_is_told(autojump_clock: MockClock) -> None:
    received: list[str | bytes] = []

    async def refuse(stream: trio.abc.Stream) -> None:
        await accept_only(stream)
        await stream.receive_some()
        await stream.send_all(b"\x81\x04news" + b"\x88\x05\x11\x31why")

    began = trio.current_time()
    with pytest.raises(ConnectionRefusedByServer) as caught:
        await meet(refuse, partial(close_while_receiving, received=received))
    assert (caught.value.code, caught.value.reason) == (4401, "why")
    assert received == ["news"]
    assert trio.current_time() == began


async def test_a_refusal_that_came_before_the_closing_is_left_to_whoever_receives(autojump_clock: MockClock) -> None:
    received: list[str | bytes] = []

    async def refuse(stream: trio.abc.Stream) -> None:
        await accept_only(stream)
        await stream.send_all(b"\x81\x04news" + b"\x88\x05\x11\x31why")

    async def talk(connection: Connection) -> None:
        await wait_all_tasks_blocked()
        await connection.close()
        received.append(await connection.receive())
        await connection.receive()

    with pytest.raises(ConnectionRefusedByServer, match="4401"):
        await meet(refuse, talk)
    assert received == ["news"]


@pytest.mark.parametrize("farewell", [b"\x88\x02\x03\xe9", b""])
async def test_a_connection_that_ends_before_the_last_answer_is_not_waited_for(
    autojump_clock: MockClock, farewell: bytes
) -> None:
    async def leave(stream: trio.abc.Stream) -> None:
        await accept_only(stream)
        await stream.receive_some()
        await stream.send_all(farewell)
        await stream.aclose()

    began = trio.current_time()
    await meet(leave, partial(close_while_receiving, received=[]))
    assert trio.current_time() == began


async def test_a_refusal_that_crosses_the_closing_is_told(autojump_clock: MockClock) -> None:
    async def refuse_unread(stream: trio.abc.Stream) -> None:
        await accept_only(stream)
        while b"\x88\x82" not in await stream.receive_some():
            pass  # the ping is not answered, and so there comes a closing
        await stream.send_all(b"\x88\x05\x11\x31why")

    with pytest.raises(ConnectionRefusedByServer) as caught:
        await meet(refuse_unread, lambda connection: connection.close())
    assert (caught.value.code, caught.value.reason) == (4401, "why")


@pytest.mark.parametrize("said", [b"", b"\x81\x01x"])
async def test_closing_does_not_wait_for_ever(autojump_clock: MockClock, said: bytes) -> None:
    async def hear_nothing(stream: trio.abc.Stream) -> None:
        await accept_only(stream)
        while True:
            await stream.send_all(said)
            await trio.sleep(0.1)

    began = trio.current_time()
    await meet(hear_nothing, partial(close_while_receiving, received=[]))
    assert trio.current_time() == began + 2


async def serve(
    nursery: trio.Nursery,
    handler: Callable[[WebSocketRequest], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> str:
    """A real server on a free port; its address behind the scheme."""
    server = await nursery.start(serve_websocket, handler, "127.0.0.1", 0, tls)
    return f"localhost:{server.port}"


async def answer_as_orchestrator(request: WebSocketRequest) -> None:
    websocket = await request.accept()
    try:
        while True:
            text = await websocket.get_message()
            if '"start"' in str(text):
                await websocket.send_message('{"type":"accepted","requestId":"1","objectId":7}')
            elif '"identifier"' in str(text):
                await websocket.send_message('{"type":"featureMap","objectId":7,"featureMap":{}}')
    except ConnectionClosed:
        return


async def test_both_halves_over_real_sockets() -> None:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            url = "ws://" + await serve(nursery, answer_as_orchestrator)
            async with open_client(url) as client:
                assert await client.start("cam1", frame_id=1.0, box_id=3) == 7
            async with open_processor(url, "cam1") as camera:
                commands = [await anext(camera) for _ in range(2)]
                assert getattr(commands[1], "object_id", None) == 7
            nursery.cancel_scope.cancel()


async def test_tls_with_a_certificate_that_is_trusted_and_one_that_is_not() -> None:
    authority = trustme.CA()
    server_side, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server_side)
    authority.configure_trust(trusting)
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            tcp = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = tcp[0].socket.getsockname()[1]
            nursery.start_soon(partial(trio.serve_listeners, partial(_serve_tls, server_side), tcp))
            url = f"wss://localhost:{port}"
            async with open_client(url, ssl_context=trusting) as client:
                assert await client.start("cam1", image="x") == 7
            with pytest.raises(ConnectionRefusedByServer, match="CERTIFICATE_VERIFY_FAILED") as caught:
                async with open_client(url):
                    await trio.sleep_forever()
            assert caught.value.code == 1015
            nursery.cancel_scope.cancel()


async def _serve_tls(tls: ssl.SSLContext, tcp: trio.SocketStream) -> None:
    """One TLS connection whose handshake may fail without harm."""
    stream = trio.SSLStream(tcp, tls, server_side=True)
    try:
        await stream.do_handshake()
        async with trio.open_nursery() as nursery:
            await answer_as_orchestrator(await wrap_server_stream(nursery, stream))
    except trio.BrokenResourceError:
        await trio.aclose_forcefully(stream)


async def test_a_port_where_nobody_listens_and_a_name_nobody_has() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    for listener in listeners:
        await listener.aclose()
    with trio.fail_after(30):
        for url, why in ((f"ws://127.0.0.1:{port}", "refused"), ("ws://nobody.invalid", "nobody.invalid")):
            with pytest.raises(ConnectionLost, match=f"cannot connect .*{why}"):
                async with connector(parse_url(url, "/client"), None)():
                    raise AssertionError("connected to nobody")


def test_an_ssl_context_is_for_wss_only() -> None:
    with pytest.raises(ValueError, match="wss"):
        connector(parse_url("ws://localhost", "/client"), ssl.create_default_context())
