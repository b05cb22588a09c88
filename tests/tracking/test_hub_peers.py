"""Who is connected, who gets what, and who knows what, as transcripts."""

import pytest

from trio_orchestrator.protocol.codes import CloseCode

from .world import Seen, Somebody, World, kept

START = '{"type":"start","cameraId":"cam1","image":"i"}'
NO_BOXES = '{"type":"boundingBoxes","frameId":1,"boxes":[]}'
FEATURES = '{"type":"featureMap","objectId":1,"featureMap":[1]}'


# Cameras register.


def test_an_identifier_is_answered_with_a_feature_map_of_every_live_object_each_time() -> None:
    world = World(restored=[kept(1, b"", b"[1]", None), kept(2)])
    cam1 = world.processor()
    for camera_id in ("cam1", "cam1", "cam2"):
        cam1.says('{"type":"identifier","id":"' + camera_id + '"}')
        assert cam1.heard() == [
            '{"type":"featureMap","objectId":1,"featureMap":[1]}',
            '{"type":"featureMap","objectId":2,"featureMap":{}}',
        ]


@pytest.mark.parametrize("text", [NO_BOXES, FEATURES])
def test_before_its_identifier_a_processor_is_told_so_and_nobody_is_told_anything(text: str) -> None:
    world = World(restored=[kept(1)])
    alice, cam1, nobody = world.client(), world.processor("cam1"), world.processor()
    nobody.says(text)
    assert nobody.heard() == ["error: not_identified"]
    assert (alice.heard(), cam1.heard(), world.journal.feature_maps) == ([], [], [])


def test_another_identifier_on_the_same_socket_releases_the_first() -> None:
    world = World()
    alice, camera = world.client(), world.processor("cam1")
    camera.says('{"type":"identifier","id":"cam2"}')
    alice.says(START)
    assert alice.heard() == ["error: unknown_camera"]
    camera.says(NO_BOXES)
    assert alice.heard() == ['{"type":"boundingBoxes","cameraId":"cam2","frameId":1,"boxes":[]}']
    assert camera.outbox.closed is None


def test_a_newer_registration_wins_and_the_older_socket_only_ever_unregisters_itself() -> None:
    world = World()
    alice, old = world.client(), world.processor("cam1")
    new = world.processor("cam1")
    assert (old.outbox.closed, new.outbox.closed) == (CloseCode.REPLACED, None)
    old.says(NO_BOXES)
    assert (old.heard(), alice.heard()) == (["error: not_identified"], [])

    old.leaves()
    alice.says(START)
    assert (new.heard(), old.heard()) == (['{"type":"start","objectId":1,"image":"i"}'], [])
    new.leaves()
    alice.heard()
    alice.says(START)
    assert alice.heard() == ["error: unknown_camera"]


def test_a_camera_that_takes_another_s_name_gives_up_its_own() -> None:
    world = World()
    alice, one, two = world.client(), world.processor("cam1"), world.processor("cam2")
    two.says('{"type":"identifier","id":"cam1"}')
    assert (one.outbox.closed, two.outbox.closed) == (CloseCode.REPLACED, None)
    alice.says('{"type":"start","cameraId":"cam2","image":"i"}')
    assert alice.heard() == ["error: unknown_camera"]
    alice.says(START)
    assert two.heard() == ['{"type":"start","objectId":1,"image":"i"}']


def test_a_camera_that_leaves_is_unknown_and_hears_no_more() -> None:
    world = World()
    alice, cam1, nobody = world.client(), world.processor("cam1"), world.processor()
    alice.says(START)
    cam1.heard()
    cam1.leaves()
    nobody.leaves()
    alice.says(START)
    assert alice.heard() == ["error: unknown_camera"]
    alice.says('{"type":"stop","objectId":1}')
    assert cam1.heard() == []


# Boxes.


def test_boxes_go_to_every_client_verbatim_with_the_camera_s_id() -> None:
    world = World()
    alice, bob = world.client(images=True), world.client()
    cam, other = world.processor('cam \\"1\\"'), world.processor("cam2")
    cam.says('{"type":"boundingBoxes","frameId" : 1.0 ,"boxes": [ {"boxId" : 1.50,"x":"\\u0041\\/"} ] }')
    told = (
        '{"type":"boundingBoxes","cameraId":"cam \\"1\\"","frameId":1.0,"boxes":[ {"boxId" : 1.50,"x":"\\u0041\\/"} ]}'
    )
    assert (alice.heard(), bob.heard()) == ([told], [told])
    assert (cam.heard(), other.heard()) == ([], [])


