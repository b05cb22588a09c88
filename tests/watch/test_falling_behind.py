"""Who reads too slowly misses something, is told so, and is then told anew how things stand."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.client.fakes import FakeConnection, FakeOrchestrator
from trio_orchestrator.client.listener import Listener, run_listener
from trio_orchestrator.client.viewer import Client, run_client
from trio_orchestrator.watch import command
from trio_orchestrator.watch.lines import FELL_BEHIND
from trio_orchestrator.watch.output import Output

from .pipes import Pipe

CHANGE = {"type": "camera", "cameraId": "cam1", "online": True, "since": "2026-11-22T08:15:00.000Z"}

ENOUGH = 200
"""So many changes are more than a small pipe takes, and no more than may wait to be read."""


@pytest.fixture
def orchestrator(monkeypatch: pytest.MonkeyPatch) -> FakeOrchestrator:
    """Whom the command watches, whatever the URL."""
    made = FakeOrchestrator()

    @asynccontextmanager
    async def open_listener(_url: str, token: str | None, *, features: Any) -> AsyncIterator[Listener]:
        async with run_listener(made.connect, token, features) as listener:
            yield listener

    @asynccontextmanager
    async def open_client(_url: str, token: str | None, *, features: Any) -> AsyncIterator[Client]:
        async with run_client(made.connect, token, features) as client:
            yield client

    monkeypatch.setattr(command, "open_listener", open_listener)
    monkeypatch.setattr(command, "open_client", open_client)
    return made


async def say_too_much(orchestrator: FakeOrchestrator, connection: FakeConnection, pipe: Pipe) -> None:
    """Fill `pipe`, so that it surely takes nothing any more, and go on until the other one gives up."""
    with trio.fail_after(60):
        for _ in range(ENOUGH):
            connection.say(**CHANGE)
        while not pipe.is_full():  # noqa: ASYNC110 - the thread that writes there tells nobody
            await trio.sleep(0.01)
        while connection in orchestrator.open:
            try:
                connection.say(**CHANGE)
            except trio.WouldBlock:
                await trio.lowlevel.checkpoint()


async def fall_behind(orchestrator: FakeOrchestrator, pipe: Pipe, watch: Callable[[Output], Awaitable[None]]) -> str:
    """Have `watch` told too much while nobody reads, then read until it has told of a camera `again`; all it wrote."""
    read = b""
    pipe.make_small()

    async def read_on() -> None:
        nonlocal read
        while b"again" not in read or not read.endswith(b"\n"):
            read += await trio.to_thread.run_sync(pipe.read, abandon_on_cancel=True)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, Output(pipe.file))
            await say_too_much(orchestrator, await orchestrator.accept(), pipe)
            await wait_all_tasks_blocked()
            assert len(orchestrator.attempts) == 1, "it comes back before there is room for what it is told then"
            async with trio.open_nursery() as reading:
                reading.start_soon(read_on)
                connection = await orchestrator.accept()
                assert (await connection.hear())["type"] == "hello"
                connection.say(**CHANGE | {"cameraId": "again"})
            nursery.cancel_scope.cancel()
    return read.decode()


async def test_messages(orchestrator: FakeOrchestrator, pipe: Pipe, capsys: pytest.CaptureFixture[str]) -> None:
    text = await fall_behind(orchestrator, pipe, partial(command._write_messages, "", None))
    cameras = [json.loads(line)["cameraId"] for line in text.splitlines()]
    assert cameras[-1] == "again"
    assert set(cameras[:-1]) == {"cam1"}
    assert capsys.readouterr().err == f"watch: {FELL_BEHIND}; it begins anew\n"


async def test_lines(orchestrator: FakeOrchestrator, pipe: Pipe, capsys: pytest.CaptureFixture[str]) -> None:
    text = await fall_behind(orchestrator, pipe, partial(command._write_lines, "", None))
    lines = [line.partition(" ")[2] for line in text.splitlines()]
    assert lines[0] == "connected"
    assert set(lines[1:-3]) == {"camera cam1 is online"}
    assert lines[-3:] == [FELL_BEHIND, "connected", "camera again is online"]
    assert capsys.readouterr().err == ""


async def test_what_is_under_way_at_the_end_has_time_to_be_read(pipe: Pipe) -> None:
    output = Output(pipe.file)
    size = 1 << 22

    async def show() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(output.write, b"x" * size)
            await trio.to_thread.run_sync(pipe.read, abandon_on_cancel=True)  # it has begun
            nursery.cancel_scope.cancel()

    finished = trio.Event()

    async def finish() -> None:
        await command._finish(output, show)
        finished.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(finish)
        await wait_all_tasks_blocked(0.01)
        for _ in range(3):
            assert not finished.is_set()
            await trio.to_thread.run_sync(pipe.read)
        with trio.fail_after(10):
            await finished.wait()  # nobody reads on: it does not wait for ever
