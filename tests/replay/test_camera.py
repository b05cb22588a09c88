"""A replayed camera against an orchestrator of our own, on the mock clock."""

import pytest
import trio
from trio.testing import MockClock

from tests.client.fakes import FakeConnection, FakeOrchestrator
from trio_orchestrator.client import ConnectionRefusedByServer
from trio_orchestrator.client.processor import run_processor
from trio_orchestrator.replay.camera import CameraProgress, Pace, play_through

from .recordings import short_recording

LONG = "\n".join(f"{frame},8,10,20,30,40,-1,-1,-1,-1" for frame in range(1, 101))


async def hear_frames(connection: FakeConnection) -> list[tuple[float, float]]:
    """The frames until the connection ends: when each came, and its id."""
    frames: list[tuple[float, float]] = []
    while True:
        try:
            message = await connection.hear()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            return frames
        if message["type"] == "boundingBoxes":
            frames.append((trio.current_time(), message["frameId"]))


async def test_frames_come_at_their_own_pace_and_it_ends(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    progress = CameraProgress("cam1", 100)
    async with trio.open_nursery() as nursery:
        recording = short_recording(LONG, frame_count=100)
        nursery.start_soon(
            lambda: play_through(run_processor(orchestrator.connect, "cam1", None), recording, progress, loop=False)
        )
        frames = await hear_frames(await orchestrator.accept())
    assert [frame_id for _, frame_id in frames] == [index / 10 for index in range(100)]
    began = frames[0][0]
    assert [at - began for at, _ in frames] == pytest.approx([index / 10 for index in range(100)], abs=1e-6)
    assert progress.done
    assert progress.played == progress.statistics.frames_sent == 100
    assert not progress.statistics.connected


async def test_the_first_frame_waits_for_a_connection_and_later_ones_do_not(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.is_away = True
    progress = CameraProgress("cam1", 400)
    async with trio.open_nursery() as nursery:
        recording = short_recording(LONG, frame_count=400)
        nursery.start_soon(
            lambda: play_through(run_processor(orchestrator.connect, "cam1", None), recording, progress, loop=False)
        )
        await trio.sleep(60)
        assert progress.played == 0
        orchestrator.is_away = False
        connection = await orchestrator.accept()
        await connection.hear()
        for index in range(20):
            assert (await connection.hear())["frameId"] == index / 10
        orchestrator.is_away = True
        connection.hang_up()
        await trio.sleep(4.05)
        orchestrator.is_away = False
        frames = await hear_frames(await orchestrator.accept())
    # Frames went on meanwhile; the newest thirty and all that followed came.
    assert frames[-1][1] == 39.9
    assert frames[0][1] > 2.0
    assert len(frames) >= 30


async def test_a_click_is_answered_and_marked_and_a_stop_ends_it(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    progress = CameraProgress("cam1", 3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            lambda: play_through(
                run_processor(orchestrator.connect, "cam1", None), short_recording(), progress, loop=True
            )
        )
        connection = await orchestrator.accept()
        await connection.hear()
        frame = await connection.hear()
        connection.say(type="start", objectId=7, frameId=frame["frameId"], boxId=8)
        answer = await connection.hear()
        assert (answer["type"], answer["objectId"], len(answer["featureMap"])) == ("featureMap", 7, 32)
        assert progress.following == 1
        later = [await connection.hear() for _ in range(30)]
        assert [message["frameId"] for message in later] == [index / 10 for index in range(1, 31)]
        assert {box.get("objectId") for message in later for box in message["boxes"] if box["boxId"] == 8} == {7}
        connection.say(type="stop", objectId=7)
        await connection.hear()
        assert {box.get("objectId") for _ in range(3) for box in (await connection.hear())["boxes"]} == {None}
        assert progress.following == 0
        nursery.cancel_scope.cancel()


async def test_a_refusal_comes_out_as_itself(autojump_clock: MockClock) -> None:
    orchestrator = FakeOrchestrator()
    orchestrator.refusal = ConnectionRefusedByServer(4401, "no token")
    opened = run_processor(orchestrator.connect, "cam1", None)
    with pytest.raises(ConnectionRefusedByServer):
        await play_through(opened, short_recording(), CameraProgress("cam1", 3), loop=False)


def test_a_late_frame_is_due_at_once_and_the_schedule_stays() -> None:
    pace = Pace(10, 100.0)
    assert pace.due(5, 101.0) == 100.5
    assert pace.due(20, 101.0) == 102.0


def test_a_long_pause_is_not_caught_up_on() -> None:
    pace = Pace(10, 100.0)
    assert pace.due(5, 3700.5) == 3700.5
    assert pace.due(6, 3700.5) == pytest.approx(3700.6)


def test_an_hour_does_not_drift() -> None:
    pace = Pace(30, 0.0)
    assert pace.due(30 * 3600, 0.0) == 3600.0
