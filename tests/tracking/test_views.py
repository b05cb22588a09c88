"""Frames that show the same again, and what becomes of those who are in them meanwhile."""

import json

import pytest

from trio_orchestrator.tracking.ports import VisitDue
from trio_orchestrator.tracking.views import View

from .world import Seen, Somebody, World, kept

START = '{"type":"start","cameraId":"cam1","image":"i"}'


@pytest.mark.parametrize(
    ("tracked", "tracked_ids", "certainties"),
    [(set(), (), ()), ({8}, (8,), (None,)), ({7}, (7, 7), (0.5, 0.25)), ({7, 8}, (7, 8, 7), (0.5, None, 0.25))],
)
def test_of_all_that_is_shown_those_who_are_tracked_count(
    tracked: set[int], tracked_ids: tuple[int, ...], certainties: tuple[float | None, ...]
) -> None:
    view = View((7, 8, 7), tracked, 1.0, as_of=0)
    assert (view.tracked_ids, view.of_tracked((0.5, None, 0.25))) == (tracked_ids, certainties)


def show(world: World, camera: Somebody, at: float, *object_ids: int) -> list[Seen]:
    """Have a camera show these, each as certain as its place; what is noted of that."""
    noted = len(world.journal.sightings)
    boxes = [{"objectId": object_id, "certainty": place / 8} for place, object_id in enumerate(object_ids)]
    world.at = at
    camera.says(json.dumps({"type": "boundingBoxes", "frameId": at, "boxes": boxes}))
    return world.journal.sightings[noted:]


def test_every_frame_is_noted_and_whoever_is_stopped_is_not() -> None:
    world = World(restored=[kept(1), kept(2)])
    cam1 = world.processor("cam1")
    for at in (1000.0, 1000.5, 1001.0):
        assert show(world, cam1, at, 9, 2, 1) == [Seen(2, "cam1", at, 0.125), Seen(1, "cam1", at, 0.25)]
    world.client().says('{"type":"stop","objectId":2}')
    for at in (1001.5, 1002.0):
        assert show(world, cam1, at, 9, 2, 1) == [Seen(1, "cam1", at, 0.25)]


def test_whoever_is_started_meanwhile_counts_from_then_on() -> None:
    world = World()
    cam1 = world.processor("cam1")
    for at in (1000.0, 1000.5):
        assert show(world, cam1, at, 1) == []
    world.client().says(START)
    for at in (1001.0, 1001.5):
        assert show(world, cam1, at, 1) == [Seen(1, "cam1", at, 0.0)]


def test_whoever_leaves_a_view_was_last_seen_in_its_last_frame() -> None:
    world = World(restored=[kept(1), kept(2)])
    bob, cam1 = world.client(), world.processor("cam1")
    bob.says('{"type":"hello","features":["tracking"]}')
    for at in (1000.0, 1000.5):
        show(world, cam1, at, 1, 2)
    for at in (1001.0, 1002.0, 1003.0):
        show(world, cam1, at, 1)
    bob.heard()
    world.at = 1003.75
    world.remind(VisitDue(1, "cam1"))
    world.remind(VisitDue(2, "cam1"))
    (told,) = [told for told in map(json.loads, bob.heard()) if told["type"] == "tracking"]
    assert (told["objectId"], told["state"], told["at"]) == (2, "lost", "1970-01-01T00:16:40.500Z")


def test_whoever_is_lost_and_shown_again_is_seen_again() -> None:
    world = World(restored=[kept(1), kept(2)])
    bob, cam1 = world.client(), world.processor("cam1")
    bob.says('{"type":"hello","features":["tracking"]}')
    show(world, cam1, 1000.0, 1, 2)
    world.at = 1010.0
    world.remind(VisitDue(1, "cam1"))
    world.remind(VisitDue(2, "cam1"))
    bob.heard()
    assert show(world, cam1, 1011.0, 1, 2) == [Seen(1, "cam1", 1011.0, 0.0), Seen(2, "cam1", 1011.0, 0.125)]
    told = [json.loads(text) for text in bob.heard()]
    assert [(news["objectId"], news["state"]) for news in told if news["type"] == "tracking"] == [
        (1, "seen"),
        (2, "seen"),
    ]


def test_a_camera_that_comes_back_goes_on_with_the_visit() -> None:
    world = World(restored=[kept(1)])
    bob, cam1 = world.client(), world.processor("cam1")
    show(world, cam1, 1000.0, 1)
    bob.says('{"type":"hello","features":["tracking"]}')
    bob.heard()
    cam1.leaves()
    assert show(world, world.processor("cam1"), 1001.0, 1) == [Seen(1, "cam1", 1001.0, 0.0)]
    assert [told for told in bob.heard() if '"state"' in told] == []


def test_two_processors_of_one_camera_show_one_after_the_other() -> None:
    world = World(restored=[kept(1)])
    old = world.processor("cam1")
    show(world, old, 1000.0, 1)
    new = world.processor("cam1")
    assert show(world, new, 1001.0, 1) == [Seen(1, "cam1", 1001.0, 0.0)]
