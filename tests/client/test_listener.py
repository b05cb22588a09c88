"""A listener against an orchestrator of our own, on the mock clock."""

import pytest
from trio.testing import MockClock

from trio_orchestrator.client.listener import run_listener

from .fakes import FakeOrchestrator

FRAME = b'{"type":"boundingBoxes","cameraId":"cam1","frameId":1.0,"boxes":[%s]}'
LAST = b'{"type":"stop","objectId":7}'


async def test_what_comes_is_passed_on_as_it_came_on_one_line(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    said = [
        FRAME % b'{"x": 1.0}',
        b'{"cameraId":"cam1","type":"boundingBoxes","frameId":1.0,"boxes":[]}',
        b'{"type":"of a newer version"}',
        LAST,
    ]
    async with run_listener(orchestrator.connect, None, ["lagged"]) as listener:
        connection = await orchestrator.accept()
        assert await connection.hear() == {"type": "hello", "features": ["lagged"]}
        for text in said:
            connection.say_text(text)
        assert [await anext(listener) for _ in said] == said
        connection.say_text(FRAME % b'\n{"x":\r\n"a\\nb"}')
        assert await anext(listener) == FRAME % b'{"x":"a\\nb"}'


@pytest.mark.parametrize(
    "nonsense",
    [
        b'{"type":"boundingBoxes",\n',
        b'{"type":"boundingBoxes","cameraId":7,"frameId":1.0,"boxes":[]}',
        b'{"type":"boundingBoxes",\n"boxes":' + b"[" * 100_000,
        FRAME % b'"\xff"',
        b'{"type":"stop"}',
        b"\xff",
    ],
)
async def test_what_is_no_message_is_left_out(autojump_clock: MockClock, nonsense: bytes) -> None:
    orchestrator = FakeOrchestrator()
    async with run_listener(orchestrator.connect, None) as listener:
        connection = await orchestrator.accept()
        connection.say_text(nonsense)
        connection.say_text(LAST)
        assert await anext(listener) == LAST
    assert len(orchestrator.attempts) == 1
