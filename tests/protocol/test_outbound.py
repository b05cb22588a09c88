"""What the orchestrator says, byte for byte: members in the contract's order, absent ones left out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trio_orchestrator.protocol.codes import ErrorCode
from trio_orchestrator.protocol.inbound import ABSENT
from trio_orchestrator.protocol.outbound import (
    NO_FEATURES,
    Accepted,
    CameraChange,
    Cameras,
    CameraState,
    Error,
    FeatureMapUpdate,
    Lagged,
    NewObjectNotice,
    StartCommand,
    StopNotice,
    Tracked,
    TrackedState,
    TrackingChange,
    Welcome,
    _Outbound,
    bounding_boxes,
    bounding_boxes_head,
    json_string,
)

FRAME, BOX, IMAGE = Raw(b"12.0"), Raw(b'"b"'), Raw(b'"a\\u0062\\/c"')


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            StartCommand(7, FRAME, BOX, IMAGE),
            '{"type":"start","objectId":7,"frameId":12.0,"boxId":"b","image":"a\\u0062\\/c"}',
        ),
        (StartCommand(7, FRAME, BOX), '{"type":"start","objectId":7,"frameId":12.0,"boxId":"b"}'),
        (StartCommand(7, image=IMAGE), '{"type":"start","objectId":7,"image":"a\\u0062\\/c"}'),
        (StartCommand(7, ABSENT, BOX, IMAGE), '{"type":"start","objectId":7,"boxId":"b","image":"a\\u0062\\/c"}'),
        (NewObjectNotice(7, IMAGE), '{"type":"newObject","objectId":7,"image":"a\\u0062\\/c"}'),
        (NewObjectNotice(7), '{"type":"newObject","objectId":7}'),
        (FeatureMapUpdate(7, Raw(b"[ 1,  2.50 ]")), '{"type":"featureMap","objectId":7,"featureMap":[ 1,  2.50 ]}'),
        (FeatureMapUpdate(7, NO_FEATURES), '{"type":"featureMap","objectId":7,"featureMap":{}}'),
        (StopNotice(7), '{"type":"stop","objectId":7}'),
        (Accepted("r-1", 7), '{"type":"accepted","requestId":"r-1","objectId":7}'),
        (
            Error(ErrorCode.UNKNOWN_CAMERA, 'no "cam1"'),
            '{"type":"error","code":"unknown_camera","message":"no \\"cam1\\""}',
        ),
        (Error(ErrorCode.NOT_JSON, "é", "r-1"), '{"type":"error","code":"not_json","message":"é","requestId":"r-1"}'),
        (Error(ErrorCode.NOT_JSON, "", ""), '{"type":"error","code":"not_json","message":"","requestId":""}'),
        (
            Welcome("o/1", ("cameras", "lagged"), "e"),
            '{"type":"welcome","server":"o/1","features":["cameras","lagged"],"epoch":"e"}',
        ),
        (
            Cameras((CameraState("c", True, "T"), CameraState("d", False, "T"))),
            '{"type":"cameras","cameras":[{"cameraId":"c","online":true,"since":"T"},'
            '{"cameraId":"d","online":false,"since":"T"}]}',
        ),
        (Cameras(()), '{"type":"cameras","cameras":[]}'),
        (CameraChange("c", False, "T"), '{"type":"camera","cameraId":"c","online":false,"since":"T"}'),
        (
            Tracked(
                (
                    TrackedState(
                        object_id=7, state="seen", camera_id="c", started_at="T", has_image=False, seen_on=("c", "d")
                    ),
                )
            ),
            '{"type":"tracked","objects":[{"objectId":7,"state":"seen","cameraId":"c","startedAt":"T",'
            '"hasImage":false,"seenOn":["c","d"]}]}',
        ),
        (
            TrackingChange(object_id=7, state="stopped", by="alice", reason="client", at="T"),
            '{"type":"tracking","objectId":7,"state":"stopped","by":"alice","reason":"client","at":"T"}',
        ),
        (Lagged(3), '{"type":"lagged","dropped":3}'),
    ],
)
def test_a_message_is_written_as_the_contract_has_it(message: _Outbound, text: str) -> None:
    assert message.encode() == text.encode()


def test_a_frame_of_boxes_is_written_as_the_contract_has_it() -> None:
    head = bounding_boxes_head('cam "1"')
    assert (
        b"".join(bounding_boxes(head, b"1.0", b'[ {"boxId" : 1.50} ]'))
        == b'{"type":"boundingBoxes","cameraId":"cam \\"1\\"","frameId":1.0,"boxes":[ {"boxId" : 1.50} ]}'
    )


@given(st.text())
def test_any_text_becomes_a_json_string(text: str) -> None:
    # A processor's reader and a browser's both give back what went in.
    assert json.loads(json_string(text)) == text
    assert json.loads(b"".join(bounding_boxes(bounding_boxes_head(text), b"1", b"[]")))["cameraId"] == text
