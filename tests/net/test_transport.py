"""One connection's bytes, in clear and in TLS."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.connections.wires import FakeWire, batch, box_frame
from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.net.transport import Transport

from .serving import read_to_end
from .tls_peers import BUFFERS, Client, PickySocket, contexts


@pytest.fixture
def pair() -> Iterator[tuple[Transport, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname(), timeout=10)
        accepted, _ = listener.accept()
    with far, accepted:
        yield Transport(accepted), far


async def test_what_is_read_again_comes_first(pair: tuple[Transport, socket.socket]) -> None:
    transport, far = pair
    far.sendall(b"three")
    transport.read_again(b"two ")
    transport.read_again(b"one ")
    assert [await transport.receive_some() for _ in range(2)] == [b"one two ", b"three"]
    far.close()
    assert await transport.receive_some() == b""


async def test_sending_without_waiting_stops_where_the_socket_is_full(pair: tuple[Transport, socket.socket]) -> None:
    transport, far = pair
    data = bytes(1 << 20)
    sent = 0
    while taken := transport.send_nowait(data):
        sent += taken
    assert sent > 0
    with trio.move_on_after(0) as late:
        await transport.send_some(memoryview(data))
    assert late.cancelled_caught
    received = 0
    while received < sent:
        received += len(far.recv(1 << 20))
    assert await transport.send_some(memoryview(b"more")) == 4
    assert far.recv(10) == b"more"


async def test_the_other_end_is_gone(pair: tuple[Transport, socket.socket]) -> None:
    transport, far = pair
    transport.send_nowait(b"unread")
    far.close()  # with something unread: a reset
    with pytest.raises(trio.BrokenResourceError):
        await transport.receive_some()
    with pytest.raises(OSError):  # EPIPE or ECONNRESET
        transport.send_nowait(b"x")
    with pytest.raises(trio.BrokenResourceError):
        await transport.send_some(memoryview(b"x"))
    await transport.send_eof()  # without a word: there is nobody to say it to


async def test_cut_wakes_who_waits(pair: tuple[Transport, socket.socket]) -> None:
    transport, _far = pair

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await transport.receive_some()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            transport.cut()
    assert transport.remote.startswith("127.0.0.1:")


async def test_a_peer_that_was_gone_before_it_was_asked_for() -> None:
    near, far = socket.socketpair()
    with near, far:
        assert Transport(near).remote == "unknown"


# In TLS.


@asynccontextmanager
async def secured(
    pair: tuple[Transport, socket.socket],
) -> AsyncIterator[tuple[Transport, trio.SSLStream[trio.SocketStream]]]:
    """Both ends after the handshake; the far one wants a clean end."""
    transport, far = pair
    plain = trio.SocketStream(trio.socket.from_stdlib_socket(far))
    stream = trio.SSLStream(plain, contexts().client, server_hostname="localhost")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.do_handshake)
            await transport.start_tls(contexts().server, BUFFERS)
        yield transport, stream


async def test_bytes_both_ways_in_tls_and_a_clean_end(pair: tuple[Transport, socket.socket]) -> None:
    async with secured(pair) as (transport, stream):
        assert transport.is_secure
        await stream.send_all(b"question")
        assert await transport.receive_some(3) == b"que"
        assert transport.has_read_again
        assert await transport.receive_some() == b"stion"
        long = bytes(range(256)) * 20_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.send_all, long)
            received = b""
            while len(received) < len(long):
                received += await stream.receive_some()
        assert received == long
        await transport.aclose()
        assert await read_to_end(stream) == b""  # raises where the end is not clean


async def test_what_comes_with_the_handshake_is_read_first(pair: tuple[Transport, socket.socket]) -> None:
    transport, far = pair
    client = Client(far, contexts().client)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.start_tls, contexts().server, BUFFERS)
            assert not client.shake_hands()
            await trio.lowlevel.wait_readable(far)
            client.portion = 0  # the last of its handshake goes with what it says
            client.shake_hands()
            client.say(b"at once")
        assert await transport.receive_some() == b"at once"


async def test_a_handshake_that_fails(pair: tuple[Transport, socket.socket]) -> None:
    transport, far = pair
    far.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(trio.BrokenResourceError):
        await transport.start_tls(contexts().server, BUFFERS)
    await transport.aclose()


async def test_an_end_that_is_not_clean_is_an_end(pair: tuple[Transport, socket.socket]) -> None:
    async with secured(pair) as (transport, stream):
        await stream.transport_stream.send_eof()
        assert await transport.receive_some() == b""


async def test_while_somebody_is_about_to_send_the_end_is_not_said(pair: tuple[Transport, socket.socket]) -> None:
    async with secured(pair) as (transport, _), trio.open_nursery() as nursery:
        nursery.start_soon(transport.send_all, bytes(100_000_000))
        await wait_all_tasks_blocked(0.01)  # the socket is full
        with trio.fail_after(1):
            await transport.send_eof()
        nursery.cancel_scope.cancel()


async def test_nothing_follows_what_was_sent_in_part(pair: tuple[Transport, socket.socket]) -> None:
    async with secured(pair) as (transport, stream):
        data = bytes(range(256)) * 100_000
        with trio.move_on_after(0.05) as sending:
            await transport.send_all(data)
        assert sending.cancelled_caught
        with pytest.raises(trio.BrokenResourceError):
            await transport.send_all(b"something else")
        with trio.fail_after(1):
            await transport.aclose()
        received = bytearray()
        with pytest.raises(trio.BrokenResourceError):  # cut off, and the peer can tell
            while piece := await stream.receive_some():
                received += piece
        assert data.startswith(received)


async def test_half_an_end_lets_the_peer_finish(pair: tuple[Transport, socket.socket]) -> None:
    async with secured(pair) as (transport, stream):
        await transport.send_eof()
        assert await stream.receive_some() == b""
        await stream.send_all(b"answer")
        assert await transport.receive_some() == b"answer"
        await stream.aclose()
        assert await transport.receive_some() == b""


async def test_a_slow_reader_counts_as_one_that_reads() -> None:
    """Progress of the ciphertext is told, or a peer that takes a piece in ten seconds would count as dead."""
    near, far = socket.socketpair()
    with far, PickySocket(fileno=near.detach()) as picky:
        transport = Transport(picky)
        client = Client(far, contexts().client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.start_tls, contexts().server, BUFFERS)
            while not client.shake_hands():
                await trio.lowlevel.wait_readable(far)
        picky.appetite = iter([100, 200, 0, 300])
        assert transport.send_nowait(bytes(1000)) == 999
        assert [await transport.send_some(bytes(1)) for _ in range(3)] == [0, 0, 1]
        client.listen()
        assert client.heard == bytes(1000)


async def test_an_outbox_in_tls_sends_whole_frames_and_the_newest(pair: tuple[Transport, socket.socket]) -> None:
    async with secured(pair) as (transport, stream):
        outbox = Outbox(transport, max_bytes=1 << 20, write_timeout=5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outbox.run)
            number = 0
            while not outbox.statistics().left_out:
                number += 1
                outbox.offer_boxes(batch(*(box_frame(camera, number, 3000 + number % 7) for camera in "abcdefgh")))
            outbox.offer(b"control")
            received = bytearray()
            while b"control" not in received[-20:]:
                received += await stream.receive_some()
            nursery.cancel_scope.cancel()
        wire = FakeWire()
        wire.taken = received
        boxes = wire.read_boxes()
        assert {camera: numbers[-1] for camera, numbers in boxes.items()} == dict.fromkeys("abcdefgh", number)
        assert all(numbers == sorted(numbers) for numbers in boxes.values())
        assert wire.read_control() == ["control"]
