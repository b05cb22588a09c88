"""A front door on a real socket, and raw clients of it."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trustme

from trio_orchestrator.net.front_door import FrontDoor
from trio_orchestrator.net.listeners import open_listeners
from trio_orchestrator.net.tls import Certificate
from trio_orchestrator.settings import TlsFiles

PATIENCE = 10.0


class Secured:
    """A certificate and those who trust it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        self.certificate = Certificate(TlsFiles(str(chain), str(key)))
        self.context = ssl.create_default_context()
        authority.configure_trust(self.context)


@asynccontextmanager
async def opened(
    door: FrontDoor, certificate: Certificate | None = None, *, patience: float = PATIENCE
) -> AsyncIterator[tuple[str, int]]:
    """Where `door` accepts, for no more than `patience` seconds; the connections are cut at the end."""
    (listener,) = open_listeners("127.0.0.1", 0)
    with listener, trio.fail_after(patience):
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


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the door counts, which it does once the other end has seen the end; within `opened`."""
    while not condition():  # noqa: ASYNC110 - a counter has no event to wait for
        await trio.sleep(0.001)
