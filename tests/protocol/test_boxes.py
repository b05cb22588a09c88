"""What the boxes of a frame say: which objects were seen, whatever else they hold."""

import bisect
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from trio_orchestrator.protocol.boxes import MAX_BOXES, Certainty, Frame, read_frame
from trio_orchestrator.protocol.errors import InvalidMessage, NotJson, TooLarge
from trio_orchestrator.protocol.inbound import PROCESSOR_MESSAGES

REAL = '{"boxId":3,"rect":[0.1,0.2,0.3,0.4],"objectType":"person","certainty":0.97,"objectId":7}'


def parse(boxes: str) -> list[tuple[int, Certainty]]:
    frame = read_frame(Raw(b"1.5"), Raw(boxes.encode()))
    return list(zip(frame.object_ids, frame.certainties, strict=True))


@pytest.mark.parametrize(
    ("boxes", "sightings"),
    [
        ("[]", []),
        ("{}", []),
        ("[{}]", []),
        ('[{"boxId":1,"rect":[0,0,1,1],"objectType":"person","certainty":0.5}]', []),
        (f"[{REAL}]", [(7, 0.97)]),
        ('{"3":' + REAL + ',"4":{}}', [(7, 0.97)]),
        ('[{"objectId":2},{"objectId":1},{"objectId":2}]', [(2, None), (1, None), (2, None)]),
        ('[{"objectId":null}]', []),
        ('[{"objectId":7,"certainty":null}]', [(7, None)]),
        ('[{"objectId":7,"certainty":1}]', [(7, 1.0)]),
        # An id that is no integer passes with its frame and is no sighting.
        ('[{"objectId":true}]', []),
        ('[{"objectId":7.0}]', []),
        ('[{"objectId":7e0}]', []),
        ('[{"objectId":"7"}]', []),
        ('[{"objectId":[7]}]', []),
        ('[{"objectId":{"objectId":7}}]', []),
        ('[{"objectId":1e999}]', []),
        ('[{"objectId":%s}]' % ("9" * 5000), []),
        (
            '[{"objectId":"7"},{"objectId":8,"certainty":0.25},{"objectId":9,"certainty":"high"}]',
            [(8, 0.25), (9, None)],
        ),
        ('{"a":{"objectId":"7"},"b":{"objectId":8}}', [(8, None)]),
        # A certainty that is no number is none.
        ('[{"objectId":7,"certainty":"0.9"}]', [(7, None)]),
        ('[{"objectId":7,"certainty":true}]', [(7, None)]),
        ('[{"objectId":7,"certainty":1e999}]', [(7, None)]),
        ('[{"objectId":-1}]', [(-1, None)]),
        ('[{"objectId":%s}]' % ("9" * 30), [(int("9" * 30), None)]),
        # However the member's name is spelt.
        ('[{"object\\u0049d":7}]', [(7, None)]),
        ('[ { "objectId" : 7 } ]', [(7, None)]),
        # Only the box's own member counts.
        ('[{"inner":{"objectId":7}}]', []),
        ('[{"objectType":"objectId"}]', []),
        ('[{"objectid":7,"object_id":8}]', []),
    ],
)
def test_sightings_are_boxes_with_the_integer_id_of_an_object(
    boxes: str, sightings: list[tuple[int, float | None]]
) -> None:
    assert parse(boxes) == sightings


@pytest.mark.parametrize(
    "boxes", ["null", "7", '"box"', "true", "[1]", "[null]", "[[]]", f"[{REAL},1]", '{"a":1}', '{"a":[{}]}', '["\\\\"]']
)
def test_boxes_of_another_shape_are_invalid(boxes: str) -> None:
    with pytest.raises(InvalidMessage):
        parse(boxes)


@pytest.mark.parametrize("member", ["objectId", "other"])
def test_what_is_just_not_too_deep_for_the_decoder_may_be_invalid_here_and_nothing_worse(member: str) -> None:
    # Both stop where the stack ends, of which less is left here.
    deepest = bisect.bisect_left(range(100_000), True, key=lambda depth: nested(member, depth) is None) - 1
    outcomes = set()
    for depth in range(deepest - 20, deepest + 1):
        boxes = nested(member, depth)
        assert boxes is not None
        outcomes.add(parse_further_down(boxes, frames=10))
    assert outcomes <= {"none seen", "invalid"}


def nested(member: str, depth: int) -> bytes | None:
    """Boxes of that depth as they come out of a message; None where it is too deep."""
    box = b'{"%b":%b}' % (member.encode(), b"[" * (depth + 1) + b"]" * (depth + 1))
    try:
        message = PROCESSOR_MESSAGES.decode(b'{"type":"boundingBoxes","frameId":1,"boxes":[%b]}' % box)
    except (NotJson, InvalidMessage):
        return None
    assert isinstance(message, Frame)
    return message.boxes


def parse_further_down(boxes: bytes, frames: int) -> str:
    if frames:
        return parse_further_down(boxes, frames - 1)
    try:
        return "seen" if read_frame(Raw(b"1"), Raw(boxes)).object_ids else "none seen"
    except InvalidMessage:
        return "invalid"


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=6,
)
any_box = st.fixed_dictionaries(
    {},
    optional={
        "objectId": st.integers(-2, 9) | any_json,
        "certainty": st.floats(0, 1) | any_json,
        "boxId": any_json,
        'a\\"objectId"': any_json,
    },
)


@given(
    boxes=any_json
    | st.lists(any_box | any_json, max_size=4)
    | st.dictionaries(st.text(max_size=3), any_box, max_size=4)
)
@example(boxes=[{"objectId": 0}])
@example(boxes={"objectId": {"objectId": 1}})
def test_any_boxes_are_invalid_or_tell_who_was_seen(boxes: Any) -> None:
    try:
        found = parse(json.dumps(boxes))
    except InvalidMessage:
        assert not has_the_shape(boxes)
        return
    assert has_the_shape(boxes)
    seen = boxes.values() if isinstance(boxes, dict) else boxes
    assert [object_id for object_id, _ in found] == [box["objectId"] for box in seen if is_seen(box)]


def has_the_shape(boxes: Any) -> bool:
    members = boxes.values() if isinstance(boxes, dict) else boxes
    return isinstance(boxes, (dict, list)) and all(isinstance(box, dict) for box in members)


def is_seen(box: dict[str, Any]) -> bool:
    return isinstance(box.get("objectId"), int) and not isinstance(box["objectId"], bool)


def test_a_frame_has_an_end() -> None:
    for box in ("{}", '{"objectId":1}', '{"objectId":"x"}'):
        assert parse(f"[{','.join([box] * MAX_BOXES)}]") is not None
        with pytest.raises(TooLarge):
            parse(f"[{','.join([box] * (MAX_BOXES + 1))}]")
