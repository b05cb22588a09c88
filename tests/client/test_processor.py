"""A processor against an orchestrator of our own, on the mock clock: no socket, no real time."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_orchestrator.client import (
    Box,
    Connected,
    ConnectionRefusedByServer,
    FeatureMap,
    Lagged,
    Processor,
    Start,
    Stop,
)
from trio_orchestrator.client.errors import ConnectionLost
from trio_orchestrator.client.outbox import MAX_FRAMES
from trio_orchestrator.client.processor import run_processor

from .fakes import FakeConnection, FakeOrchestrator

LIVE_OBJECTS = 10_000  # by default no server has more
IDENTIFIER = {"type": "identifier", "id": "cam1"}


async def next_commands(camera: Processor, count: int) -> list[object]:
    with trio.fail_after(60):
        return [await anext(camera) for _ in range(count)]


async def accept(orchestrator: FakeOrchestrator) -> FakeConnection:
    connection = await orchestrator.accept()
    assert await connection.hear() == IDENTIFIER
    return connection


async def test_it_identifies_itself_sends_and_receives(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        connection = await accept(orchestrator)
        camera.send_boxes(0.5, [Box(3, (0.0, 0.25, 0.5, 1.0), "person", 0.9)])
        assert await connection.hear() == {
            "type": "boundingBoxes",
            "frameId": 0.5,
            "boxes": [{"boxId": 3, "rect": [0.0, 0.25, 0.5, 1.0], "objectType": "person", "certainty": 0.9}],
        }
        connection.say(type="start", objectId=7, frameId=0.5, boxId=3)
        connection.say(type="of a newer version")
        connection.say_text(b"not JSON")
        connection.say(type="error", code="unknown_object", message="no such object")
        connection.say(type="featureMap", objectId=8, featureMap={})
        connection.say(type="stop", objectId=7)
        assert await next_commands(camera, 4) == [Connected(1), Start(7, 0.5, 3), FeatureMap(8, {}), Stop(7)]
        camera.send_feature_map(7, [0.5])
        assert await connection.hear() == {"type": "featureMap", "objectId": 7, "featureMap": [0.5]}


async def test_an_id_that_is_too_long_is_told_at_once(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "é" * 256, None):
        assert (await (await orchestrator.accept()).hear())["id"] == "é" * 256
    with pytest.raises(ValueError, match="257"):
        async with run_processor(orchestrator.connect, "é" * 257, None):
            raise AssertionError("entered")
    assert len(orchestrator.attempts) == 1


async def test_an_id_that_is_no_text_and_features_that_are_no_list_are_told_at_once(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    with pytest.raises(ValueError, match="surrogates"):
        async with run_processor(orchestrator.connect, "\ud800", None):
            raise AssertionError("entered")
    wrong: Any = "lagged"
    with pytest.raises(ValueError, match="one string"):
        async with run_processor(orchestrator.connect, "cam1", None, wrong):
            raise AssertionError("entered")
    assert not orchestrator.attempts


async def test_it_may_ask_for_features_too(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None, ["lagged"]) as camera:
        connection = await accept(orchestrator)
        assert await connection.hear() == {"type": "hello", "features": ["lagged"]}
        connection.say(type="lagged", dropped=3)
        assert await next_commands(camera, 2) == [Connected(1), Lagged(3)]


@pytest.mark.parametrize("code", [None, 1001, 1006, 4450, 4451, 4452, 4453, 4499])
async def test_it_comes_back_and_says_again_who_it_is(autojump_clock: MockClock, code: int | None) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        for number in (1, 2, 3):
            connection = await accept(orchestrator)
            assert await next_commands(camera, 1) == [Connected(number)]
            assert camera.statistics().connected
            connection.hang_up(ConnectionLost("away", code))
            await wait_all_tasks_blocked()
            assert not camera.statistics().connected
    pauses = [later - earlier for earlier, later in zip(orchestrator.attempts, orchestrator.attempts[1:], strict=False)]
    assert 0.2 <= pauses[0] <= 0.4
    assert 0.4 <= pauses[1] <= 0.8


async def test_pauses_grow_to_ten_seconds_and_shrink_after_a_connection_that_held(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        await trio.sleep(300)
        pause = orchestrator.attempts[-1] - orchestrator.attempts[-2]
        assert 5 <= pause <= 10
        orchestrator.is_away = False
        connection = await accept(orchestrator)
        await trio.sleep(11)
        ended = trio.current_time()
        connection.hang_up()
        await accept(orchestrator)
        assert orchestrator.attempts[-1] - ended <= 0.4
        assert camera.statistics().connections == 2


async def test_what_is_said_of_every_live_object_fits_and_again_after_a_reconnect(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        for last in (False, True):
            connection = await accept(orchestrator)
            for object_id in range(LIVE_OBJECTS):
                connection.say(type="start", objectId=object_id, image="x")
                connection.say(type="featureMap", objectId=object_id, featureMap={})
                if object_id % 500 == 0:
                    await wait_all_tasks_blocked()
            connection.say(type="start", objectId=LIVE_OBJECTS, frameId=0.5, boxId=3)
            await wait_all_tasks_blocked()
            if not last:
                connection.hang_up()
        commands = await next_commands(camera, 2 * LIVE_OBJECTS + 4)
    clicked = Start(LIVE_OBJECTS, 0.5, 3)  # no server says that again
    assert commands[:4] == [Connected(1), clicked, Connected(2), Start(0, image="x")]
    assert commands[-2:] == [FeatureMap(LIVE_OBJECTS - 1, {}), clicked]


async def test_pauses_grow_where_each_attempt_takes_its_time(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    orchestrator.connecting_lasts = 11
    async with run_processor(orchestrator.connect, "cam1", None):
        await trio.sleep(300)
    assert orchestrator.attempts[-1] - orchestrator.attempts[-2] >= 11 + 5


async def test_what_is_refused_is_said_once_a_code_and_no_end_of_codes(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    with capture_logs() as lines:
        async with run_processor(orchestrator.connect, "cam1", None):
            for count in (1, 2):
                connection = await accept(orchestrator)
                for number in range(500):
                    connection.say(type="error", code=f"code {number // 2}", message="m" * 5000)
                await wait_all_tasks_blocked()
                said = [line["why"] for line in lines if line["event"] == "the orchestrator refused a message"]
                assert len(said) == 100 * count
                assert len(set(said)) == 100
                assert max(map(len, said)) < 1000
                connection.hang_up()


async def test_a_look_at_every_live_object_can_be_sent_offline_too(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        for object_id in range(LIVE_OBJECTS):
            camera.send_feature_map(object_id, [0.5])


async def test_while_offline_the_newest_frames_and_all_feature_maps_wait(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        for frame in range(MAX_FRAMES + 10):
            camera.send_boxes(frame, [])
        camera.send_feature_map(1, [1])
        camera.send_feature_map(2, [2])
        camera.send_feature_map(1, [3])
        orchestrator.is_away = False
        connection = await accept(orchestrator)
        assert [(await connection.hear())["featureMap"] for _ in range(2)] == [[3], [2]]
        assert [(await connection.hear())["frameId"] for _ in range(MAX_FRAMES)] == list(range(10, MAX_FRAMES + 10))
        assert camera.statistics().frames_dropped == 10


async def test_a_full_socket_never_holds_up_the_frames(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        connection = await accept(orchestrator)
        began = trio.current_time()
        for frame in range(1000):
            camera.send_boxes(frame, [])
            await trio.lowlevel.checkpoint()
        assert trio.current_time() == began
        heard = [(await connection.hear())["frameId"] for _ in range(MAX_FRAMES)]
        assert heard == sorted(heard)
        assert camera.statistics().frames_dropped > 900
        connection.hear_rest()


async def test_a_feature_map_in_flight_is_sent_again(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        connection = await accept(orchestrator)
        camera.send_feature_map(1, ["fills the socket"])
        camera.send_feature_map(2, ["in flight"])
        await wait_all_tasks_blocked()
        connection.hang_up()
        connection = await accept(orchestrator)
        assert (await connection.hear())["objectId"] == 2


async def test_a_feature_map_that_is_too_large_is_not_sent_for_ever(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        connection = await accept(orchestrator)
        camera.send_feature_map(1, ["fills the socket"])
        camera.send_feature_map(2, ["too large"])
        camera.send_feature_map(3, ["fine"])
        await wait_all_tasks_blocked()
        connection.hang_up(ConnectionLost("too large", 1009))
        connection = await accept(orchestrator)
        assert (await connection.hear())["objectId"] == 3


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4408, 4409, 4449])
async def test_a_refusal_comes_out_of_the_async_with_as_itself(autojump_clock: MockClock, code: int) -> None:
    orchestrator = FakeOrchestrator()
    with pytest.raises(ConnectionRefusedByServer) as caught:
        async with run_processor(orchestrator.connect, "cam1", None) as camera:
            connection = await accept(orchestrator)
            connection.hang_up(ConnectionRefusedByServer(code, "not like this"))
            async for _ in camera:
                pass
    assert (caught.value.code, caught.value.reason) == (code, "not like this")
    assert len(orchestrator.attempts) == 1


async def test_a_refusal_while_what_waits_is_sent_is_told(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()

    async def refuse(connection: FakeConnection) -> None:
        await wait_all_tasks_blocked()  # some of the frames wait, and the `async with` is being left
        connection.say(type="error", code="unauthenticated", message="expired")
        connection.hang_up(ConnectionRefusedByServer(4401, "authenticate first"))

    async with trio.open_nursery() as nursery:
        with pytest.raises(ConnectionRefusedByServer, match=r"4401.*unauthenticated: expired"):
            async with run_processor(orchestrator.connect, "cam1", "secret") as camera:
                await camera.wait_connected()
                for frame in range(5):
                    camera.send_boxes(frame, [])
                nursery.start_soon(refuse, await orchestrator.accept())


async def test_a_refusal_that_answers_the_closing_is_told(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    with pytest.raises(ConnectionRefusedByServer, match="4401"):
        async with run_processor(orchestrator.connect, "cam1", None):
            connection = await accept(orchestrator)
            connection.refusal_at_closing = ConnectionRefusedByServer(4401, "authenticate first")
    assert connection.was_closed


@pytest.mark.parametrize("how", [FakeConnection.hang_up, FakeConnection.crash])
async def test_a_connection_that_breaks_while_it_ends_is_no_error_and_not_waited_for(
    autojump_clock: MockClock, how: Callable[[FakeConnection], None]
) -> None:
    orchestrator = FakeOrchestrator()

    async def break_off(connection: FakeConnection) -> None:
        await wait_all_tasks_blocked()  # some of the frames wait, and the `async with` is being left
        assert left == trio.current_time()
        how(connection)

    async with trio.open_nursery() as nursery:
        async with run_processor(orchestrator.connect, "cam1", None) as camera:
            for frame in range(5):
                camera.send_boxes(frame, [])
            nursery.start_soon(break_off, await orchestrator.accept())
            left = trio.current_time()
        assert trio.current_time() == left
    assert camera.statistics().frames_sent < 5
    assert len(orchestrator.attempts) == 1


async def test_a_refusal_says_what_was_wrong_with_the_token(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    with pytest.raises(ConnectionRefusedByServer, match=r"4401.*unauthenticated: expired") as caught:
        async with run_processor(orchestrator.connect, "cam1", "secret"):
            connection = await orchestrator.accept()
            connection.say(type="error", code="unauthenticated", message="expired")
            connection.hang_up(ConnectionRefusedByServer(4401, "authenticate first"))
            await trio.sleep_forever()
    assert "secret" not in str(caught.value)


async def test_a_token_is_fetched_for_each_connection_and_shown_first(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    tokens = iter(("first", "second"))

    async def fetch() -> str:
        await trio.sleep(1)
        return next(tokens)

    async with run_processor(orchestrator.connect, "cam1", fetch):
        for token in ("first", "second"):
            connection = await orchestrator.accept()
            assert await connection.hear() == {"type": "authenticate", "jwt": token}
            assert await connection.hear() == IDENTIFIER
            connection.hang_up()


async def test_a_token_may_come_from_a_plain_function_and_be_away_for_a_while(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    answers: list[str | Exception] = ["token", ConnectionError("no network")]

    def fetch() -> str:
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with run_processor(orchestrator.connect, "cam1", fetch):
        assert await (await orchestrator.accept()).hear() == {"type": "authenticate", "jwt": "token"}


async def test_a_token_function_that_hangs_is_given_up_and_asked_again(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    calls = 0

    async def fetch() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            await trio.sleep_forever()
        return "token"

    async with run_processor(orchestrator.connect, "cam1", fetch):
        await (await orchestrator.accept()).hear()
    assert calls == 2


async def test_a_fault_of_the_token_function_comes_out_as_itself(autojump_clock: MockClock) -> None:
    def fetch() -> str:
        raise LookupError("no such secret")

    with pytest.raises(LookupError):
        async with run_processor(FakeOrchestrator().connect, "cam1", fetch):
            await trio.sleep_forever()


async def test_what_the_user_raises_comes_out_as_itself(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    with pytest.raises(LookupError, match="mine"):
        async with run_processor(orchestrator.connect, "cam1", None):
            await orchestrator.accept()
            raise LookupError("mine")
    fault = LookupError("mine too")
    with pytest.raises(ExceptionGroup) as caught:
        async with run_processor(orchestrator.connect, "cam1", None):
            raise ExceptionGroup("a group of mine", [fault])
    assert caught.value.message == "a group of mine"
    assert caught.value.exceptions == (fault,)


async def test_a_cancellation_passes_through(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    with trio.move_on_after(5) as scope:
        async with run_processor(orchestrator.connect, "cam1", None):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert not orchestrator.open


async def test_at_the_end_what_waits_is_sent_and_the_connection_closed(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    frames: list[object] = []

    async def listen(connection: FakeConnection) -> None:
        while True:
            try:
                frames.append((await connection.hear())["frameId"])
            except (trio.EndOfChannel, trio.ClosedResourceError):
                return

    async with trio.open_nursery() as nursery:
        async with run_processor(orchestrator.connect, "cam1", None) as camera:
            connection = await accept(orchestrator)
            nursery.start_soon(listen, connection)
            for frame in range(10):
                camera.send_boxes(frame, [])
        assert connection.was_closed
    assert frames == list(range(10))
    assert not orchestrator.open


async def test_a_server_that_takes_nothing_does_not_hold_up_the_end(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        await accept(orchestrator)
        for frame in range(10):
            camera.send_boxes(frame, [])
        ended = trio.current_time()
    assert trio.current_time() - ended < 5


async def test_offline_the_end_comes_at_once_and_calls_after_it_are_told(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    async with run_processor(orchestrator.connect, "cam1", None) as camera:
        camera.send_boxes(0.0, [])
        await trio.sleep(1)
        ended = trio.current_time()
    assert trio.current_time() == ended
    with pytest.raises(trio.ClosedResourceError):
        camera.send_boxes(1.0, [])
    with pytest.raises(trio.ClosedResourceError):
        camera.send_feature_map(1, [1])
    with pytest.raises(trio.ClosedResourceError):
        await camera.wait_connected()
    assert [command async for command in camera] == []
