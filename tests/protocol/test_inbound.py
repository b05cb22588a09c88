"""What is understood of what peers send: every row of the contract's tables, and of what is none of them."""

import sys

import msgspec
import pytest

from trio_orchestrator.protocol.boxes import Frame
from trio_orchestrator.protocol.errors import InvalidMessage, NotJson, TooLarge
from trio_orchestrator.protocol.inbound import (
    CLIENT_MESSAGES,
    MAX_CAMERA_ID_CHARACTERS,
    MAX_SUBSCRIBED_CAMERAS,
    PROCESSOR_MESSAGES,
    Authenticate,
    Decoder,
    FeatureMap,
    Hello,
    Identifier,
    Inbound,
    SetUsesImages,
    Start,
    Stop,
    Subscribe,
    Unknown,
    request_id_of,
)

pytestmark = pytest.mark.usefixtures("either_way")

BOTH = [pytest.param(CLIENT_MESSAGES, id="client"), pytest.param(PROCESSOR_MESSAGES, id="processor")]


def client(text: str) -> Inbound:
    return CLIENT_MESSAGES.decode(text.encode())


def processor(text: str) -> Inbound:
    return PROCESSOR_MESSAGES.decode(text.encode())


def start(members: str) -> Start:
    message = client('{"type":"start","cameraId":"cam1",' + members + "}")
    assert isinstance(message, Start)
    return message


# What a client sends.


