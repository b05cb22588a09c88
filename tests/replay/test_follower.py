"""What a replayed camera decides, as plain calls."""

import math

import pytest

from trio_orchestrator.client import Box, Command, Connected, FeatureMap, Start, Stop
from trio_orchestrator.replay.follower import FEATURES, REMEMBERED_FRAMES, Answer, Follower, features_of
from trio_orchestrator.replay.motchallenge import read_recording

from .recordings import real_file, short_recording


@pytest.fixture
def follower() -> Follower:
    return Follower("cam1", short_recording())


def marks(follower: Follower, index: int) -> dict[object, int | None]:
    return {box.box_id: box.object_id for box in follower.see(index)[1]}


def test_frames_are_as_a_real_processor_sends_them(follower: Follower) -> None:
    assert follower.see(0) == (
        0.0,
        [Box(8, (0.1, 0.2, 0.4, 0.6), "person", 1.0), Box(9, (0.0, 0.9, 0.1, 1.0), "person", 0.5)],
    )
    assert follower.see(1) == (0.1, [])
    assert follower.see(2) == (0.2, [Box(8, (0.11, 0.21, 0.41, 0.61), "person", 1.0)])


def test_from_the_end_it_starts_over_and_the_time_goes_on(follower: Follower) -> None:
    assert follower.see(3)[0] == 3 / 10
    assert follower.see(3)[1] == follower.see(0)[1]
    assert follower.see(3000)[0] == 300.0


def test_a_click_marks_that_identity_from_then_on(follower: Follower) -> None:
    frame_id, _ = follower.see(0)
    assert follower.obey(Start(7, frame_id, 8)) == Answer(7, features_of("cam1", 8))
    assert marks(follower, 0) == {8: 7, 9: None}
    assert marks(follower, 2) == {8: 7}
    assert follower.followed == {7: 8}


def test_a_click_is_found_by_the_value_of_its_frame(follower: Follower) -> None:
    follower.see(0)
    assert follower.obey(Start(7, 0, 9)) is not None


@pytest.mark.parametrize(
    "start", [Start(7, 0.1, 8), Start(7, 0.0, 77), Start(7, 9.9, 8), Start(7, "0.0", 8), Start(7, 0.0, "8")]
)
def test_a_click_on_nothing_marks_nobody(follower: Follower, start: Start) -> None:
    follower.see(0)
    follower.see(1)
    assert follower.obey(start) is None
    assert marks(follower, 0) == {8: None, 9: None}


def test_only_the_last_frames_are_remembered(follower: Follower) -> None:
    for index in range(REMEMBERED_FRAMES + 1):
        follower.see(index)
    assert follower.obey(Start(7, 0.0, 8)) is None
    assert follower.obey(Start(7, 0.3, 8)) is not None


@pytest.mark.parametrize("command", [Start(7, image="x"), FeatureMap(7, [0.5])])
def test_what_was_started_elsewhere_or_by_image_is_known_and_marks_nobody(follower: Follower, command: Command) -> None:
    assert follower.obey(command) is None
    assert follower.known == {7}
    assert marks(follower, 0) == {8: None, 9: None}
    follower.obey(Stop(7))
    assert follower.known == frozenset()


def test_an_empty_feature_map_makes_nothing_known(follower: Follower) -> None:
    assert follower.obey(FeatureMap(7, {})) is None
    assert follower.known == frozenset()


def test_its_own_feature_map_comes_back_and_changes_nothing(follower: Follower) -> None:
    follower.see(0)
    answer = follower.obey(Start(7, 0.0, 8))
    assert answer is not None
    assert follower.obey(FeatureMap(7, answer.feature_map)) is None
    assert marks(follower, 0) == {8: 7, 9: None}


def test_a_stop_ends_it_and_an_unknown_one_is_nothing(follower: Follower) -> None:
    follower.see(0)
    follower.obey(Start(7, 0.0, 8))
    follower.obey(Stop(99))
    follower.obey(Stop(7))
    assert marks(follower, 0) == {8: None, 9: None}
    assert follower.followed == {}


def test_two_objects_of_one_identity_the_newer_has_it_while_it_lasts(follower: Follower) -> None:
    follower.see(0)
    follower.obey(Start(7, 0.0, 8))
    follower.obey(Start(8, 0.0, 8))
    assert marks(follower, 2) == {8: 8}
    follower.obey(Stop(8))
    assert marks(follower, 2) == {8: 7}


def test_after_a_new_connection_only_what_is_still_live_is_followed(follower: Follower) -> None:
    follower.obey(Connected(1))
    follower.see(0)
    follower.obey(Start(7, 0.0, 8))
    follower.obey(Start(8, 0.0, 9))
    follower.obey(Connected(2))
    assert marks(follower, 0) == {8: None, 9: None}
    assert follower.obey(FeatureMap(7, [0.5])) is None
    assert marks(follower, 0) == {8: 7, 9: None}


def test_a_feature_map_that_was_lost_is_said_again(follower: Follower) -> None:
    follower.see(0)
    follower.obey(Start(7, 0.0, 8))
    follower.obey(Connected(2))
    follower.obey(Connected(3))
    assert follower.obey(FeatureMap(7, {})) == Answer(7, features_of("cam1", 8))
    assert marks(follower, 0) == {8: 7, 9: None}


def test_what_stopped_right_after_a_new_connection_does_not_come_back(follower: Follower) -> None:
    follower.see(0)
    follower.obey(Start(7, 0.0, 8))
    follower.obey(Connected(2))
    follower.obey(Stop(7))
    follower.obey(FeatureMap(7, [0.5]))
    assert marks(follower, 0) == {8: None, 9: None}


def test_features_tell_identities_and_cameras_apart_and_are_always_the_same() -> None:
    features = features_of("cam1", 8)
    assert features == features_of("cam1", 8)
    assert len({tuple(features_of(camera, identity)) for camera in ("cam1", "cam2") for identity in (8, 9)}) == 4
    assert len(features) == FEATURES
    assert math.hypot(*features) == pytest.approx(1, abs=1e-4)


def test_a_real_identity_is_marked_in_every_frame_it_is_in() -> None:
    recording = read_recording(real_file("MOT16-05.txt"), 14, (640, 480))
    follower = Follower("cam5", recording)
    follower.see(0)
    follower.obey(Start(1, 0.0, 7))
    for index in range(recording.frame_count):
        frame_id, boxes = follower.see(index)
        assert frame_id == index / 14
        assert [box.box_id for box in boxes if box.object_id == 1] == [
            7 for row in recording.detections.get(index + 1, ()) if row.identity == 7
        ]
        assert all(0 <= edge <= 1 for box in boxes for edge in box.rect)
        assert all(box.rect[0] < box.rect[2] and box.rect[1] < box.rect[3] for box in boxes)
