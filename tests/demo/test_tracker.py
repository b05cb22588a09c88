"""One camera of the demo: whom it follows, what it answers, and what it gets wrong."""

import math
from collections import Counter

import pytest

from trio_orchestrator.client import Connected, FeatureMap, Start, Stop
from trio_orchestrator.demo.cameras import FRAMES_PER_SECOND, Quarter
from trio_orchestrator.demo.world import look_of

PEOPLE = 28


def quarter(errors: float = 0.0, seed: int = 1) -> Quarter:
    return Quarter(PEOPLE, seed, errors)


def test_the_same_seed_is_the_same_film() -> None:
    one, same = quarter(0.5), quarter(0.5)
    for _ in range(600):
        assert [step[1:] for step in one.step()] == [step[1:] for step in same.step()]
    other = quarter(0.5, seed=2)
    assert boxes(other) != boxes(quarter(0.5))


def boxes(film: Quarter) -> list[object]:
    """All that the cameras show in two seconds."""
    return [step[2] for _ in range(20) for step in film.step()]


def follow_one(errors: float, minutes: int = 12) -> Counter[str]:
    """Click on the first box there is, and let all cameras know; the frames with its object on each camera."""
    film = quarter(errors)
    seen: Counter[str] = Counter()
    clicked = False
    for _ in range(minutes * 60 * FRAMES_PER_SECOND):
        frames = list(film.step())
        for tracker, at, shown, _ in frames:
            if not clicked and shown:
                clicked = True
                (answer,) = tracker.obey(Start(7, at, shown[0].box_id))
                for other in film.trackers:
                    other.obey(FeatureMap(7, answer.look))
            seen[tracker.camera_id] += sum(box.object_id == 7 for box in shown)
    return +seen


def test_whoever_is_tracked_is_seen_on_several_cameras() -> None:
    assert len(follow_one(0.0)) >= 3
    assert len(follow_one(0.3)) >= 3


def test_errors_lose_sight_of_people() -> None:
    assert sum(follow_one(1.0, 4).values()) < sum(follow_one(0.0, 4).values())


def test_without_errors_a_box_is_of_one_person_and_known_soon() -> None:
    film = quarter()
    for tracker in film.trackers:
        for walker in range(PEOPLE):
            tracker.obey(FeatureMap(100 + walker, list(look_of(walker, 1))))
    whose: dict[tuple[str, object], set[int]] = {}
    frames: Counter[tuple[str, object]] = Counter()
    for _ in range(120 * FRAMES_PER_SECOND):
        for tracker, _, boxes, _ in film.step():
            marked = [box.object_id for box in boxes if box.object_id is not None]
            assert len(marked) == len(set(marked))
            for box in boxes:
                key = (tracker.camera_id, box.box_id)
                frames[key] += 1
                if box.object_id is None:
                    assert frames[key] <= FRAMES_PER_SECOND
                else:
                    whose.setdefault(key, set()).add(box.object_id)
    assert len(whose) > 30
    assert all(len(objects) == 1 for objects in whose.values())


def test_with_errors_boxes_come_and_go() -> None:
    def boxes_of(errors: float) -> int:
        film = quarter(errors)
        return len({(step[0].camera_id, box.box_id) for _ in range(600) for step in film.step() for box in step[2]})

    assert boxes_of(1.0) > 1.2 * boxes_of(0.0)


def test_commands() -> None:
    film = quarter()
    while not (frames := [frame for frame in film.step() if frame[2]]):
        pass
    tracker, at, boxes, _ = frames[0]
    assert tracker.obey(Start(1, at, "nobody")) == []
    assert tracker.obey(Start(2, at + 0.001, boxes[0].box_id)) == []
    tracker.obey(Stop(1))
    (wanted,) = tracker.look_for_wanted()  # as after a start by an image: whoever is largest
    assert wanted.object_id == 2
    (answer,) = tracker.obey(Start(3, at, boxes[0].box_id))
    assert math.hypot(*answer.look) == pytest.approx(1, abs=0.01)
    assert tracker.obey(Connected(2)) == []
    assert tracker.obey(FeatureMap(3, {})) == [answer]  # it was lost on its way
    assert tracker.obey(FeatureMap(4, {})) == []
    for odd in ("x", [1], [None] * 16, {"a": 1}):
        assert tracker.obey(FeatureMap(5, odd)) == []
    tracker.obey(Stop(3))
    assert tracker.obey(FeatureMap(3, {})) == []
