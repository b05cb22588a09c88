"""The parts put together: started, stopped, cancelled, and refused what they need."""

import socket
import sqlite3
import time
from functools import partial
from pathlib import Path

import pytest
import trio
from trio_websocket import open_websocket_url

from tests.e2e.raw import upgrade
from tests.files import is_open
from trio_orchestrator.doors import Listening
from trio_orchestrator.server import serve
from trio_orchestrator.settings import Settings, SettingsError

PATIENCE = 10.0


def settings(folder: Path, **variables: str) -> Settings:
    database = f"sqlite:///{folder / 'orchestrator.db'}"
    return Settings.load({"HOST": "127.0.0.1", "HTTP_PORT": "0", "DATABASE_URL": database, **variables})


def address_of(listening: Listening) -> tuple[str, int]:
    host, _, port = listening.urls[0].removeprefix("http://").partition(":")
    return host, int(port)


async def see_somebody(listening: Listening) -> None:
    """Have object 1 started on cam1 and seen there; returns once the server has dealt with it."""
    url = listening.urls[0].replace("http", "ws", 1)
    async with open_websocket_url(f"{url}/processor") as camera, open_websocket_url(f"{url}/client") as operator:
        await camera.send_message('{"type":"identifier","id":"cam1"}')
        await camera.ping()
        await operator.send_message('{"type":"start","cameraId":"cam1","image":"x"}')
        assert '"objectId":1' in await camera.get_message()
        await camera.send_message('{"type":"boundingBoxes","frameId":1,"boxes":[{"objectId":1}]}')
        await camera.ping()


def sightings_in(folder: Path) -> int:
    with sqlite3.connect(folder / "orchestrator.db") as database:
        (count,) = database.execute("SELECT count(*) FROM sightings").fetchone()
    database.close()
    return int(count)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    stop = trio.Event()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(partial(serve, settings(tmp_path), stop=stop))
            await see_somebody(listening)
            stop.set()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address_of(listening))
    assert sightings_in(tmp_path) == 1


async def test_cancelled_it_still_writes_what_waits(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(partial(serve, settings(tmp_path), stop=trio.Event()))
            await see_somebody(listening)
            nursery.cancel_scope.cancel()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address_of(listening))
    assert sightings_in(tmp_path) == 1


async def test_told_to_stop_before_it_has_started(tmp_path: Path) -> None:
    stop = trio.Event()
    stop.set()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            assert (await nursery.start(partial(serve, settings(tmp_path), stop=stop))).urls


async def test_without_its_port_it_touches_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = settings(tmp_path, HTTP_PORT=str(taken.getsockname()[1]))
        with pytest.raises(SettingsError, match=r"^HTTP_PORT: "):
            await serve(wanted, stop=trio.Event())
    assert not files_in(tmp_path)


async def test_without_its_database_it_lets_go_of_its_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    wanted = settings(tmp_path, HTTP_PORT=str(port), DATABASE_URL=f"sqlite:///{tmp_path}")
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: "):
        await serve(wanted, stop=trio.Event())
    socket.create_server(("127.0.0.1", port)).close()


async def test_a_database_that_is_locked_does_not_keep_it_alive(tmp_path: Path) -> None:
    stop = trio.Event()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(partial(serve, settings(tmp_path), stop=stop))
            await see_somebody(listening)
            locking = sqlite3.connect(tmp_path / "orchestrator.db", isolation_level=None)
            locking.execute("BEGIN IMMEDIATE")
            # And a peer that does not answer the closing frame.
            async with await trio.open_tcp_stream(*address_of(listening)) as deaf:
                await deaf.send_all(upgrade())
                assert (await deaf.receive_some()).startswith(b"HTTP/1.1 101 ")
                begun = time.monotonic()
                stop.set()
                async for _ in deaf:
                    pass
    assert time.monotonic() - begun < PATIENCE
    locking.close()
    # The thread that was left behind closes its connection now, and a later test is not to be told that nobody did.
    with trio.fail_after(PATIENCE):
        while is_open(tmp_path / "orchestrator.db"):  # noqa: ASYNC110 - no thread tells us that it has
            await trio.sleep(0.01)