def test_sightings_are_those_of_live_objects_with_the_time_they_came() -> None:
    world = World(restored=[kept(1), kept(2)])
    cam1 = world.processor("cam1")
    world.at = 1234.5
    boxes = '[{"objectId":2,"certainty":0.5},{"objectId":3},{"objectId":true},{"objectId":"1"},{},{"objectId":1}]'
    cam1.says('{"type":"boundingBoxes","frameId":1,"boxes":' + boxes + "}")
    assert cam1.heard() == []
    assert world.journal.sightings == [Seen(2, "cam1", 1234.5, 0.5), Seen(1, "cam1", 1234.5)]
    cam1.says('{"type":"boundingBoxes","frameId":1,"boxes":{"a":{"objectId":2}}}')
    assert world.journal.sightings[2:] == [Seen(2, "cam1", 1234.5)]


@pytest.mark.parametrize(
    "members",
    ['"frameId":null,"boxes":[]', '"frameId":1,"boxes":null', '"frameId":1,"boxes":[1]', '"frameId":1,"boxes":7'],
)
def test_boxes_are_checked_before_they_are_broadcast(members: str) -> None:
    world = World(restored=[kept(1)])
    alice, cam1 = world.client(), world.processor("cam1")
    cam1.says('{"type":"boundingBoxes",' + members + "}")
    assert (cam1.heard(), alice.heard(), world.journal.sightings) == (["error: invalid_message"], [], [])


def test_a_client_gets_the_boxes_it_subscribed_to() -> None:
    world = World()
    alice, bob = world.client(), world.client()
    cameras = [world.processor("cam1"), world.processor("cam2")]

    def whose_boxes(client: Somebody) -> list[str]:
        for camera in cameras:
            camera.says(NO_BOXES)
        return [told[len('{"type":"boundingBoxes","cameraId":"') :][:4] for told in client.heard()]

    for camera_ids, got in (
        ('["cam2"]', ["cam2"]),
        ('["cam1","cam3"]', ["cam1"]),
        ("[]", []),
        ("null", ["cam1", "cam2"]),
    ):
        alice.says('{"type":"subscribe","cameraIds":' + camera_ids + "}")
        assert alice.heard() == []  # no answer
        assert whose_boxes(alice) == got
    alice.says('{"type":"subscribe","cameraIds":[]}')
    alice.says('{"type":"subscribe"}')
    assert whose_boxes(alice) == ["cam1", "cam2"]
    assert len(bob.heard()) == 10


def test_a_client_that_left_gets_nothing() -> None:
    world = World()
    alice, cam1 = world.client(images=True), world.processor("cam1")
    alice.leaves()
    cam1.says(NO_BOXES)
    world.client().says(START)
    assert alice.heard() == []
    assert not any(outbox is alice.outbox for outbox in world.broadcast.wants)


# Images.


def test_a_client_that_uses_images_gets_what_is_live_and_has_one_then_all_that_starts_and_stops() -> None:
    world = World(restored=[kept(1, b'"i"', b"", None), kept(2)])
    alice, _cam1 = world.client(), world.processor("cam1")
    alice.says('{"type":"setUsesImages","usesImages":true}')
    assert alice.heard() == ['{"type":"newObject","objectId":1,"image":"i"}']
    alice.says('{"type":"setUsesImages","usesImages":true}')
    assert alice.heard() == ['{"type":"newObject","objectId":1,"image":"i"}']

    alice.says('{"type":"setUsesImages","usesImages":false}')
    alice.says(START)
    alice.says('{"type":"stop","objectId":1}')
    assert alice.heard() == []

    alice.says('{"type":"setUsesImages","usesImages":true}')
    assert alice.heard() == ['{"type":"newObject","objectId":3,"image":"i"}']
    world.expire(2)
    assert alice.heard() == ['{"type":"stop","objectId":2}']


def test_a_snapshot_that_waits_for_a_slow_client_holds_what_was_live_then_and_is_live_still() -> None:
    world = World(restored=[kept(1, b'"i"', b"", None), kept(2, b'"j"', b"", None)])
    alice, bob, _cam1 = world.client(), world.client(), world.processor("cam1")
    alice.outbox.slow = True
    alice.says('{"type":"setUsesImages","usesImages":true}')
    bob.says('{"type":"stop","objectId":1}')
    bob.says(START)
    alice.outbox.catch_up()
    assert alice.heard() == [
        '{"type":"newObject","objectId":2,"image":"j"}',
        '{"type":"stop","objectId":1}',
        '{"type":"newObject","objectId":3,"image":"i"}',  # once
    ]