@pytest.mark.parametrize(
    ("members", "image", "frame_id", "box_id"),
    [
        ('"image":"data:image/png;base64,AAAA"', b'"data:image/png;base64,AAAA"', b"", b""),
        ('"frameId":12.5,"boxId":3', b"", b"12.5", b"3"),
        ('"frameId":12.0,"boxId":"b","image":"i"', b'"i"', b"12.0", b'"b"'),
        ('"image":"i","frameId":1e2', b'"i"', b"1e2", b""),
        ('"image":"i","boxId":-0', b'"i"', b"", b"-0"),
        ('"image":null,"frameId":1,"boxId":2', b"", b"1", b"2"),
        ('"image":"i","frameId":null,"boxId":null', b'"i"', b"", b""),
        ('"image" : "a\\u0062\\/c\\n" , "frameId" :  1.50 ', b'"a\\u0062\\/c\\n"', b"1.50", b""),
        ('"image":""', b'""', b"", b""),
        ('"image":"é"', '"é"'.encode(), b"", b""),
        ('"frameId":1e999,"boxId":' + "9" * 100, b"", b"1e999", b"9" * 100),
    ],
)
def test_start_passes_its_members_on_verbatim(members: str, image: bytes, frame_id: bytes, box_id: bytes) -> None:
    message = start(members)
    assert message.camera_id == "cam1"
    assert (bytes(message.image), bytes(message.frame_id), bytes(message.box_id)) == (image, frame_id, box_id)
    assert message.request_id is None


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"start","image":"i"}',
        '{"type":"start","cameraId":null,"image":"i"}',
        '{"type":"start","cameraId":7,"image":"i"}',
        '{"type":"start","cameraId":"c"}',
        '{"type":"start","cameraId":"c","image":null}',
        '{"type":"start","cameraId":"c","frameId":1}',
        '{"type":"start","cameraId":"c","boxId":1}',
        '{"type":"start","cameraId":"c","frameId":1,"boxId":null}',
        '{"type":"start","cameraId":"c","frameId":null,"boxId":1}',
        '{"type":"start","cameraId":"c","image":7}',
        '{"type":"start","cameraId":"c","image":true,"frameId":1,"boxId":1}',
        '{"type":"start","cameraId":"c","image":{},"frameId":1,"boxId":1}',
        '{"type":"start","cameraId":"c","frameId":true,"boxId":1}',
        '{"type":"start","cameraId":"c","frameId":1,"boxId":[]}',
        '{"type":"start","cameraId":"c","image":"i","frameId":{}}',
        '{"type":"start","cameraId":"c","image":"i","boxId":false}',
        '{"type":"start","cameraId":"c","image":"i","requestId":7}',
        '{"type":"stop"}',
        '{"type":"stop","objectId":null}',
        '{"type":"stop","objectId":true}',
        '{"type":"stop","objectId":7.0}',
        '{"type":"stop","objectId":7e0}',
        '{"type":"stop","objectId":"7"}',
        '{"type":"stop","objectId":[7]}',
        '{"type":"stop","objectId":7,"requestId":{}}',
        '{"type":"stop","objectId":1e400}',
        '{"type":"setUsesImages"}',
        '{"type":"setUsesImages","usesImages":null}',
        '{"type":"setUsesImages","usesImages":1}',
        '{"type":"setUsesImages","usesImages":"true"}',
        '{"type":"authenticate"}',
        '{"type":"authenticate","jwt":null}',
        '{"type":"authenticate","jwt":7}',
        '{"type":"hello"}',
        '{"type":"hello","features":null}',
        '{"type":"hello","features":"a"}',
        '{"type":"hello","features":["a",1]}',
        '{"type":"subscribe","cameraIds":"cam1"}',
        '{"type":"subscribe","cameraIds":[1]}',
        '{"type":"subscribe","cameraIds":["a",null]}',
        '{"type":"subscribe","cameraIds":{"a":true}}',
    ],
)
def test_a_client_s_message_that_lacks_a_member_or_has_a_wrong_one_is_invalid(text: str) -> None:
    with pytest.raises(InvalidMessage):
        client(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"stop","objectId":7}', Stop(7)),
        ('{"objectId":7,"type":"stop"}', Stop(7)),
        ('{"type":"stop","objectId":-1,"requestId":"r"}', Stop(-1, "r")),
        ('{"type":"stop","objectId":7,"requestId":null}', Stop(7)),
        ('{"type":"stop","objectId":%s}' % ("9" * 30), Stop(int("9" * 30))),
        (' {\n"type"\t: "stop" ,\r"objectId": 7 } ', Stop(7)),
        ('{"type":"stop","objectId":7,"more":{"a":[1,null]}}', Stop(7)),
        ('{"type":"stop","objectId":6,"objectId":7}', Stop(7)),
        ('{"t\\u0079pe":"st\\u006fp","objectId":7}', Stop(7)),
        ('{"type":"setUsesImages","usesImages":true}', SetUsesImages(True)),
        ('{"type":"setUsesImages","usesImages":false}', SetUsesImages(False)),
        ('{"type":"authenticate","jwt":"a.b.c"}', Authenticate("a.b.c")),
        ('{"type":"subscribe","cameraIds":["a","b","a"]}', Subscribe(frozenset({"a", "b"}))),
        ('{"type":"subscribe","cameraIds":[]}', Subscribe(frozenset())),
        ('{"type":"subscribe","cameraIds":null}', Subscribe(None)),
        ('{"type":"subscribe"}', Subscribe(None)),
        ('{"type":"identifier","id":"cam1"}', Unknown("identifier")),  # a processor's word
        ('{"type":"boundingBoxes"}', Unknown("boundingBoxes")),
        ('{"type":"hello","features":["cameras","new"]}', Hello(frozenset({"cameras", "new"}))),
        ('{"type":""}', Unknown("")),
        ('{"type":"Stop","objectId":7}', Unknown("Stop")),
    ],
)
def test_what_a_client_says(text: str, message: Inbound) -> None:
    assert client(text) == message


def test_an_integer_too_long_to_be_an_object_s_id_is_no_disaster() -> None:
    with pytest.raises(InvalidMessage):
        client('{"type":"stop","objectId":%s}' % ("9" * 5000))


# What a processor sends.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"identifier","id":"cam1"}', Identifier("cam1")),
        ('{"type":"identifier","id":""}', Identifier("")),
        ('{"type":"identifier","id":"%s"}' % ("é" * 256), Identifier("é" * 256)),
        ('{"type":"identifier","id":"\\ud83d\\ude00"}', Identifier("😀")),
        ('{"type":"authenticate","jwt":"a.b.c"}', Authenticate("a.b.c")),
        ('{"type":"hello","features":[]}', Hello(frozenset())),
        ('{"type":"stop","objectId":1}', Unknown("stop")),  # a client's word
        ('{"type":"start"}', Unknown("start")),
        ('{"type":"subscribe"}', Unknown("subscribe")),
    ],
)
def test_what_a_processor_says(text: str, message: Inbound) -> None:
    assert processor(text) == message


