"""What is compiled against what it takes the place of, and both against those who understand everything."""

import importlib.util
import json
import os
import random
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trio_orchestrator.protocol import fast_lane, usual
from trio_orchestrator.protocol.boxes import MAX_BOXES, Frame
from trio_orchestrator.protocol.errors import PeerError
from trio_orchestrator.protocol.inbound import PROCESSOR_MESSAGES
from trio_orchestrator.protocol.usual import UsualMembers

from .streams import BINARY, FIN, MASK, TEXT, frame

Part: TypeAlias = Any  # a module with the functions of either
ReadMembers: TypeAlias = Callable[[bytes], UsualMembers | None]

MEMBERS = [pytest.param(fast_lane.usual_members, id="installed"), pytest.param(usual.usual_members, id="Python")]
both_ways = pytest.mark.parametrize("part", [pytest.param(fast_lane, id="installed"), pytest.param(usual, id="Python")])
both_members = pytest.mark.parametrize("usual_members", MEMBERS)

REAL = '{"boxId":3,"rect":[0.1,0.2,0.3,0.4],"objectType":"person","certainty":0.97,"objectId":7}'
JAVASCRIPT = '{"type":"boundingBoxes","frameId":1.50,"boxes":[%s]}'
PYTHON = '{"type": "boundingBoxes", "frameId": "f", "boxes": [%s]}'


@pytest.mark.skipif("CI" not in os.environ, reason="on a desk there may be no C compiler")
def test_it_is_compiled_where_there_is_a_compiler() -> None:
    assert fast_lane.IS_COMPILED


def test_without_what_is_compiled_the_same_is_done_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trio_orchestrator.protocol.speedups", None)
    spec = importlib.util.find_spec(fast_lane.__name__)
    assert spec is not None
    assert spec.loader is not None
    without = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(without)
    assert not without.IS_COMPILED
    assert without.usual_text is usual.usual_text
    assert without.usual_texts is usual.usual_texts
    assert without.usual_members is usual.usual_members
    assert without.text_frame is usual.text_frame


# Texts out of WebSocket frames.

CAMERA = frame(FIN | TEXT, b"a" * 1000)
OTHERS = [
    frame(FIN | TEXT, b"a" * 125),
    frame(FIN | TEXT, b"a" * 125, length_bytes=2),
    frame(FIN | TEXT, b"a" * 65536),
    frame(FIN | TEXT, b"a" * 1000, length_bytes=8),
    frame(TEXT, b"a" * 1000),
    frame(FIN | BINARY, b"a" * 1000),
    frame(FIN | 0x40 | TEXT, b"a" * 1000),
    frame(FIN | TEXT, b"a" * 1000, mask=None),
    frame(FIN | TEXT, b"a" * 1001),
    *(frame(FIN | TEXT, b"a" * at + b"\x80" + b"a" * (990 - at)) for at in (0, 7, 8, *range(980, 991))),
    *(CAMERA[:size] for size in (0, 1, 2, 3, 7, 8, 9, len(CAMERA) - 1)),
]
"""No usual frames where a message may have 1,000 bytes."""


def ascii_of(length: int) -> bytes:
    return bytes(random.Random(length).choices(range(128), k=length))


@both_ways
@pytest.mark.parametrize("length", [126, 127, 128, 129, 130, 131, 132, 133, 134, 1000, 65535])
def test_a_usual_frame_is_a_text(part: Part, length: int) -> None:
    text = ascii_of(length)
    data = frame(FIN | TEXT, text, b"\0\xff\x80\x7f")
    assert part.usual_text(data, length) == part.usual_text(data, 1 << 40) == text
    assert part.usual_text(data, length - 1) is None
    assert part.usual_texts(b"before" + data + b"behind", 6, length) == ([text], 6 + len(data))


@both_ways
@pytest.mark.parametrize("data", OTHERS)
def test_any_other_frame_is_none(part: Part, data: bytes) -> None:
    assert part.usual_text(data, 1000) is None
    assert part.usual_texts(data, 0, 1000) == ([], 0)


@both_ways
@pytest.mark.parametrize(
    "data", [*(CAMERA + other for other in OTHERS if other), CAMERA * 2, CAMERA + MASK, CAMERA + MASK[:1]]
)
def test_a_usual_frame_beside_something_else_is_not_taken_for_one(part: Part, data: bytes) -> None:
    assert part.usual_text(data, 1000) is None


@both_ways
@pytest.mark.parametrize("behind", OTHERS)
def test_usual_frames_are_texts_up_to_what_is_none(part: Part, behind: bytes) -> None:
    texts = [ascii_of(length) for length in (126, 1000, 127, 999)]
    data = b"".join(frame(FIN | TEXT, text) for text in texts)
    assert part.usual_texts(data + behind, 0, 1000) == (texts, len(data))
    assert part.usual_texts(data + behind, 134, 1000) == (texts[1:], len(data))


