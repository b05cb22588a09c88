"""A client against an orchestrator of our own, on the mock clock: no socket, no real time."""

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_orchestrator.client import (
    BoundingBoxes,
    Box,
    Cameras,
    CameraState,
    Client,
    Connected,
    ConnectionRefusedByServer,
    Error,
    Event,
    Lagged,
    NewObject,
    OrchestratorError,
    OutcomeUnknown,
    Stopped,
    Welcome,
)
from trio_orchestrator.client.viewer import run_client

from .fakes import FakeConnection, FakeOrchestrator

LIVE_OBJECTS = 10_000  # by default no server has more


async def answer(connection: FakeConnection, object_id: int) -> None:
    request = await connection.hear()
    connection.say(type="accepted", requestId=request["requestId"], objectId=object_id)


async def test_start_and_stop_wait_for_their_own_answers(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    started = []
    async with run_client(orchestrator.connect, None) as client:
        connection = await orchestrator.accept()

        async def start(camera_id: str) -> None:
            started.append((camera_id, await client.start(camera_id, frame_id=12.0, box_id=3)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(start, "cam1")
            await wait_all_tasks_blocked()
            nursery.start_soon(start, "cam2")
            first, second = await connection.hear(), await connection.hear()
            assert first == {
                "type": "start",
                "cameraId": "cam1",
                "frameId": 12.0,
                "boxId": 3,
                "requestId": first["requestId"],
            }
            connection.say(type="accepted", requestId=second["requestId"], objectId=2)
            connection.say(type="accepted", requestId=first["requestId"], objectId=1)
            connection.say(type="accepted", requestId="of nobody", objectId=3)
        assert sorted(started) == [("cam1", 1), ("cam2", 2)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.stop, 2)
            await answer(connection, 2)


async def test_an_error_comes_out_of_the_request_it_belongs_to(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        connection = await orchestrator.accept()
        caught = []

        async def start() -> None:
            with pytest.raises(OrchestratorError) as error:
                await client.start("cam9", image="x")
            caught.append(error.value)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            request = await connection.hear()
            connection.say(
                type="error", code="unknown_camera", message="no camera cam9", requestId=request["requestId"]
            )
        assert (caught[0].code, caught[0].message) == ("unknown_camera", "no camera cam9")
        connection.say(type="error", code="invalid_message", message="of no request")
        assert [await anext(client) for _ in range(2)] == [Connected(1), Error("invalid_message", "of no request")]


async def test_a_broken_connection_leaves_the_outcome_unknown_and_nothing_is_sent_again(
    autojump_clock: MockClock,
) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        connection = await orchestrator.accept()

        async def start() -> None:
            with pytest.raises(OutcomeUnknown):
                await client.start("cam1", image="x")

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for _ in range(4):  # one is heard, one in the socket, one in flight, one in the outbox
                    nursery.start_soon(start)
                await connection.hear()
                connection.hang_up()
        connection = await orchestrator.accept()
        await wait_all_tasks_blocked()
        assert connection.hear_rest() == []


async def test_a_request_waits_for_a_connection(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    async with run_client(orchestrator.connect, None) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.stop, 7)
        await trio.sleep(30)
        orchestrator.is_away = False
        await answer(await orchestrator.accept(), 7)


async def test_a_refusal_while_a_request_waits_is_one_plain_error(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    with pytest.raises(ConnectionRefusedByServer):
        async with run_client(orchestrator.connect, None) as client:
            connection = await orchestrator.accept()
            connection.hang_up(ConnectionRefusedByServer(4401, "expired"))
            await client.start("cam1", image="x")
    orchestrator.refusal = ConnectionRefusedByServer(4401, "expired")
    with pytest.raises(ConnectionRefusedByServer):
        async with run_client(orchestrator.connect, None) as client:
            await client.start("cam1", image="x")


async def test_a_request_of_a_task_that_outlives_the_client_is_told(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()

    async def stop(client: Client) -> None:
        with pytest.raises(OutcomeUnknown), trio.fail_after(60):
            await client.stop(7)

    async with trio.open_nursery() as nursery, run_client(orchestrator.connect, None) as client:
        await orchestrator.accept()
        nursery.start_soon(stop, client)
        await wait_all_tasks_blocked()


async def test_a_request_cancelled_before_it_left_is_not_sent(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        connection = await orchestrator.accept()
        for camera_id in ("in the socket", "in flight", "in the outbox"):
            with trio.move_on_after(1):
                await client.start(camera_id, image="x")
        await wait_all_tasks_blocked()
        heard = [(await connection.hear())["cameraId"] for _ in range(2)]
        await wait_all_tasks_blocked()
        assert heard == ["in the socket", "in flight"]
        assert connection.hear_rest() == []


async def test_a_wrong_start_is_told_at_once(autojump_clock: MockClock) -> None:
    async with run_client(FakeOrchestrator().connect, None) as client:
        with pytest.raises(ValueError, match="image"):
            await client.start("cam1", frame_id=1.0)


async def test_what_is_said_after_the_end_is_told(autojump_clock: MockClock) -> None:
    async with run_client(FakeOrchestrator().connect, None) as client:
        pass
    with pytest.raises(trio.ClosedResourceError):
        client.subscribe(["cam1"])
    with pytest.raises(trio.ClosedResourceError):
        client.set_uses_images(True)
    with pytest.raises(trio.ClosedResourceError):
        await client.stop(7)


async def test_what_cannot_be_said_is_told_at_once(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    async with run_client(orchestrator.connect, None) as client:
        with pytest.raises(ValueError, match="one string"):
            client.subscribe("cam1")
        with pytest.raises(ValueError, match="surrogates"):
            client.subscribe(["\ud800"])
        orchestrator.is_away = False
        connection = await orchestrator.accept()
        await wait_all_tasks_blocked()
        assert connection.hear_rest() == []
    wrong: Any = "cameras"
    with pytest.raises(ValueError, match="one string"):
        async with run_client(orchestrator.connect, None, wrong):
            raise AssertionError("entered")


async def test_wishes_are_said_again_on_every_connection(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    async with run_client(orchestrator.connect, "token") as client:
        client.subscribe(["cam1"])
        orchestrator.is_away = False
        connection = await orchestrator.accept()
        assert await connection.hear() == {"type": "authenticate", "jwt": "token"}
        assert await connection.hear() == {"type": "subscribe", "cameraIds": ["cam1"]}
        client.set_uses_images(True)
        assert await connection.hear() == {"type": "setUsesImages", "usesImages": True}
        client.subscribe(None)
        assert await connection.hear() == {"type": "subscribe", "cameraIds": None}
        connection.hang_up()
        connection = await orchestrator.accept()
        assert [await connection.hear() for _ in range(3)] == [
            {"type": "authenticate", "jwt": "token"},
            {"type": "subscribe", "cameraIds": None},
            {"type": "setUsesImages", "usesImages": True},
        ]


async def test_boxes_that_were_not_subscribed_to_are_left_out_until_the_server_has_heard_so(
    autojump_clock: MockClock,
) -> None:
    orchestrator = FakeOrchestrator()

    async def events_of_a_connection() -> list[Event]:
        connection = await orchestrator.accept()
        for camera_id in ("cam2", "cam1"):
            connection.say(type="boundingBoxes", cameraId=camera_id, frameId=0, boxes=[])
        connection.say(type="lagged", dropped=1)
        events = [await anext(client)]
        while events[-1] != Lagged(1):
            events.append(await anext(client))
        connection.hang_up()
        return events

    async with run_client(orchestrator.connect, None) as client:
        client.subscribe(["cam1", "cam3"])
        for number in (1, 2):
            assert await events_of_a_connection() == [Connected(number), BoundingBoxes("cam1", 0, ()), Lagged(1)]
        client.subscribe([])
        assert await events_of_a_connection() == [Connected(3), Lagged(1)]
        client.subscribe(None)
        both = [BoundingBoxes("cam2", 0, ()), BoundingBoxes("cam1", 0, ())]
        assert await events_of_a_connection() == [Connected(4), *both, Lagged(1)]


async def test_features_are_asked_for_and_their_snapshots_come_again_on_every_connection(
    autojump_clock: MockClock,
) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, "token", ["tracking", "cameras"]) as client:
        client.subscribe([])
        for number, online in ((1, True), (2, False)):
            connection = await orchestrator.accept()
            assert [await connection.hear() for _ in range(3)] == [
                {"type": "authenticate", "jwt": "token"},
                {"type": "hello", "features": ["tracking", "cameras"]},
                {"type": "subscribe", "cameraIds": []},
            ]
            connection.say(type="welcome", server="o/1", features=["cameras", "tracking"], epoch=f"e-{number}")
            state = {"cameraId": "cam1", "online": online, "since": "2026-11-22T08:15:30.123Z"}
            connection.say(type="cameras", cameras=[state])
            assert [await anext(client) for _ in range(3)] == [
                Connected(number),
                Welcome("o/1", ("cameras", "tracking"), f"e-{number}"),
                Cameras((CameraState("cam1", online, datetime(2026, 11, 22, 8, 15, 30, 123000, UTC)),)),
            ]
            connection.hang_up()


async def test_a_greeting_that_did_not_get_out_is_said_once_on_the_next_connection(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, "token") as client:
        client.set_uses_images(True)
        client.subscribe(["cam1"])
        (await orchestrator.accept()).hang_up()
        connection = await orchestrator.accept()
        said = [(await connection.hear())["type"] for _ in range(3)]
        await wait_all_tasks_blocked()
        assert said == ["authenticate", "subscribe", "setUsesImages"]
        assert connection.hear_rest() == []


async def test_a_stock_client_says_nothing_by_itself(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        connection = await orchestrator.accept()
        await client.wait_connected()
        await wait_all_tasks_blocked()
        assert connection.hear_rest() == []


async def test_it_says_whether_it_is_connected(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        said = [client.connected]
        connection = await orchestrator.accept()
        await client.wait_connected()
        said.append(client.connected)
        connection.hang_up()
        await wait_all_tasks_blocked()
        said.append(client.connected)
    assert said == [False, True, False]


async def test_events_come_in_their_order_and_end_with_the_connection(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    events: list[Event] = []

    async def iterate(client: Client) -> None:
        events.extend([event async for event in client])

    box = {"boxId": 3, "rect": [0, 0, 1, 1], "objectId": 7}
    async with trio.open_nursery() as nursery, run_client(orchestrator.connect, None) as client:
        nursery.start_soon(iterate, client)
        connection = await orchestrator.accept()
        connection.say(type="newObject", objectId=7, image="x")
        connection.say(type="boundingBoxes", cameraId="cam1", frameId=0.5, boxes=[box])
        connection.say(type="stop", objectId=7)
        await wait_all_tasks_blocked()
        connection.hang_up()
        await orchestrator.accept()
    assert events == [
        Connected(1),
        NewObject(7, "x"),
        BoundingBoxes("cam1", 0.5, (Box(3, (0, 0, 1, 1), object_id=7),)),
        Stopped(7),
        Connected(2),
    ]


async def test_images_of_every_live_object_fit_and_again_after_a_reconnect(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        client.set_uses_images(True)
        for last in (False, True):
            connection = await orchestrator.accept()
            assert await connection.hear() == {"type": "setUsesImages", "usesImages": True}
            for object_id in range(1, LIVE_OBJECTS + 1):
                connection.say(type="newObject", objectId=object_id, image="x")
                if object_id % 1000 == 0:
                    await wait_all_tasks_blocked()
            connection.say(type="newObject", objectId=LIVE_OBJECTS + 1)
            connection.say(type="lagged", dropped=1)
            await wait_all_tasks_blocked()
            if not last:
                connection.hang_up()
        events = [await anext(client) for _ in range(LIVE_OBJECTS + 6)]
    of_the_first = [Connected(1), NewObject(LIVE_OBJECTS + 1), Lagged(1)]  # what no server says again is kept
    images = [NewObject(object_id, "x") for object_id in range(1, LIVE_OBJECTS + 1)]
    assert events == [*of_the_first, Connected(2), *images, NewObject(LIVE_OBJECTS + 1), Lagged(1)]


async def test_images_that_are_asked_for_again_take_the_place_of_those_not_read_yet(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        connection = await orchestrator.accept()
        for _ in range(2):
            connection.say(type="newObject", objectId=7, image="x")
            connection.say(type="stop", objectId=6)
        await wait_all_tasks_blocked()
        assert [await anext(client) for _ in range(4)] == [Connected(1), NewObject(7, "x"), Stopped(6), Stopped(6)]


async def test_boxes_that_nobody_reads_do_not_hold_up_answers(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, None) as client:
        connection = await orchestrator.accept()
        for frame in range(900):
            connection.say(type="boundingBoxes", cameraId="cam1", frameId=frame, boxes=[])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.stop, 7)
            await answer(connection, 7)
        assert client.frames_dropped == 900 - 256


def test_it_runs_under_anyio_on_trio() -> None:
    """What docs/decisions/0013 promises."""

    async def main() -> None:
        orchestrator = FakeOrchestrator()
        async with run_client(orchestrator.connect, None) as client, anyio.create_task_group() as tasks:
            connection = await orchestrator.accept()
            tasks.start_soon(answer, connection, 7)
            with anyio.fail_after(60):
                assert await client.start("cam1", image="x") == 7

    anyio.run(main, backend="trio")
