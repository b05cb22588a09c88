"""An object's life, as a transcript: who said what, and who was told what."""

import pytest

from trio_orchestrator.tracking.ports import Actor, NewObject, ObjectStop, StopReason

from .world import Seen, World, kept

START = '{"type":"start","cameraId":"cam1","image":"i"}'


def test_a_start_goes_to_that_processor_and_a_new_object_to_all_who_use_images() -> None:
    world = World()
    alice, bob, carol = world.client(images=True), world.client(), world.client(images=True)
    cam1, cam2 = world.processor("cam1"), world.processor("cam2")

    alice.says('{"type":"start","cameraId":"cam1","frameId":12.5,"boxId":3,"image":"a\\u0062"}')

    assert cam1.heard() == ['{"type":"start","objectId":1,"frameId":12.5,"boxId":3,"image":"a\\u0062"}']
    assert cam2.heard() == []
    assert alice.heard() == ['{"type":"newObject","objectId":1,"image":"a\\u0062"}']
    assert bob.heard() == []
    assert carol.heard() == ['{"type":"newObject","objectId":1,"image":"a\\u0062"}']


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ('"frameId":12.5,"boxId":3', '"frameId":12.5,"boxId":3'),
        ('"boxId":"b","frameId":"f"', '"frameId":"f","boxId":"b"'),
        ('"image":"i"', '"image":"i"'),
        ('"image":"i","boxId":null,"frameId":1.0', '"frameId":1.0,"image":"i"'),
    ],
)
def test_a_start_passes_on_what_was_given(members: str, told: str) -> None:
    world = World()
    cam1 = world.processor("cam1")
    world.client().says('{"type":"start","cameraId":"cam1",' + members + "}")
    assert cam1.heard() == ['{"type":"start","objectId":1,' + told + "}"]


def test_a_start_without_an_image_makes_an_object_without_one() -> None:
    world = World()
    alice = world.client(images=True)
    world.processor("cam1")
    alice.says('{"type":"start","cameraId":"cam1","frameId":1,"boxId":2}')
    assert alice.heard() == ['{"type":"newObject","objectId":1}']


def test_nothing_is_told_before_the_object_is_on_disk() -> None:
    world = World(tracking_timeout=60)
    world.holding = True
    alice, cam1 = world.client(images=True, actor=Actor("alice")), world.processor("cam1")

    alice.says('{"type":"start","cameraId":"cam1","image":"i","requestId":"r"}')
    assert (alice.heard(), cam1.heard(), world.live) == ([], [], set())
    assert world.held[0].pending.change == NewObject("cam1", b'"i"', 60, Actor("alice"))
    assert world.held[0].pending.request_id == "r"

    world.commit()
    assert cam1.heard() == ['{"type":"start","objectId":1,"image":"i"}']
    assert alice.heard() == [
        '{"type":"newObject","objectId":1,"image":"i"}',
        '{"type":"accepted","requestId":"r","objectId":1}',
    ]
    assert world.deadlines.running == {1: 60}


def test_what_the_disk_does_not_take_has_never_been() -> None:
    world = World()
    alice, cam1 = world.client(images=True), world.processor("cam1")
    alice.says(START)
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":[1]}')
    alice.heard(), cam1.heard()
    world.holding = True
    alice.says(START)
    alice.says('{"type":"stop","objectId":1}')
    world.fail()
    world.fail()
    assert (alice.heard(), cam1.heard(), world.live) == ([], [], {1})


@pytest.mark.parametrize(("request_id", "named"), [("", ""), (',"requestId":"r-1"', " for r-1")])
def test_an_unknown_camera_or_object_is_an_error_for_the_sender_alone(request_id: str, named: str) -> None:
    world = World()
    alice, bob = world.client(images=True), world.client(images=True)
    cam1, nobody = world.processor("cam1"), world.processor()

    alice.says('{"type":"start","cameraId":"cam2","image":"i"' + request_id + "}")
    assert alice.heard() == [f"error: unknown_camera{named}"]
    alice.says('{"type":"stop","objectId":1' + request_id + "}")
    assert alice.heard() == [f"error: unknown_object{named}"]
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":[1]}')
    assert cam1.heard() == ["error: unknown_object"]
    assert (bob.heard(), nobody.heard()) == ([], [])
    assert (world.held, world.changes, world.live) == ([], [], set())


