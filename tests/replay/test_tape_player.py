"""A tape played to an orchestrator of our own; slow to jump, for the tape is read in threads."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.client.fakes import FakeOrchestrator
from trio_orchestrator.client import ConnectionRefusedByServer, OutboxFull, Processor
from trio_orchestrator.client.outbox import MAX_KEPT
from trio_orchestrator.client.processor import run_processor
from trio_orchestrator.replay import tape_player
from trio_orchestrator.replay.camera import CameraProgress, send_answer
from trio_orchestrator.replay.follower import Answer
from trio_orchestrator.replay.tape import head, line, read_tape

BOXES = b'{"type":"boundingBoxes","cameraId":"cam1","frameId":1.0,"boxes":[{"boxId":1}]}'


@pytest.fixture
def orchestrator(monkeypatch: pytest.MonkeyPatch) -> FakeOrchestrator:
    made = FakeOrchestrator()

    def open_processor(_url: str, camera_id: str, token: str | None) -> AbstractAsyncContextManager[Processor]:
        return run_processor(made.connect, camera_id, token)

    monkeypatch.setattr(tape_player, "open_processor", open_processor)
    return made


async def test_a_tape_of_one_moment_does_not_loop_without_a_pause(
    mock_clock: MockClock, orchestrator: FakeOrchestrator, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(head(datetime(2026, 11, 22, tzinfo=UTC)) + line(0, BOXES))
    tape = read_tape(path)
    mock_clock.autojump_threshold = 0.2
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(tape_player.play_tape, "", tape, [CameraProgress("cam1", 1)], loop=True))
        connection = await orchestrator.accept()
        assert (await connection.hear())["type"] == "identifier"
        came = []
        for _ in range(3):
            await connection.hear()
            came.append(trio.current_time())
        nursery.cancel_scope.cancel()
    assert [at - came[0] for at in came] == pytest.approx([0, 1 / 30, 2 / 30], abs=0.01)


async def test_the_camera_that_is_refused_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    orchestrators = {f"cam{number}": FakeOrchestrator() for number in (1, 2, 3)}
    orchestrators["cam2"].refusal = ConnectionRefusedByServer(4403, "not yours")

    def open_processor(_url: str, camera_id: str, token: str | None) -> AbstractAsyncContextManager[Processor]:
        return run_processor(orchestrators[camera_id].connect, camera_id, token)

    monkeypatch.setattr(tape_player, "open_processor", open_processor)
    path = tmp_path / "a.jsonl"
    lines = [line(0, BOXES.replace(b"cam1", camera_id.encode())) for camera_id in orchestrators]
    path.write_bytes(head(datetime(2026, 11, 22, tzinfo=UTC)) + b"".join(lines))
    progress = [CameraProgress(camera_id, 1) for camera_id in orchestrators]
    with pytest.raises(ConnectionRefusedByServer) as refused:
        await tape_player.play_tape("", read_tape(path), progress)
    assert refused.value.__notes__ == ["camera cam2"]


async def test_an_answer_that_finds_no_room_is_left_out(orchestrator: FakeOrchestrator) -> None:
    orchestrator.is_away = True
    async with trio.open_nursery() as nursery, run_processor(orchestrator.connect, "cam1", None) as camera:
        for object_id in range(MAX_KEPT):
            camera.send_feature_map(object_id, [0.5])
        with pytest.raises(OutboxFull):
            camera.send_feature_map(MAX_KEPT, [0.5])
        send_answer(camera, Answer(MAX_KEPT, [0.5]))
        nursery.cancel_scope.cancel()
