"""Whatever stage a peer falls silent at, or is lost at, by the stage's deadline nothing is left of it.

No task, no descriptor, no memory. The whole server runs in the test itself, so that its tasks and objects can be
counted; its deadlines are short. `LEAK_CONNECTIONS` says how many connections are tried at each stage.
"""

import gc
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.tokens import make_token, token_environment
from trio_orchestrator.server import serve
from trio_orchestrator.settings import Settings

from .conftest import Tls
from .raw import CLOSE, MASK, TEXT, frame, reset, upgrade
from .running import Urls, environment_for

CONNECTIONS: Final = int(os.environ.get("LEAK_CONNECTIONS", "1000"))
AT_ONCE: Final = 200
DEADLINE: Final = 0.3
"""Seconds that each stage may take; a ping and its answer together, too."""

PATIENCE: Final = 30.0
"""Seconds for so many connections to be opened and to end, on a machine that has other things to do."""

_TOKEN: Final = make_token()
_UPGRADED: Final = b"\r\n\r\n"
_REQUEST: Final = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"  # which opens no connection of the database's


_SHORT: Final = {
    **dict.fromkeys(("REQUEST_HEAD_TIMEOUT", "TLS_HANDSHAKE_TIMEOUT", "AUTH_TIMEOUT"), str(DEADLINE)),
    **dict.fromkeys(("WRITE_TIMEOUT", "CLOSE_TIMEOUT"), str(DEADLINE)),
    **dict.fromkeys(("PING_INTERVAL", "PING_TIMEOUT"), str(DEADLINE / 2)),
}


@pytest.fixture
async def urls(tls: Tls, tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Urls]:
    """A server that asks processors for a token, and clients for none."""
    environment = environment_for(
        tmp_path, **tls.variables, **_SHORT, **token_environment(client_role=None), LOG_LEVEL="error"
    )
    stop = trio.Event()
    told = await nursery.start(partial(serve, Settings.load(environment), stop=stop))
    yield Urls.of(told.urls, told.admin_urls)
    stop.set()


_OF_CONNECTIONS: Final = (
    *("trio_orchestrator.net", "trio_orchestrator.connections", "trio_orchestrator.protocol"),
    *("trio_orchestrator.tracking", "trio_websocket", "wsproto", "hypercorn", "h11", "h2", "ssl"),
    *("trio._socket", "trio._highlevel", "trio._ssl", "trio._channel", "trio._sync"),
)
"""Where the classes are whose objects a connection consists of. Others come and go with the rest of the process:
Trio keeps up to a thousand timers that are over, for one."""