def test_a_feature_map_goes_to_every_processor_the_sender_too_and_to_no_client() -> None:
    world = World()
    alice = world.client(images=True)
    cam1, cam2, nobody = world.processor("cam1"), world.processor("cam2"), world.processor()
    alice.says(START)
    alice.heard(), cam1.heard()

    cam2.says('{"type":"featureMap","objectId":1,"featureMap": [ 1.0,  2 ] }')

    assert cam1.heard() == ['{"type":"featureMap","objectId":1,"featureMap":[ 1.0,  2 ]}']
    assert cam2.heard() == ['{"type":"featureMap","objectId":1,"featureMap":[ 1.0,  2 ]}']
    assert (nobody.heard(), alice.heard()) == ([], [])
    assert world.journal.feature_maps == [(1, "[ 1.0,  2 ]")]


def test_a_stop_goes_to_the_processors_that_know_the_object_and_to_all_who_use_images() -> None:
    world = World()
    alice, bob, carol = world.client(images=True, actor=Actor("alice")), world.client(), world.client(images=True)
    cam1, cam2 = world.processor("cam1"), world.processor("cam2")
    alice.says(START)
    for peer in (alice, carol, cam1):
        peer.heard()

    alice.says('{"type":"stop","objectId":1,"requestId":"r"}')

    assert cam1.heard() == ['{"type":"stop","objectId":1}']
    assert cam2.heard() == []  # a stock processor would die of it
    assert alice.heard() == ['{"type":"stop","objectId":1}', '{"type":"accepted","requestId":"r","objectId":1}']
    assert carol.heard() == ['{"type":"stop","objectId":1}']
    assert bob.heard() == []
    assert world.changes[-1] == ObjectStop(1, Actor("alice"))
    assert world.live == set()
    assert world.journal.stops == []  # the change on disk says so already


def test_a_stopped_object_is_unknown_and_its_sightings_and_feature_maps_count_no_more() -> None:
    world = World()
    alice, cam1 = world.client(), world.processor("cam1")
    alice.says(START)
    alice.says('{"type":"stop","objectId":1}')
    cam1.heard()

    alice.says('{"type":"stop","objectId":1}')
    assert alice.heard() == ["error: unknown_object"]
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":[1]}')
    assert cam1.heard() == ["error: unknown_object"]
    cam1.says('{"type":"boundingBoxes","frameId":1,"boxes":[{"objectId":1}]}')
    assert cam1.heard() == []  # silence
    assert alice.heard() == ['{"type":"boundingBoxes","cameraId":"cam1","frameId":1,"boxes":[{"objectId":1}]}']
    assert (world.journal.sightings, world.journal.feature_maps) == ([], [])


def test_a_timeout_tells_whom_a_stop_tells() -> None:
    world = World(tracking_timeout=60)
    alice, bob = world.client(images=True), world.client()
    cam1, cam2, cam3 = (world.processor(camera) for camera in ("cam1", "cam2", "cam3"))
    alice.says(START)
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":[1]}')
    cam4 = world.processor("cam4")
    alice.says('{"type":"start","cameraId":"cam1","image":"other"}')
    for peer in (alice, cam1, cam2, cam3, cam4):
        peer.heard()

    world.expire(1)
    for peer in (alice, cam1, cam2, cam3, cam4):
        assert peer.heard() == ['{"type":"stop","objectId":1}']
    assert bob.heard() == []
    assert world.journal.stops == [(1, StopReason.TIMEOUT)]
    assert world.deadlines.running == {2: 60}


# Races.


def test_two_stops_at_once_are_both_accepted_and_told_once() -> None:
    world = World()
    alice, bob, cam1 = world.client(images=True), world.client(), world.processor("cam1")
    alice.says(START)
    alice.heard(), cam1.heard()
    world.holding = True
    alice.says('{"type":"stop","objectId":1,"requestId":"a"}')
    bob.says('{"type":"stop","objectId":1,"requestId":"b"}')

    world.commit(1)
    assert bob.heard() == ['{"type":"accepted","requestId":"b","objectId":1}']
    assert alice.heard() == ['{"type":"stop","objectId":1}']
    world.commit()
    assert alice.heard() == ['{"type":"accepted","requestId":"a","objectId":1}']
    assert cam1.heard() == ['{"type":"stop","objectId":1}']
    assert world.live == set()