@both_ways
@pytest.mark.parametrize("position", [1, len(CAMERA) - 8, len(CAMERA) - 1, len(CAMERA)])
def test_where_no_frame_begins_there_are_no_texts(part: Part, position: int) -> None:
    assert part.usual_texts(CAMERA, position, 1000) == ([], position)


sizes = st.integers(0, 300)


@given(data=st.binary(max_size=300), position=sizes, length=sizes, longest=sizes, number=st.integers(0, 3))
@example(data=b"", position=0, length=0, longest=0, number=0)
def test_the_same_comes_of_any_bytes(data: bytes, position: int, length: int, longest: int, number: int) -> None:
    usual_ones = frame(FIN | TEXT, ascii_of(200)) * number
    begun = b"\x81\xfe" + length.to_bytes(2, "big") + data
    for given_data in (data, begun, data[:position] + begun, usual_ones + begun, data[:position] + usual_ones + data):
        at = min(position, len(data))
        assert fast_lane.usual_text(given_data, longest) == usual.usual_text(given_data, longest)
        assert fast_lane.usual_texts(given_data, at, longest) == usual.usual_texts(given_data, at, longest)


# Frames out of texts.


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 70_000])
def test_parts_are_framed_as_one_text(length: int) -> None:
    text = bytes(random.Random(length).choices(range(128), k=length))
    framed = usual.text_frame(text)
    for at in (0, 1, length // 2, length):
        assert fast_lane.text_frame(text[:at], b"", text[at:]) == usual.text_frame(text[:at], text[at:]) == framed
    assert fast_lane.text_frame(*(bytes([byte]) for byte in text)) == framed
    assert fast_lane.text_frame() == usual.text_frame() == b"\x81\0"


# Boxes out of texts.


def in_a_box(members: str, *values: str) -> list[str]:
    return [JAVASCRIPT % f"{{{members % value}}}" for value in values]


@both_members
@pytest.mark.parametrize("form", [JAVASCRIPT, PYTHON])
@pytest.mark.parametrize(
    "boxes",
    [
        "",
        REAL,
        f"{{}}, {REAL}",
        '{"objectId":null,"certainty":null,"a":[{"objectId":1}]}',
        '{"rect": [0, -1, 5.1e-05, 0.1E+2], "objectType": "Fu\\u00dfg\\u00e4nger \\"1\\"", "is": [true, false, null]}',
        '{"objectType":"Fußgänger","attributes":{"colour":"red","\\u0061":{}},"objectId":0}',
        '{"objectId":1,"objectId":999999999999999999,"certainty":2,"certainty":1e-05}',
        '{"objectId":1,"objectId":null},{"objectId":1,"certainty":2,"certainty":null}',
        *(f'{{"objectId":3,"certainty":{number}}}' for number in ("0", "1", "0.0", "12.5E-01", "1e-99", "1e99")),
        *(f'{{"objectId":3,"certainty":{"0.987654321012345678987"[:end]}}}' for end in range(3, 24)),
        *(f'{{"objectId":3,"certainty":{"98765432101234567898"[:end]}.5}}' for end in range(1, 21)),
    ],
)
def test_usual_boxes_are_read_at_once(usual_members: ReadMembers, form: str, boxes: str) -> None:
    text = (form % boxes).encode()
    members = usual_members(text)
    assert members is not None
    assert Frame(*members) == looked_at_closely(text)


ODD = [
    # Each begins or ends as usual, and is not what it seems.
    '{"type":"boundingBoxes","frameId":1,"boxes":[],"boxes":[{"objectId":1}]}',
    '{"type":"boundingBoxes","frameId":1,"frameId":2,"boxes":[]}',
    '{"type":"boundingBoxes","frameId":1,"boxes":[]},"boxes":[]}',
    '{"type":"boundingBoxes","frameId":{"a":1,"boxes":[]},"boxes":[]}',
    '{"type":"boundingBoxes","frameId":01,"boxes":[]}',
    '{"type":"boundingBoxes","frameId":,"boxes":[]}',
    '{"type":"boundingBoxes","frameId":null,"boxes":[]}',
    '{"type":"boundingBoxes","frameId":1 ,"boxes":[]}',
    '{"type":"boundingBoxes","frameId":1,"boxes":[{}] }',
    '{"type":"boundingBoxes","frameId":1,"boxes":{}}',
    '{"type":"boundingBoxes","boxes":[]}',
    '{"type":"identifier","id":"cam1"}',
    "",
    "{",
    *(JAVASCRIPT % box for box in ("1", "{", "{]", "{},", "{}}", "[]", '{"a"}', '{"a":}', '{"a":1,}', "{,}", "{a:1}")),
    *in_a_box('"objectId":%s', '"7"', "7.0", "07", "-7", "7e0", "true", "[7]", "9" * 19),
    *in_a_box('"objectId":7,"certainty":%s', '"1"', "true", "[]", "1e999", ".5", "1.", "1e", "-0", "-0.0", "9" * 400),
    *in_a_box('"a":%s', "+1", "-", "00", "1.e5", "1e", "0x1", "NaN", "Infinity", "tru"),
    *in_a_box('"a":%s', "[1,]", "[,]", '{"b":1,}', '{"b":{"c":1,}}', '{"b"}', "{1:2}"),
    *in_a_box('"a":"%s"', "\\x", "\\'", "\\u123g", "\\ud800", "\\uDC00", "\\", "\\\0", '"', *map(chr, range(32))),
    *in_a_box('"object\\u0049d":%s', "7", '"7"'),
    JAVASCRIPT % ('{"a":' * 5000 + "[]"),
    JAVASCRIPT % ('{"a":' + "[" * 50 + "]" * 50 + "}"),
    JAVASCRIPT % ",".join([REAL] * (MAX_BOXES // len(REAL))),
    JAVASCRIPT % ",".join(["{}"] * (MAX_BOXES + 1)),
]


@both_members
@pytest.mark.parametrize("text", ODD)
def test_what_only_looks_usual_is_read_as_by_those_who_look_closely_or_not_at_all(
    usual_members: ReadMembers, text: str
) -> None:
    for end in (*range(min(len(text), 200)), len(text)):
        agrees(usual_members, text[:end].encode())


RICH = (
    '{"type":"boundingBoxes","frameId":-1.5E+9,"boxes":[{"objectId":70000,"certainty":0.97,"a":"\\u00e9\\n\\"","b":[[],{},[1,2],'
    '{"c":true,"\\ud0fF":null}],"objectIds":8},{"objectId":null,"certainty":null},{"objectId":10},{}]}'
)


@pytest.mark.parametrize("behind", [0, 1])
def test_each_byte_of_a_text_counts(behind: int) -> None:
    """Instead of each byte, or before it, any other one."""
    text = RICH.encode()
    assert fast_lane.usual_members(text) is not None
    for at in range(len(text) + 1):
        for byte in range(128):
            agrees(fast_lane.usual_members, text[:at] + bytes([byte]) + text[at + behind :])
        agrees(fast_lane.usual_members, text[:at] + text[at + 1 :])


@both_ways
def test_only_what_begins_as_usual_is_a_text(part: Part) -> None:
    for first in range(256):
        for second in range(256):
            data = bytes((first, second, 0, 200, *bytes(204)))
            is_usual = (first, second) == (0x81, 0xFE)
            assert (part.usual_text(data, 1000) is not None) is is_usual
            assert part.usual_texts(data, 0, 1000) == (([bytes(200)], 208) if is_usual else ([], 0))


@both_members
@pytest.mark.parametrize(("length", "is_read"), [(MAX_BOXES, True), (MAX_BOXES + 1, False)])
def test_of_many_boxes_the_number_is_looked_at_first(usual_members: ReadMembers, length: int, is_read: bool) -> None:
    text = JAVASCRIPT % ('{"a":"' + "a" * (length - len(JAVASCRIPT % '{"a":""}')) + '"}')
    assert len(text) == length
    assert (usual_members(text.encode()) is not None) is is_read


@pytest.mark.parametrize(("ids", "is_read"), [(256, True), (257, False)])
@pytest.mark.skipif(not fast_lane.IS_COMPILED, reason="Python takes any number")
def test_what_is_compiled_takes_so_many_ids(ids: int, is_read: bool) -> None:
    boxes = [f'{{"objectId":{number},"certainty":0.{number}}}' for number in range(ids)]
    text = (JAVASCRIPT % ",".join([*boxes, "{}", '{"objectId":null}'])).encode()
    assert (fast_lane.usual_members(text) is not None) is is_read
    agrees(fast_lane.usual_members, text)


@pytest.mark.parametrize(("depth", "is_read"), [(8, True), (9, False)])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.skipif(not fast_lane.IS_COMPILED, reason="Python has a depth of its own")
def test_what_is_compiled_reads_to_a_depth(opened: str, closed: str, depth: int, is_read: bool) -> None:
    text = JAVASCRIPT % f'{{"a":{opened * depth}1{closed * depth}}}'
    assert (fast_lane.usual_members(text.encode()) is not None) is is_read


@pytest.mark.parametrize(
    "read",
    [
        lambda: fast_lane.usual_text(CAMERA, 1000),
        lambda: fast_lane.usual_text(frame(FIN | TEXT, b"\xff" * 200), 1000),
        lambda: fast_lane.usual_texts(CAMERA * 3 + frame(FIN | TEXT, b"\xff" * 200), 0, 1000),
        lambda: fast_lane.usual_members(RICH.encode()),
        lambda: fast_lane.usual_members(RICH[:-1].encode()),
        lambda: fast_lane.text_frame(CAMERA, CAMERA),
    ],
)
def test_nothing_is_kept(read: Callable[[], object], no_collector: None) -> None:
    read()
    before, nothings = sys.getallocatedblocks(), sys.getrefcount(None)
    for _ in range(1000):
        read()
    assert sys.getallocatedblocks() < before + 500
    assert abs(sys.getrefcount(None) - nothings) < 500


@pytest.mark.skipif(not fast_lane.IS_COMPILED, reason="Python has errors of its own")
def test_what_is_compiled_may_be_misused() -> None:
    read_text: Any = fast_lane.usual_text
    read_texts: Any = fast_lane.usual_texts
    read_members: Any = fast_lane.usual_members
    make_frame: Any = fast_lane.text_frame
    for arguments in ((), (CAMERA,), (CAMERA, 1, 2), (bytearray(CAMERA), 1000), (CAMERA, "1000")):
        with pytest.raises(TypeError):
            read_text(*arguments)
    for misused in ((), (CAMERA, 0), (CAMERA, 0, 1, 2), (bytearray(CAMERA), 0, 1), (CAMERA, "0", 1), (CAMERA, 0, "1")):
        with pytest.raises(TypeError):
            read_texts(*misused)
    with pytest.raises(OverflowError):
        read_text(CAMERA, 1 << 70)
    with pytest.raises(OverflowError):
        read_texts(CAMERA, 1 << 70, 1000)
    for position in (-1, len(CAMERA) + 1, 1 << 62):
        with pytest.raises(ValueError, match="position"):
            read_texts(CAMERA, position, 1000)
    with pytest.raises(TypeError):
        read_members(bytearray(RICH.encode()))
    for parts in ((bytearray(CAMERA),), (CAMERA, "a"), (CAMERA, None, CAMERA)):
        with pytest.raises(TypeError):
            make_frame(*parts)


any_number = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
any_value = st.recursive(
    st.none() | st.booleans() | any_number | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=6,
)
any_boxes = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "boxId": any_value,
            "rect": st.lists(any_number, max_size=4),
            "objectType": st.text(max_size=9),
            "certainty": st.floats(0, 1) | any_value,
            "objectId": st.integers(-2, 1 << 70) | any_value,
            "": any_value,
        },
    ),
    max_size=4,
)


