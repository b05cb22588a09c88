import math

import msgspec
import pytest

from trio_orchestrator.client import Box, outgoing
from trio_orchestrator.protocol import inbound


@pytest.mark.parametrize(
    ("text", "json"),
    [
        (outgoing.authenticate("t"), b'{"type":"authenticate","jwt":"t"}'),
        (outgoing.identifier("cam1"), b'{"type":"identifier","id":"cam1"}'),
        (
            outgoing.bounding_boxes(1.0, [Box(3, (0, 0.25, 0.5, 1)), {"boxId": 4, "objectId": 7}]),
            b'{"type":"boundingBoxes","frameId":1.0,"boxes":'
            b'[{"boxId":3,"rect":[0,0.25,0.5,1]},{"boxId":4,"objectId":7}]}',
        ),
        (outgoing.bounding_boxes(0.5, ()), b'{"type":"boundingBoxes","frameId":0.5,"boxes":[]}'),
        (outgoing.feature_map(7, [0.5]), b'{"type":"featureMap","objectId":7,"featureMap":[0.5]}'),
        (
            outgoing.start("cam1", None, 12.0, 0, request_id="1"),
            b'{"type":"start","cameraId":"cam1","frameId":12.0,"boxId":0,"requestId":"1"}',
        ),
        (
            outgoing.start("cam1", "x", None, None, request_id="1"),
            b'{"type":"start","cameraId":"cam1","image":"x","requestId":"1"}',
        ),
        (outgoing.stop(7, request_id="2"), b'{"type":"stop","objectId":7,"requestId":"2"}'),
        (outgoing.set_uses_images(True), b'{"type":"setUsesImages","usesImages":true}'),
        (outgoing.subscribe(["a", "b"]), b'{"type":"subscribe","cameraIds":["a","b"]}'),
        (outgoing.subscribe(None), b'{"type":"subscribe","cameraIds":null}'),
    ],
)
def test_each_message_is_one_the_server_understands(text: bytes, json: bytes) -> None:
    assert text == json
    understood = [
        message
        for decoder in (inbound.CLIENT_MESSAGES, inbound.PROCESSOR_MESSAGES)
        if not isinstance(message := decoder.decode(text), inbound.Unknown)
    ]
    assert understood


def test_a_start_needs_something_to_start_with() -> None:
    for image, frame_id, box_id in ((None, None, None), (None, 1.0, None), (None, None, 3)):
        with pytest.raises(ValueError, match="image"):
            outgoing.start("cam1", image, frame_id, box_id, request_id="1")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_told(number: float) -> None:
    for boxes in ([Box(3, (0, 0, 1, number))], [{"rect": None, "certainty": number}]):
        with pytest.raises(ValueError, match="JSON"):
            outgoing.bounding_boxes(1.0, boxes)
    with pytest.raises(ValueError, match="JSON"):
        outgoing.bounding_boxes(number, ())
    with pytest.raises(ValueError, match="JSON"):
        outgoing.feature_map(7, {"layers": [[0.5, number]]})
    with pytest.raises(ValueError, match="JSON"):
        outgoing.start("cam1", None, number, 3, request_id="1")


def test_what_is_null_on_purpose_is_sent() -> None:
    assert outgoing.feature_map(7, {"raw": msgspec.Raw(b"null")}).endswith(b'"featureMap":{"raw":null}}')
    assert outgoing.feature_map(7, [None]) == b'{"type":"featureMap","objectId":7,"featureMap":[null]}'
    assert outgoing.bounding_boxes(1, [{"boxId": "null"}]) == (
        b'{"type":"boundingBoxes","frameId":1,"boxes":[{"boxId":"null"}]}'
    )


def test_a_feature_map_must_be_one() -> None:
    with pytest.raises(ValueError, match="None"):
        outgoing.feature_map(7, None)
