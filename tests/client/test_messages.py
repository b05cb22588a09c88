import pytest

from trio_orchestrator.client.messages import (
    COMMANDS,
    Accepted,
    BoundingBoxes,
    Box,
    Command,
    Error,
    Event,
    FeatureMap,
    NewObject,
    NotUnderstood,
    Start,
    Stop,
    Stopped,
    decode_event,
    key_of,
)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"type":"start","objectId":7,"frameId":1.0,"boxId":3}', Start(7, 1.0, 3)),
        ('{"type":"start","objectId":7,"frameId":"a","boxId":"b","image":"x"}', Start(7, "a", "b", "x")),
        ('{"type":"start","objectId":7,"image":"x","newer":[1]}', Start(7, image="x")),
        ('{"type":"stop","objectId":7}', Stop(7)),
        ('{"type":"featureMap","objectId":7,"featureMap":[0.5]}', FeatureMap(7, [0.5])),
        ('{"type":"error","code":"not_json","message":"m"}', Error("not_json", "m")),
        ('{"type":"of a newer version"}', None),
    ],
)
def test_commands(text: str, command: object) -> None:
    assert COMMANDS.decode(text) == command
    assert COMMANDS.decode(text.encode()) == command


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ('{"type":"newObject","objectId":7}', NewObject(7)),
        ('{"type":"newObject","objectId":7,"image":"x"}', NewObject(7, "x")),
        ('{"type":"stop","objectId":7}', Stopped(7)),
        ('{"type":"accepted","requestId":"1","objectId":7}', Accepted("1", 7)),
        ('{"type":"of a newer version"}', None),
    ],
)
def test_events(text: str, event: object) -> None:
    assert decode_event(text) == event


BOX = '{"boxId":3,"rect":[0,0.25,0.5,1],"objectType":"person","certainty":0.97,"objectId":7}'


@pytest.mark.parametrize("boxes", [f"[{BOX}]", f'{{"any":{BOX}}}', f'[{BOX},{{"boxId":4}}]', f"[17,{BOX}]"])
def test_boxes_of_either_shape_and_odd_ones_left_out(boxes: str) -> None:
    event = decode_event(f'{{"type":"boundingBoxes","cameraId":"cam1","frameId":12.0,"boxes":{boxes}}}')
    assert event == BoundingBoxes("cam1", 12.0, (Box(3, (0, 0.25, 0.5, 1), "person", 0.97, 7),))
    assert isinstance(event, BoundingBoxes)
    assert isinstance(event.frame_id, float)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type":7}',
        '{"type":"stop"}',
        '{"type":"stop","objectId":"7"}',
        "[" * 100_000,
        '{"type":"boundingBoxes","cameraId":"cam1","frameId":1,"boxes":7}',
        '{"type":"camera","cameraId":"cam1","online":true,"since":"2026-11-22T08:15:30.123"}',
        '{"type":"cameras","cameras":[{"cameraId":"cam1","online":true,"since":"2026-11-22T08:15:30.123"}]}',
        '{"type":"tracking","objectId":7,"state":"seen","cameraId":"cam1","at":"2026-11-22T08:15:30.123"}',
        '{"type":"tracked","objects":[{"objectId":7,"state":"seen","cameraId":"a","startedAt":"2026-11-22T08:15:30"}]}',
        b'{"type":"stop","objectId":7,"newer":"\xff"}',
        b'{"type":"boundingBoxes","cameraId":"cam1","frameId":1,"boxes":[{"boxId":"\xff","rect":[0,0,1,1]}]}',
        b"\xff",
    ],
)
def test_what_is_not_of_the_contract_is_told(text: str | bytes) -> None:
    with pytest.raises(NotUnderstood):
        decode_event(text)


def test_what_is_said_again_is_told_apart_by_kind_and_object() -> None:
    said_again: list[Command | Event] = [
        FeatureMap(7, {}),
        FeatureMap(8, {}),
        Start(7, 1.0, 3, "x"),
        Start(8, image="x"),
        NewObject(7, "x"),
    ]
    assert len({key_of(message) for message in said_again} - {None}) == len(said_again)
    assert key_of(FeatureMap(7, {})) == key_of(FeatureMap(7, [0.5]))
    said_once: list[Command | Event] = [Start(7, 1.0, 3), NewObject(7), Stop(7), Stopped(7), Error("not_json")]
    assert {key_of(message) for message in said_once} == {None}


@pytest.mark.parametrize(("features", "is_empty"), [({}, True), ([], True), (None, True), ([0.0], False), (0, False)])
def test_empty_feature_maps(features: object, is_empty: bool) -> None:
    assert FeatureMap(7, features).is_empty is is_empty