@pytest.mark.parametrize(
    ("text", "frame_id", "boxes"),
    [
        ('{"type":"boundingBoxes","frameId":1.0,"boxes":[]}', b"1.0", b"[]"),
        ('{"boxes": [ {"boxId" : 1.50} ] ,"frameId" : "f","type":"boundingBoxes"}', b'"f"', b'[ {"boxId" : 1.50} ]'),
        ('{"type":"boundingBoxes","frameId":1,"boxes":{"a":{"rect":[0,1e-3]}}}', b"1", b'{"a":{"rect":[0,1e-3]}}'),
        ('{"type":"boundingBoxes","frameId":-0.0,"boxes":[{"x":"\\u00e9\\/"}]}', b"-0.0", b'[{"x":"\\u00e9\\/"}]'),
    ],
)
def test_bounding_boxes_are_kept_verbatim(text: str, frame_id: bytes, boxes: bytes) -> None:
    message = processor(text)
    assert isinstance(message, Frame)
    assert (message.frame_id, message.boxes) == (frame_id, boxes)


@pytest.mark.parametrize("features", ["{}", "[]", "[ 1,  2.50 ]", '"\\u0041"', "0", "false", '{"a":{"b":null}}'])
def test_a_feature_map_is_kept_verbatim(features: str) -> None:
    message = processor('{"type":"featureMap","objectId":7,"featureMap": ' + features + " }")
    assert isinstance(message, FeatureMap)
    assert (message.object_id, bytes(message.feature_map)) == (7, features.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"identifier"}',
        '{"type":"identifier","id":null}',
        '{"type":"identifier","id":7}',
        '{"type":"identifier","id":"%s"}' % ("x" * 257),
        '{"type":"boundingBoxes","boxes":[]}',
        '{"type":"boundingBoxes","frameId":1}',
        '{"type":"featureMap","objectId":1}',
        '{"type":"featureMap","objectId":1,"featureMap":null}',
        '{"type":"featureMap","featureMap":{}}',
        '{"type":"featureMap","objectId":null,"featureMap":{}}',
        '{"type":"featureMap","objectId":1.0,"featureMap":{}}',
        '{"type":"featureMap","objectId":true,"featureMap":{}}',
        '{"type":"featureMap","objectId":"1","featureMap":{}}',
    ],
)
def test_a_processor_s_message_that_lacks_a_member_or_has_a_wrong_one_is_invalid(text: str) -> None:
    with pytest.raises(InvalidMessage):
        processor(text)


# What neither sends.


@pytest.mark.parametrize("decoder", BOTH)
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "null",
        "7",
        '"start"',
        "true",
        '{"type":null}',
        '{"type":7}',
        '{"type":["start"]}',
        '{"Type":"stop"}',
    ],
)
def test_json_that_is_no_message_is_invalid(decoder: Decoder, text: str) -> None:
    with pytest.raises(InvalidMessage):
        decoder.decode(text.encode())


@pytest.mark.parametrize("decoder", BOTH)
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "start",
        "{",
        "[1, garbage",
        '{"type":"stop","objectId":7',
        '{"type":"stop","objectId":7}x',
        '{"type":"stop","objectId":7}{}',
        '{"type":"stop","objectId":NaN}',
        '{"type":"boundingBoxes","frameId":1,"boxes":[{"certainty":NaN}]}',
        '{"type":"boundingBoxes","frameId":Infinity,"boxes":[]}',
        '{"type":"boundingBoxes","frameId":-Infinity,"boxes":[]}',
        '{"type":"featureMap","objectId":1,"featureMap":[1,]}',
        '{"type":"boundingBoxes","frameId":01,"boxes":[]}',
        '{"type":"boundingBoxes","frameId":1.,"boxes":[]}',
        '{"type":"other","more":NaN}',
        '{"type":"stop","objectId":"wrong","more":nonsense}',
        '{"type":7,"more":nonsense}',
        "{'type':'stop'}",
        '{"type":"a\x01b"}',
        '{"type":"a\\qb"}',
        '{"type":"start","cameraId":"c","image":"\\ud800"}',  # half a character
        '{"type":"\\udc00"}',
        '{"type":"stop","objectId":"wrong","requestId":"\\ud800"}',
        '\ufeff{"type":"stop","objectId":7}',
        "\0",
    ],
)
def test_what_is_no_json_is_told_from_what_is_no_message(decoder: Decoder, text: str) -> None:
    with pytest.raises(NotJson):
        decoder.decode(text.encode())


@pytest.mark.parametrize("decoder", BOTH)
@pytest.mark.parametrize(
    "opening", ["[", '{"a":', '{"type":"other","a":[', '{"type":"boundingBoxes","frameId":1,"boxes":[']
)
def test_bottomless_nesting_is_no_json(decoder: Decoder, opening: str) -> None:
    for text in (opening * 50_000, opening + "[" * 50_000):
        with pytest.raises(NotJson):
            decoder.decode(text.encode())


