import pytest
from msgspec import Raw

from trio_orchestrator.tracking.objects import TRANSITIONS, Event, IllegalTransition, State, TrackedObject
from trio_orchestrator.tracking.views import View


def make(feature_map: str = "") -> TrackedObject:
    return TrackedObject(1, "cam1", 500.0, image=Raw(b'"i"'), feature_map=Raw(feature_map.encode()))


def seen_at(at: float) -> View:
    return View((1,), {1}, at, as_of=1)


def test_every_state_can_end_and_the_end_is_the_end() -> None:
    assert set(TRANSITIONS) == set(State)
    assert TRANSITIONS[State.STOPPED] == {}
    for state in set(State) - {State.STOPPED}:
        assert TRANSITIONS[state][Event.STOP] is State.STOPPED


def test_every_living_state_may_learn_features_and_be_seen() -> None:
    for state in set(State) - {State.STOPPED}:
        assert TRANSITIONS[state][Event.SEEN] is State.SEEN
        assert Event.FEATURE_MAP in TRANSITIONS[state]


def test_a_life() -> None:
    tracked = make()
    assert (tracked.state, tracked.camera_id, tracked.answered) == (State.STARTED, "cam1", False)
    assert (bytes(tracked.feature_map), tracked.recognizable) == (b"{}", False)

    assert tracked.learn(Raw(b"[1]"), "cam1")
    assert (tracked.state, bytes(tracked.feature_map), tracked.recognizable) == (State.FEATURES, b"[1]", True)
    assert tracked.answered
    assert not tracked.learn(Raw(b"[1]"), "cam2")
    assert tracked.camera_id == "cam1", "that it is better known is told nobody"

    tracked.appear("cam2", seen_at(510.0))
    tracked.appear("cam3", seen_at(511.0))
    assert (tracked.state, tracked.camera_id, set(tracked.seen_on)) == (State.SEEN, "cam3", {"cam2", "cam3"})
    assert not tracked.learn(Raw(b"[2]"), "cam2")
    assert (tracked.state, tracked.camera_id, bytes(tracked.feature_map)) == (State.SEEN, "cam3", b"[2]")

    assert tracked.disappear("cam3") == 511.0
    assert (tracked.state, tracked.camera_id) == (State.SEEN, "cam2")
    assert tracked.disappear("cam2") == 510.0
    assert (tracked.state, tracked.camera_id, tracked.seen_on) == (State.LOST, "cam2", {})

    tracked.stop()
    assert tracked.state is State.STOPPED


def test_lost_from_one_camera_it_stays_where_whoever_follows_takes_it_to_be() -> None:
    tracked = make()
    for number, camera_id in enumerate(("b", "c", "a", "d")):
        tracked.appear(camera_id, seen_at(510.0 + number))
    tracked.disappear("a")
    assert tracked.camera_id == "d"
    tracked.disappear("d")
    assert (tracked.state, tracked.camera_id) == (State.SEEN, "b"), "the first by its id, not where it was seen last"


def test_nobody_answers_until_somebody_does() -> None:
    tracked = make()
    tracked.give_up()
    assert (tracked.state, tracked.answered) == (State.FAILED, False)
    tracked.start_again()
    assert tracked.state is State.STARTED
    tracked.give_up()
    tracked.learn(Raw(b"[1]"), "cam2")
    assert (tracked.state, tracked.camera_id) == (State.FEATURES, "cam2")
    with pytest.raises(IllegalTransition):
        tracked.give_up()


def test_after_the_end_nothing_happens() -> None:
    tracked = make()
    tracked.stop()
    with pytest.raises(IllegalTransition, match="object 1: STOP in state STOPPED"):
        tracked.stop()
    with pytest.raises(IllegalTransition):
        tracked.learn(Raw(b"[1]"), "cam1")
    with pytest.raises(IllegalTransition):
        tracked.appear("cam1", seen_at(1.0))
    assert (bytes(tracked.feature_map), tracked.seen_on) == (b"{}", {})


@pytest.mark.parametrize(
    ("feature_map", "state"), [("", State.STARTED), ("{}", State.FEATURES), ("[1]", State.FEATURES)]
)
def test_a_restored_object_is_where_it_was(feature_map: str, state: State) -> None:
    tracked = make(feature_map)
    assert (tracked.state, bytes(tracked.feature_map).decode()) == (state, feature_map or "{}")


@pytest.mark.parametrize("feature_map", ["{}", "[]", "null", " { } ", "[\n\t\r]"])
def test_nobody_can_be_known_by_an_empty_feature_map(feature_map: str) -> None:
    assert not make(feature_map).recognizable


@pytest.mark.parametrize("feature_map", ['""', "0", "false", "[0]", "[[]]", '{"":0}', '" {}"'])
def test_any_other_feature_map_may_be_known(feature_map: str) -> None:
    assert make(feature_map).recognizable