# Who knows what: a stock processor dies of a `stop` for an object it has no features of.


@pytest.mark.parametrize("features", ["{}", "[]", "[ ]", "{ \\t}"])
def test_an_empty_feature_map_makes_nobody_know_an_object(features: str) -> None:
    features = features.replace("\\t", "\t")
    world = World(restored=[kept(1)])
    alice, cam1 = world.client(), world.processor("cam1")
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":' + features + "}")
    late = world.processor("cam2")
    assert cam1.heard() == ['{"type":"featureMap","objectId":1,"featureMap":' + features + "}"]
    alice.says('{"type":"stop","objectId":1}')
    assert (cam1.heard(), late.heard()) == ([], [])


@pytest.mark.parametrize("features", ["[0]", "0", '""', "false", "[{}]", '{"a":1}'])
def test_a_feature_map_that_is_not_empty_makes_all_who_get_it_know_the_object(features: str) -> None:
    world = World(restored=[kept(1)])
    alice, cam1, nobody = world.client(), world.processor("cam1"), world.processor()
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":' + features + "}")
    late = world.processor("cam2")
    cam1.heard()
    alice.says('{"type":"stop","objectId":1}')
    assert (cam1.heard(), late.heard()) == (['{"type":"stop","objectId":1}'],) * 2
    assert nobody.heard() == []


def test_what_a_processor_knows_it_does_not_forget_for_an_empty_feature_map_or_another_name() -> None:
    world = World(restored=[kept(1, b"", b"[1]", None)])
    alice, camera = world.client(), world.processor("cam1")
    camera.says('{"type":"featureMap","objectId":1,"featureMap":{}}')
    camera.says('{"type":"identifier","id":"cam2"}')
    camera.heard()
    alice.says('{"type":"stop","objectId":1}')
    assert camera.heard() == ['{"type":"stop","objectId":1}']


def test_what_a_processor_knows_belongs_to_its_socket() -> None:
    world = World()
    alice, old = world.client(), world.processor("cam1")
    alice.says('{"type":"start","cameraId":"cam1","frameId":1,"boxId":2}')
    old.leaves()
    new = world.processor("cam1")  # is sent `{}` for the object
    alice.says('{"type":"stop","objectId":1}')
    assert new.heard() == []


def test_a_processor_that_never_took_its_snapshot_does_not_know_what_was_in_it() -> None:
    world = World(restored=[kept(1, b"", b"[1]", None), kept(2, b"", b"[2]", None)])
    alice, cam1 = world.client(), world.processor()
    cam1.outbox.slow = True
    cam1.says('{"type":"identifier","id":"cam1"}')
    alice.says('{"type":"stop","objectId":1}')
    alice.says(START)
    cam1.outbox.catch_up()
    assert cam1.heard() == [
        '{"type":"featureMap","objectId":2,"featureMap":[2]}',
        '{"type":"start","objectId":3,"image":"i"}',  # and no feature map before
    ]
    alice.says('{"type":"stop","objectId":2}')
    assert cam1.heard() == ['{"type":"stop","objectId":2}']


# A camera that comes back.


def test_a_camera_that_comes_back_gets_its_start_again_where_only_an_image_tells_what_to_look_for() -> None:
    world = World(
        restored=[
            kept(1, b'"i"', camera_id="cam1"),
            kept(2, b"", camera_id="cam1"),
            kept(3, b'"j"', camera_id="cam2"),
            kept(4, b'"k"', b"[4]", camera_id="cam1"),
            kept(5, b'"l"', b"{}", camera_id="cam1"),
        ]
    )
    alice, cam1 = world.client(), world.processor()
    cam1.says('{"type":"identifier","id":"cam1"}')
    assert cam1.heard()[5:] == ['{"type":"start","objectId":1,"image":"i"}']
    cam1.says('{"type":"identifier","id":"cam1"}')  # has been there all the time
    assert len(cam1.heard()) == 5
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":{}}')
    new = world.processor()
    new.says('{"type":"identifier","id":"cam1"}')
    assert len(new.heard()) == 5  # it has answered
    for object_id in (1, 4):
        alice.says(f'{{"type":"stop","objectId":{object_id}}}')
    assert new.heard() == ['{"type":"stop","objectId":4}']


