"""An overview made of snapshots and changes is what the next snapshot says."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.tracking.world import Somebody, World
from trio_orchestrator.client import (
    CameraChange,
    Cameras,
    CameraState,
    Overview,
    Search,
    Tracked,
    TrackingChange,
    Welcome,
)
from trio_orchestrator.client.messages import decode_event
from trio_orchestrator.client.overview import MAX_OFFLINE
from trio_orchestrator.tracking.ports import VisitDue

T0 = datetime(2026, 11, 22, tzinfo=UTC)


def change(state: str, camera_id: str | None, seconds: float = 0, object_id: int = 7) -> TrackingChange:
    at = T0 + timedelta(seconds=seconds)
    return TrackingChange(object_id=object_id, state=state, camera_id=camera_id, at=at)


def states(overview: Overview, changes: list[TrackingChange]) -> Iterator[tuple[str, str, set[str]]]:
    for told in changes:
        overview.apply(told)
        search = overview.searches[told.object_id]
        yield search.state, search.camera_id, set(search.seen_on)


def test_a_search_goes_on_from_change_to_change() -> None:
    overview = Overview()
    changes = [
        change("started", "a"),
        change("features", "a", 1),
        change("seen", "a", 2),
        change("seen", "b", 3),
        change("features", "c", 4),
        change("lost", "b", 5),
        change("lost", "a", 6),
    ]
    assert list(states(overview, changes)) == [
        ("started", "a", set()),
        ("features", "a", set()),
        ("seen", "a", {"a"}),
        ("seen", "b", {"a", "b"}),
        ("seen", "b", {"a", "b"}),
        ("seen", "a", {"a"}),
        ("lost", "a", set()),
    ]
    assert overview.searches[7] == Search(7, "lost", "a", frozenset(), T0, T0 + timedelta(seconds=6))
    overview.apply(change("stopped", None))
    overview.apply(change("stopped", None, object_id=8))
    assert overview.searches == {}


def test_a_snapshot_replaces_what_was_known() -> None:
    overview = Overview()
    overview.apply(CameraChange("a", True, T0))
    overview.apply(change("started", "a"))
    overview.apply(Tracked(()))
    overview.apply(Cameras((CameraState("b", False, T0),)))
    assert (overview.cameras, overview.searches) == ({"b": CameraState("b", False, T0)}, {})


def test_it_forgets_the_cameras_that_the_server_forgets() -> None:
    world = World()
    hello = '{"type":"hello","features":["cameras"]}'

    def told(overview: Overview, somebody: Somebody) -> dict[str, CameraState]:
        for text in somebody.heard():
            event = decode_event(text)
            assert isinstance(event, Welcome | Cameras | CameraChange)
            overview.apply(event)
        return overview.cameras

    def come_and_go(*camera_ids: str) -> None:
        for camera_id in camera_ids:
            camera = world.processor(camera_id)
            world.at += 1
            camera.leaves()

    world.processor("stays")
    come_and_go("z", "a", "back again")
    watcher, overview = world.client(), Overview()
    watcher.says(hello)
    come_and_go("back again", *(f"of many {number}" for number in range(MAX_OFFLINE - 2)))
    remembered = told(overview, watcher)
    assert len(remembered) == 1 + MAX_OFFLINE
    assert {"stays", "a", "back again"} < remembered.keys()
    assert "z" not in remembered
    world.processor("a")
    come_and_go(*(f"of more {number}" for number in range(500)))
    newcomer = world.client()
    newcomer.says(hello)
    assert told(overview, watcher) == told(Overview(), newcomer)


def test_it_agrees_with_the_server() -> None:
    world = World()
    watcher, alice, cam1, cam2 = world.client(), world.client(), world.processor("cam1"), world.processor("cam2")
    hello = '{"type":"hello","features":["cameras","tracking"]}'
    watcher.says(hello)
    overview = Overview()

    def settle() -> None:
        """Take note of all changes, and compare with a new snapshot."""
        newcomer, fresh = world.client(), Overview()
        newcomer.says(hello)
        for somebody, view in ((watcher, overview), (newcomer, fresh)):
            for text in somebody.heard():
                event = decode_event(text)
                assert event is not None
                assert type(event).__name__ not in ("Error", "Accepted")
                view.apply(event)  # type: ignore[arg-type]
        assert overview.cameras == fresh.cameras
        assert {key: search[:5] for key, search in overview.searches.items()} == {
            key: search[:5] for key, search in fresh.searches.items()
        }

    steps: list[tuple[Any, dict[str, Any]]] = [
        (alice, {"type": "start", "cameraId": "cam1", "image": "i"}),
        (cam2, {"type": "boundingBoxes", "frameId": 1, "boxes": [{"objectId": 1}]}),
        (cam1, {"type": "featureMap", "objectId": 1, "featureMap": [1]}),
        (cam1, {"type": "boundingBoxes", "frameId": 1, "boxes": [{"objectId": 1}]}),
    ]
    for somebody, message in steps:
        somebody.says(json.dumps(message))
        settle()
    cam2.leaves()
    settle()
    world.at += 10
    for camera_id in ("cam1", "cam2"):
        world.remind(VisitDue(1, camera_id))
        settle()
    alice.says('{"type":"stop","objectId":1}')
    settle()
