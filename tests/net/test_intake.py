"""What a peer sends is taken as far as that goes at once; what must be awaited is, and others get their turn."""

import json
import socket
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.connections.house import Caller, House, error, is_one
from tests.e2e.raw import BINARY, CONTINUATION, PONG, TEXT, frame
from trio_orchestrator.connections.session import Kind
from trio_orchestrator.net.intake import Intake
from trio_orchestrator.net.transport import Transport


async def drop(_data: bytes) -> None:
    """An engine that takes everything."""


@pytest.fixture
def transport() -> Iterator[Transport]:
    near, far = socket.socketpair()
    with near, far:
        yield Transport(near)


def intake_of(caller: Caller, transport: Transport) -> Intake:
    return Intake(transport, caller.session, caller.outbox, drop, lambda: 65536)


def said(kind: str, **members: object) -> bytes:
    return frame(TEXT, json.dumps({"type": kind, **members}).encode())


@pytest.mark.parametrize(
    ("first", "each", "most_at_once"),
    [
        (b"", said("setUsesImages", usesImages=False), 64),
        (b"", frame(PONG), 64),
        (frame(TEXT, fin=False), frame(CONTINUATION, fin=False), 64),
        (b"", said("authenticate", jwt="none"), 1),
    ],
    ids=["messages", "pongs", "fragments", "tokens"],
)
async def test_others_get_their_turn(transport: Transport, first: bytes, each: bytes, most_at_once: int) -> None:
    intake = intake_of(House(tokens=most_at_once == 1).peer(), transport)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_turns)
        rest = intake.begin(first + 640 * each, trio.current_time())
        assert rest is not None
        await intake.take_rest(rest)
        nursery.cancel_scope.cancel()
    assert turns >= 640 // most_at_once - 2


async def test_nobody_is_silent_while_it_is_the_server_that_does_not_read(
    transport: Transport, autojump_clock: MockClock
) -> None:
    house = House()
    camera, operator = house.peer(Kind.PROCESSOR), house.peer()
    await camera.says('{"type":"identifier","id":"cam1"}')
    intake = intake_of(operator, transport)
    house.ledger.ready = trio.Event()  # the database takes its time
    rest = intake.begin(said("start", cameraId="cam1", image="x"), trio.current_time())
    assert rest is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(intake.take_rest, rest)
        await wait_all_tasks_blocked()
        await trio.sleep(100)
        assert intake.heard == trio.current_time()
        house.ledger.ready.set()
        await wait_all_tasks_blocked()
        read_on_at = trio.current_time()
        await trio.sleep(1)
        assert intake.heard == read_on_at


async def test_what_is_no_text_is_an_error(transport: Transport) -> None:
    caller = House().peer()
    intake = intake_of(caller, transport)
    assert intake.begin(frame(BINARY, b"\xff"), trio.current_time()) is None
    assert is_one(caller.heard(), error("not_json"))