@pytest.mark.parametrize(
    ("text", "request_id"),
    [
        ('{"type":"stop","objectId":"x","requestId":"r-1"}', "r-1"),
        ('{"type":"stop","requestId":""}', ""),
        ('{"type":"start","requestId":"r-1"}', "r-1"),
        ('{"type":"start","cameraId":"c","image":7,"requestId":"r-1"}', "r-1"),
        ('{"type":7,"requestId":"r-1"}', "r-1"),
        ('{"requestId":"r-1"}', "r-1"),
        ('{"type":"stop","requestId":7}', None),
        ('{"type":"stop","requestId":null}', None),
        ('{"type":"stop"}', None),
        ('["requestId"]', None),
    ],
)
def test_what_was_invalid_tells_whose_request_it_was(text: str, request_id: str | None) -> None:
    with pytest.raises(InvalidMessage) as caught:
        client(text)
    assert caught.value.request_id == request_id
    assert request_id_of(text.encode()) == request_id


@pytest.mark.parametrize("text", ["", "NaN", '{"requestId":"r-1"', "[" * 50_000])
def test_what_is_no_json_tells_nothing(text: str) -> None:
    assert request_id_of(text.encode()) is None


@pytest.mark.parametrize(
    ("decoder", "text"),
    [
        (CLIENT_MESSAGES, '{"type":"start","cameraId":"c","image":"i","frameId":1,"boxId":2}'),
        (PROCESSOR_MESSAGES, '{"type":"featureMap","objectId":1,"featureMap":{}}'),
    ],
)
def test_what_is_kept_of_a_message_does_not_keep_the_message(decoder: Decoder, text: str) -> None:
    received = text.encode()
    before = sys.getrefcount(received)
    kept = [decoder.decode(received)]
    assert sys.getrefcount(received) == before
    assert len(kept) == 1


def test_a_subscription_has_an_end() -> None:
    def subscribe(*camera_ids: str) -> bytes:
        return msgspec.json.encode({"type": "subscribe", "cameraIds": camera_ids, "requestId": "r"})

    many = [f"{number}" for number in range(MAX_SUBSCRIBED_CAMERAS + 1)]
    assert CLIENT_MESSAGES.decode(subscribe(*many[1:])) == Subscribe(frozenset(many[1:]))
    assert CLIENT_MESSAGES.decode(subscribe("c" * MAX_CAMERA_ID_CHARACTERS)) is not None
    for text in (subscribe(*many), subscribe("c" * (MAX_CAMERA_ID_CHARACTERS + 1))):
        with pytest.raises(InvalidMessage, match="`cameraIds` must have at most") as caught:
            CLIENT_MESSAGES.decode(text)
        assert caught.value.request_id == "r"


@pytest.mark.parametrize("text", [
    '{"type":"subscribe","requestId":"r","cameraIds":[%s]}',
    '{"requestId":"r","features":[%s],"type":"hello"}',
    '{"type":"setUsesImages","usesImages":true,"requestId":"r","x":[%s]}',
])  # fmt: skip
def test_only_what_is_passed_on_may_be_long(text: str) -> None:
    short = text % ",".join('"x"' for _ in range(1000))
    CLIENT_MESSAGES.decode(short.encode())
    long = text % ",".join(f'"{number}"' for number in range(150_000))
    with pytest.raises(TooLarge, match="may have 1048576 bytes") as caught:
        CLIENT_MESSAGES.decode(long.encode())
    assert caught.value.request_id == "r"


def test_what_is_passed_on_may_be_long() -> None:
    long = "x" * 2_000_000
    assert isinstance(client(f'{{"type":"start","cameraId":"c","image":"{long}"}}'), Start)
    assert isinstance(processor(f'{{"type":"featureMap","objectId":1,"featureMap":"{long}"}}'), FeatureMap)
    assert isinstance(processor(f'{{"type":"boundingBoxes","frameId":1,"boxes":[{{"x":"{long}"}}]}}'), Frame)
    assert client(f'{{"type":"news","x":"{long}"}}') == Unknown("news")
    for wrong, error in ((f'"{long}', NotJson), (f'["{long}"]', InvalidMessage)):
        with pytest.raises(error):
            client(wrong)