@given(
    boxes=any_boxes,
    frame_id=st.floats(0, 2e9) | any_value,
    ascii_only=st.booleans(),
    separators=st.sampled_from([None, (",", ":"), (" ,\n", "\t: \r")]),
)
def test_any_boxes_are_read_alike(boxes: Any, frame_id: Any, ascii_only: bool, separators: Any) -> None:
    message = {"type": "boundingBoxes", "frameId": frame_id, "boxes": boxes}
    text = json.dumps(message, ensure_ascii=ascii_only, separators=separators).encode("utf-8", "replace")
    for usual_members in (fast_lane.usual_members, usual.usual_members):
        agrees(usual_members, text)


PIECES = ["{", "}", "[", "]", ",", ":", '"', "\\", " ", "\0", "1", "-", ".", "e9", "null", '{"objectId":7}', REAL]
PIECES += ['"objectId":', '"certainty":', '"boxes":', ',"boxes":[', ', "boxes": [']
pieces = st.sampled_from(PIECES)


@given(
    form=st.sampled_from([JAVASCRIPT % "%s", JAVASCRIPT % f"{REAL},%s", PYTHON]),
    inner=st.lists(pieces | st.text(max_size=2), max_size=8).map("".join),
    at=st.integers(0, 150),
    gone=st.integers(0, 3),
)
def test_what_was_changed_anywhere_is_read_alike(form: str, inner: str, at: int, gone: int) -> None:
    text = form % inner
    for changed in (text, text[:at] + inner + text[at + gone :]):
        for usual_members in (fast_lane.usual_members, usual.usual_members):
            agrees(usual_members, changed.encode("utf-8", "replace"))


def agrees(usual_members: ReadMembers, text: bytes) -> None:
    """Assert that it reads `text` as it is read where it does not look usual, or leaves it."""
    members = usual_members(text)
    if members is not None:
        closely = looked_at_closely(text)
        assert closely == Frame(*members)
        assert repr(closely) == repr(Frame(*members))  # 1 equals 1.0, and 0.0 equals -0.0, but they are not the same


def looked_at_closely(text: bytes) -> object:
    """What the text says, read in the way that takes nothing for usual; None where that is nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trio_orchestrator.protocol.inbound.usual_members", lambda _text: None)
        try:
            return PROCESSOR_MESSAGES.decode(text)
        except PeerError:
            return None
