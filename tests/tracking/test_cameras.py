"""Cameras as they come, go and send frames."""

import pytest

from trio_orchestrator.tracking.cameras import MAX_OFFLINE, Cameras, CameraStatus
from trio_orchestrator.tracking.views import View

NOON = 43_200.0


def only(cameras: Cameras, at: float) -> CameraStatus:
    (status,) = cameras.status(at)
    return status


def test_a_camera_comes_and_goes() -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    assert cameras.came("a", NOON + 5) is camera  # said again
    assert only(cameras, NOON + 9) == CameraStatus("a", True, NOON, None, 0.0)
    camera.sent_frame(b"1", NOON + 9.5)
    cameras.left("a", NOON + 10)
    assert only(cameras, NOON + 20) == CameraStatus("a", False, NOON + 10, NOON + 9.5, 0.0)
    assert cameras.came("a", NOON + 30) is camera
    assert only(cameras, NOON + 31) == CameraStatus("a", True, NOON + 30, NOON + 9.5, 0.0)


@pytest.mark.parametrize("seconds", [2, 30, 59, 60, 61, 200])
def test_frames_a_second_over_the_last_minute(seconds: int) -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    for frame in range(25 * seconds):
        camera.sent_frame(b"1", NOON + frame / 25)
    assert only(cameras, NOON + seconds).frames_per_second == pytest.approx(25, rel=0.02)


def test_each_frame_counts_in_its_own_second() -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    camera.sent_frame(b"1", NOON + 0.5)
    camera.sent_frame(b"1", NOON + 1.0)
    assert only(cameras, NOON + 60.5).frames_per_second == pytest.approx(1 / 59.5)


def test_silence_counts() -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    for frame in range(60):
        camera.sent_frame(b"1", NOON + frame)
    assert only(cameras, NOON + 89.999).frames_per_second == pytest.approx(0.5, rel=0.05)
    assert only(cameras, NOON + 119.999).frames_per_second < 0.02
    assert only(cameras, NOON + 1000).frames_per_second == 0
    camera.sent_frame(b"1", NOON + 1000)
    assert only(cameras, NOON + 1000.5).frames_per_second == pytest.approx(1 / 60, rel=0.05)


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    for frame in range(100):
        camera.sent_frame(b"1", NOON - 3600 + frame / 10)
    assert only(cameras, NOON - 3590).frames_per_second == pytest.approx(10, rel=0.02)
    for frame in range(1000):
        camera.sent_frame(b"1", NOON - 3590 + frame / 10)
    assert only(cameras, NOON - 3490).frames_per_second == pytest.approx(10, rel=0.02)


def test_what_a_camera_showed_is_not_remembered_when_it_leaves() -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    camera.view = View((1,), {1}, NOON, as_of=1)
    cameras.left("a", NOON)
    assert camera.view is None


def test_names_are_not_remembered_without_end() -> None:
    cameras = Cameras()
    for number in range(MAX_OFFLINE + 5):
        cameras.came(f"{number:05}", NOON)
        cameras.left(f"{number:05}", NOON)
    assert len(cameras.status(NOON)) == MAX_OFFLINE
    assert cameras.status(NOON)[0].camera_id == "00005"


@pytest.mark.parametrize("frames", [[5.2, 4.9], [0.5, 5.0, 0.7]])
def test_a_clock_that_is_set_back_by_little(frames: list[float]) -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    for at in frames:
        camera.sent_frame(b"1", NOON + at)
    assert only(cameras, NOON + int(frames[-1]) + 1).frames_per_second == 1.0


def test_a_clock_that_is_set_back_while_a_camera_is_away() -> None:
    cameras = Cameras()
    camera = cameras.came("a", NOON)
    camera.sent_frame(b"1", NOON + 0.5)
    cameras.left("a", NOON + 10)
    cameras.came("a", NOON + 10)
    camera.sent_frame(b"1", NOON + 0.5)
    assert only(cameras, NOON + 1).frames_per_second == 1.0