@pytest.fixture(scope="module", autouse=True)
def _what_was_there_before_is_not_counted() -> Iterator[None]:
    """What other tests left: to look through it again and again would take longer than all else here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def holdings() -> Counter[str]:
    """What this process holds: tasks of Trio, descriptors, and by module the objects that connections consist of."""
    gc.collect()
    modules = Counter(str(type(thing).__module__) for thing in gc.get_objects())
    held = Counter({name: count for name, count in modules.items() if name.startswith(_OF_CONNECTIONS)})
    held["tasks"] = trio.lowlevel.current_statistics().tasks_living
    held["descriptors"] = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return held


# What each stage sends; the TLS port gets what has TLS in its name.
STAGES: Final[dict[str, bytes]] = {
    "TCP alone": b"",
    "TCP alone, TLS": b"",
    "half a TLS hello": bytes.fromhex("16030100c8010000c40303") + bytes(20),
    "half a request head": b"GET /objectIds HTTP/1.1\r\nHo",
    "half a head of an upgrade": upgrade()[:-2],
    "a whole request and half of the next one": _REQUEST + _REQUEST[:-9],
    "request without accept": upgrade(),
    "upgraded and silent": upgrade() + frame(TEXT, b'{"type":"setUsesImages","usesImages":true}'),
    "waiting to authenticate": upgrade(b"/processor"),
    "authenticated and silent": upgrade(b"/processor")
    + frame(TEXT, f'{{"type":"authenticate","jwt":"{_TOKEN}"}}'.encode())
    + frame(TEXT, b'{"type":"identifier","id":"cam1"}'),
    "in the middle of a frame": upgrade() + frame(TEXT, b"x" * 500, announced=5000),
    "in the middle of a fragmented message": upgrade() + frame(TEXT, b'{"type":', fin=False),
    "in the middle of a frame's head": upgrade() + b"\x81\xfe\x01",
    "in the middle of closing": upgrade() + frame(CLOSE, b"\x03\xe8"),
    "in the middle of a closing frame": upgrade() + b"\x88\x82" + MASK,
}


async def dial(address: tuple[str, int], sent: bytes, *, hears: bool) -> socket.socket:
    connection = socket.socket()
    connection.setblocking(False)
    wrapped = trio.socket.from_stdlib_socket(connection)
    await wrapped.connect(address)
    if sent:
        await wrapped.send(sent)
    if hears and sent.endswith(_UPGRADED):
        await wrapped.recv(12)
    return connection


def lose(connection: socket.socket, number: int) -> None:
    """Reset it, or close it in good order."""
    if number % 2:
        reset(connection)
    else:
        connection.close()


async def is_ended(connection: socket.socket) -> bool:
    """Read what still comes until the server ends the connection."""
    wrapped = trio.socket.from_stdlib_socket(connection)
    try:
        while await wrapped.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


async def try_stage(address: tuple[str, int], sent: bytes, count: int, *, silent: bool) -> None:
    """Open `count` connections, `AT_ONCE` at a time, and let the server end them, or lose them."""
    for _ in range(0, count, AT_ONCE):
        connections = [await dial(address, sent, hears=silent) for _ in range(min(count, AT_ONCE))]
        if silent:
            async with trio.open_nursery() as nursery:
                for connection in connections:
                    nursery.start_soon(is_ended, connection)
        for number, connection in enumerate(connections):
            lose(connection, number)


async def wait_for_tasks(at_rest: int) -> None:
    """Wait until no more tasks are left than those of a server that nobody is connected to."""
    while True:
        if trio.lowlevel.current_statistics().tasks_living <= at_rest:
            return
        await trio.sleep(0.01)


async def assert_nothing_is_left(before: Counter[str]) -> None:
    """By the deadline, and a little."""
    with trio.move_on_after(PATIENCE):
        while True:
            more = holdings() - before
            if not more:
                return
            await trio.sleep(0.05)
    assert not more


@pytest.mark.parametrize("silent", [True, False], ids=["falls-silent", "is-lost"])
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.replace(" ", "-"))
async def test_nothing_is_left(urls: Urls, stage: str, silent: bool) -> None:
    address = urls.tls_address if "TLS" in stage else urls.address
    with trio.fail_after(3 * PATIENCE + DEADLINE * CONNECTIONS / AT_ONCE * 4):
        # What is made once and kept, in this server and in its libraries, is made now.
        at_rest = trio.lowlevel.current_statistics().tasks_living
        await try_stage(address, STAGES[stage], 20, silent=silent)
        await wait_for_tasks(at_rest)
        before = holdings()
        await try_stage(address, STAGES[stage], CONNECTIONS, silent=silent)
        await assert_nothing_is_left(before)


async def test_nothing_is_left_of_handshakes(urls: Urls, tls: Tls) -> None:
    """Complete ones over TLS, with a WebSocket behind them, half of a second request, or nothing."""

    def handshake(sent: bytes) -> None:
        connection = socket.create_connection(urls.tls_address, timeout=PATIENCE)
        try:
            secured = tls.context.wrap_socket(connection, server_hostname="127.0.0.1")
        except (ssl.SSLError, OSError):
            connection.close()
            raise
        secured.sendall(sent)
        lose(secured, len(sent))

    async def several(count: int) -> None:
        for number in range(count):
            await trio.to_thread.run_sync(handshake, (upgrade(), _REQUEST + _REQUEST[:-9], b"")[number % 3])

    with trio.fail_after(6 * PATIENCE):
        at_rest = trio.lowlevel.current_statistics().tasks_living
        await several(12)
        await wait_for_tasks(at_rest)
        before = holdings()
        await several(CONNECTIONS // 2)
        await assert_nothing_is_left(before)


_STOPPED_PEER: Final = """
import socket, sys, time
sys.stdin.readline()
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(bytes.fromhex(sys.argv[2]))
connection.recv(12)
print("connected", flush=True)
time.sleep(1000)
"""


async def test_a_peer_that_is_stopped_is_gone_within_ping_and_write(urls: Urls) -> None:
    """As SIGSTOP, a machine that hangs or a cable that is cut leave it: its kernel acknowledges, it says nothing."""
    peer = subprocess.Popen(  # noqa: ASYNC220 - it starts at once; what may take its time is waited for in a thread
        [sys.executable, "-c", _STOPPED_PEER, str(urls.address[1]), upgrade().hex()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    try:
        before = holdings()
        peer.stdin.write(b"\n")
        peer.stdin.flush()
        with trio.fail_after(PATIENCE):
            assert await trio.to_thread.run_sync(peer.stdout.readline) == b"connected\n"
        peer.send_signal(signal.SIGSTOP)
        while_there = trio.lowlevel.current_statistics().tasks_living
        assert while_there > before["tasks"]
        stopped = trio.current_time()
        # A ping goes out and is not answered; the closing frame is not answered either.
        with trio.fail_after(DEADLINE + DEADLINE + 2):
            await assert_nothing_is_left(before)
        assert trio.current_time() - stopped >= DEADLINE / 2
    finally:
        peer.kill()
        peer.wait()
        peer.stdin.close()
        peer.stdout.close()
