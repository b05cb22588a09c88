"""One connection's bytes."""

import socket
from collections.abc import Iterator

import pytest
import trio

from trio_orchestrator.net.transport import Transport


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