def test_a_stop_that_is_pending_while_the_object_expires_is_accepted_and_told_once() -> None:
    world = World(tracking_timeout=60)
    alice, cam1 = world.client(images=True), world.processor("cam1")
    alice.says(START)
    alice.heard(), cam1.heard()
    world.holding = True
    alice.says('{"type":"stop","objectId":1,"requestId":"r"}')
    world.expire(1)
    assert (alice.heard(), cam1.heard()) == (['{"type":"stop","objectId":1}'], ['{"type":"stop","objectId":1}'])
    world.commit()
    assert alice.heard() == ['{"type":"accepted","requestId":"r","objectId":1}']
    assert cam1.heard() == []


def test_a_pending_stop_lets_the_object_live_until_it_is_on_disk() -> None:
    world = World()
    alice, cam1 = world.client(), world.processor("cam1")
    alice.says(START)
    world.holding = True
    alice.says('{"type":"stop","objectId":1}')
    cam1.says('{"type":"boundingBoxes","frameId":1,"boxes":[{"objectId":1}]}')
    assert world.journal.sightings == [Seen(1, "cam1", 1000.0)]
    world.commit()
    assert world.live == set()


def test_a_camera_that_leaves_while_its_start_is_pending_meets_the_object_when_it_is_back() -> None:
    world = World()
    world.holding = True
    alice, cam1 = world.client(images=True), world.processor("cam1")
    alice.says('{"type":"start","cameraId":"cam1","image":"i","requestId":"r"}')
    cam1.leaves()
    world.commit()
    assert cam1.heard() == []
    assert alice.heard() == [
        '{"type":"newObject","objectId":1,"image":"i"}',
        '{"type":"accepted","requestId":"r","objectId":1}',
    ]
    back = world.processor()
    back.says('{"type":"identifier","id":"cam1"}')
    assert back.heard() == [
        '{"type":"featureMap","objectId":1,"featureMap":{}}',
        '{"type":"start","objectId":1,"image":"i"}',
    ]


def test_a_camera_that_is_back_before_its_start_is_on_disk_gets_it() -> None:
    world = World()
    world.holding = True
    alice, old = world.client(), world.processor("cam1")
    alice.says(START)
    old.leaves()
    back = world.processor("cam1")
    world.commit()
    assert (old.heard(), back.heard()) == ([], ['{"type":"start","objectId":1,"image":"i"}'])
    alice.says('{"type":"stop","objectId":1}')
    world.commit()
    assert back.heard() == ['{"type":"stop","objectId":1}']


def test_a_client_that_leaves_while_its_start_is_pending_leaves_the_object_behind() -> None:
    world = World()
    world.holding = True
    alice, bob, cam1 = world.client(images=True), world.client(images=True), world.processor("cam1")
    alice.says(START)
    alice.leaves()
    world.commit()
    assert cam1.heard() == ['{"type":"start","objectId":1,"image":"i"}']
    assert (alice.heard(), bob.heard()) == ([], ['{"type":"newObject","objectId":1,"image":"i"}'])
    assert world.live == {1}


# What was live when the server last stopped.


def test_what_was_live_is_live_again() -> None:
    world = World(
        restored=[
            kept(3, b'"i"', b"[ 1 ]", 12.5),
            kept(5),
            kept(6, b'"j"', b"{}", -2.0),
        ]
    )
    assert world.deadlines.running == {3: 12.5, 5: None, 6: -2.0}
    alice, cam1 = world.client(), world.processor()
    alice.says('{"type":"setUsesImages","usesImages":true}')
    assert alice.heard() == [
        '{"type":"newObject","objectId":3,"image":"i"}',
        '{"type":"newObject","objectId":6,"image":"j"}',
    ]
    cam1.says('{"type":"identifier","id":"cam1"}')
    assert cam1.heard() == [
        '{"type":"featureMap","objectId":3,"featureMap":[ 1 ]}',
        '{"type":"featureMap","objectId":5,"featureMap":{}}',
        '{"type":"featureMap","objectId":6,"featureMap":{}}',
    ]
    for object_id in (3, 5):
        alice.says(f'{{"type":"stop","objectId":{object_id}}}')
    world.expire(6)
    assert cam1.heard() == ['{"type":"stop","objectId":3}']  # the only one it knows
    assert world.live == set()
