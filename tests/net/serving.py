"""A front door on a real socket, and raw clients of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from trio_orchestrator.net.front_door import FrontDoor
from trio_orchestrator.net.listeners import open_listeners
from trio_orchestrator.net.tls import Certificate

PATIENCE = 10.0


@asynccontextmanager
async def opened(door: FrontDoor, certificate: Certificate | None = None) -> AsyncIterator[tuple[str, int]]:
    """Where `door` accepts; the connections are cut at the end."""
    (listener,) = open_listeners("127.0.0.1", 0)
    with listener, trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(door.accept, listener, certificate, nursery)
            yield listener.getsockname()
            nursery.cancel_scope.cancel()


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    """All that comes until the other end has closed."""
    return b"".join([bytes(data) async for data in stream])


async def read_until(stream: trio.abc.ReceiveStream, end: bytes) -> bytes:
    """All that comes until it ends with `end`."""
    received = b""
    while not received.endswith(end):
        data = await stream.receive_some()
        assert data, received
        received += data
    return received