def test_what_waits_to_be_started_again_is_made_when_it_is_taken_and_still_needed() -> None:
    world = World(restored=[kept(number, b'"i"', camera_id="cam1") for number in (1, 2, 3)])
    alice, cam1 = world.client(), world.processor()
    cam1.outbox.slow = True
    cam1.says('{"type":"identifier","id":"cam1"}')
    alice.says('{"type":"stop","objectId":1}')
    cam1.says('{"type":"featureMap","objectId":2,"featureMap":[2]}')
    cam1.outbox.catch_up()
    assert cam1.heard() == [
        '{"type":"featureMap","objectId":2,"featureMap":[2]}',
        '{"type":"featureMap","objectId":3,"featureMap":{}}',
        '{"type":"start","objectId":3,"image":"i"}',
        '{"type":"featureMap","objectId":2,"featureMap":[2]}',
    ]
    alice.says('{"type":"stop","objectId":3}')
    assert cam1.heard() == ['{"type":"stop","objectId":3}']


def test_what_was_started_again_is_known() -> None:
    world = World(restored=[kept(1, b'"i"', camera_id="cam1")])
    alice, cam1 = world.client(), world.processor("cam1")
    alice.says('{"type":"stop","objectId":1}')
    assert cam1.heard() == ['{"type":"stop","objectId":1}']


# Frame ids: JavaScript makes 12 of 12.0, and a stock processor refuses an integer.


@pytest.mark.parametrize(
    ("frame_ids", "asked", "told"),
    [
        (["12.5"], "12", "12.0"),
        (["12.0"], "12", "12.0"),
        (["1e-1"], "12", "12.0"),
        (["-0.5"], "-12", "-12.0"),
        (["12.5"], "12.50", "12.50"),
        (["12.5"], "1e2", "1e2"),
        (["12.5"], '"12"', '"12"'),
        (["1", "2", "2.5", "3"], "12", "12.0"),
        (["12"], "12", "12"),
        ([], "12", "12"),
        (['"12.5"'], "12", "12"),
        (["[12.5]"], "12", "12"),
        (["12"], "12.0", "12.0"),
    ],
)
def test_a_start_carries_a_float_where_the_camera_s_frame_ids_are_floats(
    frame_ids: list[str], asked: str, told: str
) -> None:
    world = World()
    alice, cam1 = world.client(), world.processor("cam1")
    for frame_id in frame_ids:
        cam1.says('{"type":"boundingBoxes","frameId":' + frame_id + ',"boxes":[]}')
    alice.says('{"type":"start","cameraId":"cam1","frameId":' + asked + ',"boxId":1}')
    assert cam1.heard() == ['{"type":"start","objectId":1,"frameId":' + told + ',"boxId":1}']


def test_frame_ids_stay_floats_when_the_camera_comes_back() -> None:
    world = World()
    alice, first = world.client(), world.processor("cam1")
    first.says('{"type":"boundingBoxes","frameId":0.5,"boxes":[]}')
    newer = world.processor("cam1")  # takes its place
    alice.says('{"type":"start","cameraId":"cam1","frameId":12,"boxId":1}')
    assert newer.heard() == ['{"type":"start","objectId":1,"frameId":12.0,"boxId":1}']
    newer.leaves()
    newest = world.processor("cam1")
    alice.says('{"type":"start","cameraId":"cam1","frameId":12,"boxId":1}')
    assert '{"type":"start","objectId":2,"frameId":12.0,"boxId":1}' in newest.heard()


def test_frame_ids_are_floats_camera_by_camera() -> None:
    world = World()
    alice, camera, other = world.client(), world.processor("cam1"), world.processor("cam3")
    camera.says('{"type":"boundingBoxes","frameId":0.5,"boxes":[]}')
    camera.says('{"type":"identifier","id":"cam1"}')  # still the same camera
    alice.says('{"type":"start","cameraId":"cam1","frameId":1,"boxId":1}')
    camera.says('{"type":"identifier","id":"cam2"}')
    alice.says('{"type":"start","cameraId":"cam2","frameId":1,"boxId":1}')
    alice.says('{"type":"start","cameraId":"cam3","frameId":1,"boxId":1}')
    assert [told for told in camera.heard() if '"start"' in told] == [
        '{"type":"start","objectId":1,"frameId":1.0,"boxId":1}',
        '{"type":"start","objectId":2,"frameId":1,"boxId":1}',
    ]
    assert other.heard() == ['{"type":"start","objectId":3,"frameId":1,"boxId":1}']
