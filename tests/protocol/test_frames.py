"""The fast lane against wsproto: a session sees the same messages, the peer the same answers."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol

from trio_orchestrator.protocol import usual
from trio_orchestrator.protocol.frames import PING_FRAME, ForEngine, FrameReader, text_frame, text_frame_header

from .streams import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    TEXT,
    Engine,
    FastLane,
    cut,
    frame,
    masks,
    reads,
    texts,
)

pytestmark = pytest.mark.usefixtures("either_way")


def told(lane: Engine | FastLane, *data: bytes) -> list[str | bytes]:
    return [said for piece in data for said in lane.feed(piece)]


@given(reads())
@example([frame(FIN | TEXT, b"a"), frame(FIN | CLOSE, b""), frame(FIN | TEXT, b"b")])
@example([frame(TEXT, b"\xe2\x82"), frame(FIN | PING, b""), frame(FIN | CONTINUATION, b"\xac")])
@example([frame(TEXT, b"\xe2\x82"), frame(FIN | CONTINUATION, b"\xe2\x82")])
@example([frame(TEXT, b""), frame(FIN | TEXT, b"")])
@example([frame(BINARY, b"\xff"), frame(FIN | 0x40, b"")])
def test_what_comes_of_any_stream_is_what_wsproto_makes_of_it(data: list[bytes]) -> None:
    ours, theirs = FastLane(), Engine()
    seen: list[str | bytes] = []
    expected: list[str | bytes] = []
    for piece in data:
        seen += told(ours, piece)
        expected += told(theirs, piece)
        assert seen == expected[: len(seen)]  # a whole message may be told later than its pieces, but not otherwise
    assert seen == expected


WHOLE_STORY = b"".join(
    [
        frame(FIN | TEXT, b"a" * 125),
        frame(FIN | BINARY, b"b" * 126),
        frame(TEXT, b"\xe2"),
        frame(FIN | PING, b"are you there"),
        frame(CONTINUATION, b"\x82"),
        frame(CONTINUATION, b""),
        frame(FIN | CONTINUATION, b"\xac"),
        frame(FIN | BINARY, b"\xff"),
        frame(FIN | TEXT, b""),
        frame(FIN | CLOSE, b"\x03\xe8bye"),
        frame(FIN | TEXT, b"too late"),
    ]
)
TOLD = [b"a" * 125, b"b" * 126, f"pong {b'are you there'.hex()}", "€".encode(), "not text", b"", "closed: 1000"]


def test_a_stream_may_be_cut_at_any_two_points() -> None:
    for first, second in itertools.combinations(range(0, len(WHOLE_STORY), 3), 2):
        assert told(FastLane(), *cut(WHOLE_STORY, (first, second))) == TOLD


def test_a_stream_may_come_byte_by_byte() -> None:
    assert told(FastLane(), *cut(WHOLE_STORY, range(len(WHOLE_STORY)))) == TOLD


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 65534, 65535, 65536, 65537])
def test_messages_of_every_form_of_length_pass(length: int) -> None:
    payload = bytes(itertools.islice(itertools.cycle(b"abcdefg"), length))
    assert told(FastLane(), frame(FIN | TEXT, payload)) == [payload]
    assert told(FastLane(), frame(FIN | TEXT, payload, bytes(4))) == [payload]
    assert told(FastLane(), frame(TEXT, payload), frame(FIN | CONTINUATION, payload)) == [payload + payload]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        *((frame(FIN | TEXT | reserved, b"a"), 1002) for reserved in (0x10, 0x20, 0x40)),
        *((frame(FIN | opcode, b"a"), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
        *((frame(FIN | opcode, b"a", mask=None), 1002) for opcode in (TEXT, BINARY, PING, CLOSE)),
        (frame(FIN | TEXT, b"a" * 200, mask=None), 1002),
        (frame(FIN | TEXT, b"a" * 125, length_bytes=2), 1002),
        (frame(FIN | TEXT, b"a" * 125, length_bytes=8), 1002),
        (frame(FIN | TEXT, b"a" * 65535, length_bytes=8), 1002),
        (b"\x81\xff\x80" + bytes(11), 1002),
        (frame(FIN | PING, b"a" * 126), 1002),
        (frame(PING, b"a"), 1002),
        (frame(CLOSE, b""), 1002),
        (frame(FIN | CONTINUATION, b"a"), 1002),
        (frame(CONTINUATION, b"a"), 1002),
        (frame(TEXT, b"a") + frame(FIN | TEXT, b"a"), 1002),
        (frame(TEXT, b"a") + frame(BINARY, b"a"), 1002),
        (frame(FIN | TEXT, b"\xff"), 1007),
        (frame(FIN | TEXT, b"\xed\xa0\x80"), 1007),  # half a character
        (frame(FIN | TEXT, b"\xc0\x80"), 1007),  # the long way round
        (frame(TEXT, b"\xe2\x82") + frame(FIN | CONTINUATION, b""), 1007),
        (frame(TEXT, b"\xe2\x82") + frame(CONTINUATION, b"a"), 1007),
        (frame(FIN | CLOSE, b"\x03"), 1002),
        (frame(FIN | CLOSE, b"\x03\xed"), 1002),  # 1005 is not to be sent
        (frame(FIN | CLOSE, b"\x03\xe8\xff"), 1007),
    ],
)
def test_a_breach_of_the_protocol_ends_as_the_rfc_says(wrong: bytes, code: int) -> None:
    good = frame(FIN | TEXT, b"good")
    for data in ([good, wrong, good], [good + wrong + good], cut(good + wrong + good, range(60))):
        assert told(FastLane(), *data) == [b"good", f"closed: {code}"]


def test_after_a_closing_frame_nothing_is_read() -> None:
    reader = FrameReader(100)
    closing = frame(FIN | CLOSE, b"")
    received = list(reader.receive(closing + frame(FIN | TEXT, b"late") + frame(FIN | PING, b"late")))
    assert received == [ForEngine(closing)]
    assert list(reader.receive(frame(FIN | TEXT, b"later"))) == []


# A limit on messages.


def test_the_limit_is_met_exactly() -> None:
    assert told(FastLane(1000), frame(FIN | TEXT, b"a" * 1000)) == [b"a" * 1000]
    assert told(FastLane(1000), frame(FIN | TEXT, b"a" * 1001)) == ["too long"]
    assert told(FastLane(1000), frame(FIN | BINARY, b"\xff" * 1001)) == ["too long"]
    # In bytes, not in characters.
    assert told(FastLane(1000), frame(FIN | TEXT, "é".encode() * 500)) == ["é".encode() * 500]
    assert told(FastLane(1000), frame(FIN | TEXT, "é".encode() * 501)) == ["too long"]


def test_the_limit_counts_all_fragments() -> None:
    fragments = [frame(TEXT, b"a" * 400), frame(CONTINUATION, b"b" * 400)]
    rest = frame(FIN | CONTINUATION, b"c" * 200)
    assert told(FastLane(1000), *fragments, rest) == [b"a" * 400 + b"b" * 400 + b"c" * 200]
    assert told(FastLane(999), *fragments, rest) == ["too long"]
    # Each message anew.
    assert len(told(FastLane(1000), *fragments, rest, *fragments, rest)) == 2


@pytest.mark.parametrize("first", [FIN | TEXT, TEXT, FIN | BINARY])
def test_a_message_that_announces_to_be_too_long_is_told_before_its_payload_comes(first: int) -> None:
    head = frame(first, b"a" * 70_000)[:14]
    lane = FastLane(69_999)
    assert told(lane, *cut(head[:-1], range(13))) == []
    assert told(lane, head[-1:]) == ["too long"]
    assert told(lane, b"x" * 1000) == []  # its payload, told of once
    assert told(FastLane(70_000), head) == []


@pytest.mark.parametrize("fragments", [1, 2, 5])
@pytest.mark.parametrize("pieces", [1, 7, 500])
def test_control_frames_are_found_behind_a_message_that_is_too_long(fragments: int, pieces: int) -> None:
    payload = frame(FIN | PING, b"a trap") * 50
    long = [frame(TEXT, payload), *([frame(CONTINUATION, payload)] * (fragments - 1)), frame(FIN | CONTINUATION, b"")]
    ping, closing = frame(FIN | PING, b"x"), frame(FIN | CLOSE, b"\x03\xf1")
    stream = b"".join([*long, ping, frame(FIN | TEXT, b"no more messages"), closing])
    data = cut(stream, range(0, len(stream), max(len(stream) // pieces, 1)))
    assert told(FastLane(100), *data) == ["too long", "pong 78", "closed: 1009"]


@given(texts, masks, st.lists(st.integers(0, 1_000_000), max_size=5))
def test_behind_a_message_that_is_too_long_nothing_is_kept(payload: bytes, mask: bytes, cuts: list[int]) -> None:
    too_long, ping = frame(FIN | TEXT, payload + b"x", mask), frame(FIN | PING, b"x")
    assert told(FastLane(len(payload)), *cut(too_long + ping + too_long, cuts)) == ["too long", "pong 78"]


# What is sent.


both_text_frames = pytest.mark.parametrize(
    "text_frame", [pytest.param(text_frame, id="installed"), pytest.param(usual.text_frame, id="Python")]
)


@both_text_frames
@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 65537, 200_000, 1 << 24])
def test_a_text_frame_is_what_wsproto_writes(text_frame: Callable[..., bytes], length: int) -> None:
    message = "x" * length
    theirs = FrameProtocol(client=False, extensions=[]).send_data(message)
    assert text_frame(message.encode()) == theirs
    assert text_frame_header(length) + message.encode() == theirs


@both_text_frames
@given(parts=st.lists(st.text(max_size=100), max_size=6))
def test_any_text_frame_is_what_wsproto_writes(text_frame: Callable[..., bytes], parts: list[str]) -> None:
    theirs = FrameProtocol(client=False, extensions=[]).send_data("".join(parts))
    assert text_frame(*(part.encode() for part in parts)) == theirs


def test_a_ping_is_what_wsproto_writes() -> None:
    assert FrameProtocol(client=False, extensions=[]).ping() == PING_FRAME


@pytest.mark.parametrize(
    "data",
    [
        frame(FIN | TEXT, b"a" * 125),
        frame(FIN | TEXT, b"a" * 65536),
        frame(FIN | TEXT, b"a" * 126)[:-1],
        frame(FIN | TEXT, b"a" * 126) + b"\x81",
        frame(FIN | TEXT, b"a" * 126) * 2,
        frame(FIN | TEXT, "é".encode() * 63),
        frame(FIN | TEXT, b"a" * 1001),
        frame(TEXT, b"a" * 126),
        frame(FIN | BINARY, b"a" * 126),
    ],
)
def test_what_is_not_one_usual_frame_is_not_taken_for_one(data: bytes) -> None:
    reader = FrameReader(1000)
    assert reader.receive_one(data) is None
    assert reader.receive_one(frame(FIN | TEXT, b"b" * 1000)) == b"b" * 1000


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    "before",
    [
        frame(FIN | TEXT, b"a" * 200)[:100],
        frame(TEXT, b"a"),
        frame(FIN | TEXT, b"a" * 1001),
        frame(FIN | TEXT, b"a" * 2000)[:500],
        frame(FIN | CLOSE, b""),
        b"\xff\xff",
    ],
)
def test_a_usual_frame_behind_something_else_is_no_message(before: bytes, at_once: bool) -> None:
    reader, usual_one = FrameReader(1000), frame(FIN | TEXT, b"b" * 200)
    came = [] if at_once else list(reader.receive(before))
    came += reader.receive(before + usual_one if at_once else usual_one)
    assert reader.receive_one(usual_one) is None
    came += reader.receive(usual_one)
    assert b"b" * 200 not in came


def test_a_longer_limit_holds_from_the_next_message_on() -> None:
    reader = FrameReader(1000)
    usual_one, longer = frame(FIN | TEXT, b"a" * 200), frame(FIN | TEXT, b"b" * 2000)
    for begun in (0, 50):  # the second time behind a rest
        reader.max_message_bytes = 1000
        assert [received for received in reader.receive(usual_one[:begun]) if received] == []
        items = reader.receive(usual_one[begun:] + usual_one + longer + usual_one)
        assert [next(items), next(items)] == [b"a" * 200, b"a" * 200]
        reader.max_message_bytes = 2000
        assert list(items) == [b"b" * 2000, b"a" * 200]


@pytest.mark.parametrize(
    "before",
    [
        [frame(FIN | TEXT, b"a" * 200)[:100], frame(FIN | TEXT, b"a" * 200)[100:]],
        [frame(TEXT, b"a"), frame(FIN | CONTINUATION, b"b")],
        [frame(FIN | PING, b"")],
        [frame(FIN | TEXT, b"a" * 200) * 2],
    ],
)
def test_a_usual_frame_behind_what_has_come_to_its_end_is_read_by_itself(before: list[bytes]) -> None:
    reader = FrameReader(1000)
    for data in before:
        list(reader.receive(data))
    assert reader.receive_one(frame(FIN | TEXT, b"b" * 200)) == b"b" * 200
