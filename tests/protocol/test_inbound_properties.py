"""Whatever text a peer sends, and whatever JSON: a message, or one of the two documented errors."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from msgspec import Raw

from trio_orchestrator.protocol.errors import InvalidMessage, NotJson
from trio_orchestrator.protocol.inbound import ABSENT, CLIENT_MESSAGES, PROCESSOR_MESSAGES, Inbound, Unknown

pytestmark = pytest.mark.usefixtures("either_way")

CLIENT_TYPES = {"hello", "start", "stop", "setUsesImages", "authenticate", "subscribe"}
PROCESSOR_TYPES = {"hello", "identifier", "boundingBoxes", "featureMap", "authenticate"}
TYPES = sorted(CLIENT_TYPES | PROCESSOR_TYPES)
MEMBERS = ["type", "cameraId", "image", "frameId", "boxId", "objectId", "requestId", "usesImages", "jwt", "cameraIds"]
MEMBERS += ["id", "boxes", "featureMap", "features"]
TYPES = [
    "hello",
    "start",
    "stop",
    "setUsesImages",
    "authenticate",
    "subscribe",
    "identifier",
    "boundingBoxes",
    "featureMap",
]

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
any_message = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | any_json},
    optional={member: st.text(max_size=5) | st.integers() | any_json for member in MEMBERS[1:]},
)


@st.composite
def almost_json(draw: DrawFn) -> str:
    """A message with something put in, and something cut off."""
    text = json.dumps(draw(any_message), ensure_ascii=draw(st.booleans()))
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.text(max_size=2) | st.sampled_from(["NaN", "[", "}", '"', "\\u00", "e9"])) + text[at:]


@given(text=(st.text() | almost_json()).map(str.encode))
@example(text=b'{"type":"stop","objectId":1}\0')
@example(text=b'{"type":"stop","objectId":"x"}]')
def test_any_text_ends_in_a_message_or_a_documented_error(text: bytes) -> None:
    for decoder in (CLIENT_MESSAGES, PROCESSOR_MESSAGES):
        try:
            decoder.decode(text)
        except NotJson:
            assert not is_json(text) or b"\\u" in text  # half a character, of which Python makes nothing
        except InvalidMessage:
            assert is_json(text)


@given(document=any_json | any_message, escaped=st.booleans())
def test_any_json_ends_in_a_message_or_is_invalid(document: Any, escaped: bool) -> None:
    text = json.dumps(document, ensure_ascii=escaped).encode()
    for decoder, types in ((CLIENT_MESSAGES, CLIENT_TYPES), (PROCESSOR_MESSAGES, PROCESSOR_TYPES)):
        well_typed = isinstance(document, dict) and isinstance(document.get("type"), str)
        try:
            message = decoder.decode(text)
        except InvalidMessage as error:
            given_id = document.get("requestId") if isinstance(document, dict) else None
            assert error.request_id == (given_id if isinstance(given_id, str) else None)
            assert not (well_typed and document["type"] not in types)
        else:
            assert well_typed
            assert isinstance(message, Unknown) is (document["type"] not in types)
            check_verbatim(message, document)


def is_json(text: bytes) -> bool:
    """By the book, which unlike Python's reader knows no NaN."""
    try:
        json.loads(text.decode(), parse_constant=int)
    except ValueError:
        return False
    return True


def check_verbatim(message: Inbound, document: dict[str, Any]) -> None:
    for attribute, member in (
        ("image", "image"),
        ("frame_id", "frameId"),
        ("box_id", "boxId"),
        ("boxes", "boxes"),
        ("feature_map", "featureMap"),
    ):
        raw = getattr(message, attribute, None)
        if isinstance(raw, Raw):
            value = None if raw is ABSENT else json.loads(bytes(raw))
            assert value == document.get(member)
