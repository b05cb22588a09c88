"""What single messages do: sizes to the byte, binary frames, errors, order, subscriptions, silence."""

from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from .conftest import StartThread
from .peers import Peer, box, client, processor, start
from .raw import PING, TEXT, dial_websocket, frame, read_to_end
from .running import ServerThread

LIMIT = 2000


def of_size(size: int, filler: str) -> str:
    """A frame of boxes of exactly that many bytes in UTF-8."""
    frame = '{"type":"boundingBoxes","frameId":1.5,"boxes":[{"x":"%s"}]}'
    room = size - len(frame % "")
    width = len(filler.encode())
    return frame % (filler * (room // width) + "a" * (room % width))


@pytest.mark.parametrize("filler", ["a", "ü", "€", "😀"])
@pytest.mark.parametrize("pieces", [1, 2, 7])
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_the_longest_message_and_one_byte_more(
    start_thread: StartThread, filler: str, pieces: int, binary: bool
) -> None:
    server = start_thread(MAX_MESSAGE_BYTES=str(LIMIT))

    def send(peer: Peer, text: str) -> None:
        data = text.encode()
        cut = -(-len(data) // pieces)
        parts = [data[at : at + cut] for at in range(0, len(data), cut)]
        assert len(parts) == pieces
        peer.connection.send(parts if pieces > 1 else data, text=not binary)

    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        longest = of_size(LIMIT, filler)
        assert len(longest.encode()) == LIMIT
        send(camera, longest)
        heard = operator.hear_text()
        assert heard.endswith(longest[longest.index('"frameId"') :])
        with suppress(ConnectionClosed):  # the end may come before the last frame, an empty one, is sent
            send(camera, of_size(LIMIT + 1, filler))
        assert camera.wait_closed() == 1009
        operator.assert_silence()


def test_ten_mebibytes_pass(server: ServerThread) -> None:
    with client(server.urls, images=True) as operator, processor(server.urls, "cam1") as camera:
        message = '{"type":"start","cameraId":"cam1","image":"%s"}'
        image = "A" * (10 * 1024 * 1024 - len(message % ""))
        operator.say_text(message % image)
        assert camera.hear() == {"type": "start", "objectId": 1, "image": image}
        assert operator.hear() == {"type": "newObject", "objectId": 1, "image": image}
        operator.say_text(message % (image + "A"))
        assert operator.wait_closed() == 1009


def test_binary_frames_hold_text(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        camera.say_text('{"type":"boundingBoxes","frameId":"é€😀","boxes":[]}'.encode())
        assert operator.hear_text() == '{"type":"boundingBoxes","cameraId":"cam1","frameId":"é€😀","boxes":[]}'
        camera.say_text(b'{"type":"boundingBoxes","frameId":"\xff","boxes":[]}')
        assert camera.hear_kind("error")["code"] == "not_json"
        operator.assert_silence()


@pytest.mark.parametrize("spelled", ["1.0", "1e0", "-0.0", "1.50", "12345678901234567890", '"a\\u00e9\\/"', "1", "0.1"])
def test_frame_ids_pass_verbatim(server: ServerThread, spelled: str) -> None:
    with client(server.urls) as operator, processor(server.urls, 'cäm "1"') as camera:
        rest = f'"frameId":{spelled},"boxes":{{ "a" : {{"objectId":1.0}} }}}}'
        camera.say_text('{"type":"boundingBoxes",' + rest)
        assert operator.hear_text() == '{"type":"boundingBoxes","cameraId":"cäm \\"1\\"",' + rest


CLIENT_ERRORS = {
    "nonsense": "not_json",
    "NaN": "not_json",
    '{"type":"stop","objectId":1} ]': "not_json",
    '{"type":"stop","objectId":NaN}': "not_json",
    "[]": "invalid_message",
    "{}": "invalid_message",
    '{"type":7}': "invalid_message",
    '{"type":"stop"}': "invalid_message",
    '{"type":"stop","objectId":true}': "invalid_message",
    '{"type":"stop","objectId":7.0}': "invalid_message",
    '{"type":"stop","objectId":"7"}': "invalid_message",
    '{"type":"stop","objectId":7}': "unknown_object",
    '{"type":"start","cameraId":"cam1"}': "invalid_message",
    '{"type":"start","cameraId":"cam1","frameId":1}': "invalid_message",
    '{"type":"start","cameraId":"cam1","image":7}': "invalid_message",
    '{"type":"start","cameraId":7,"image":"x"}': "invalid_message",
    '{"type":"start","cameraId":"cam1","frameId":[],"boxId":1}': "invalid_message",
    '{"type":"start","cameraId":"cam2","image":"x"}': "unknown_camera",
    '{"type":"setUsesImages","usesImages":1}': "invalid_message",
    '{"type":"setUsesImages"}': "invalid_message",
    '{"type":"subscribe","cameraIds":"cam1"}': "invalid_message",
    '{"type":"authenticate"}': "invalid_message",
}
PROCESSOR_ERRORS = {
    '{"type":"boundingBoxes","frameId":1,"boxes":[]}': "not_identified",
    '{"type":"featureMap","objectId":1,"featureMap":{}}': "not_identified",
    '{"type":"identifier"}': "invalid_message",
    '{"type":"identifier","id":7}': "invalid_message",
    '{"type":"boundingBoxes","boxes":[]}': "invalid_message",
    '{"type":"boundingBoxes","frameId":1}': "invalid_message",
    '{"type":"boundingBoxes","frameId":1,"boxes":[NaN]}': "not_json",
}
IDENTIFIED_ERRORS = {
    '{"type":"boundingBoxes","frameId":1,"boxes":[1]}': "invalid_message",
    '{"type":"boundingBoxes","frameId":1,"boxes":"x"}': "invalid_message",
    '{"type":"boundingBoxes","frameId":null,"boxes":[]}': "invalid_message",
    '{"type":"featureMap","objectId":9,"featureMap":{}}': "unknown_object",
    '{"type":"featureMap","objectId":1}': "invalid_message",
}


def test_what_cannot_be_carried_out_changes_nothing(server: ServerThread) -> None:
    with (
        client(server.urls, images=True) as operator,
        Peer(server.urls.websocket("/processor")) as stranger,
        processor(server.urls, "cam1") as camera,
    ):
        for peer, table in ((operator, CLIENT_ERRORS), (stranger, PROCESSOR_ERRORS), (camera, IDENTIFIED_ERRORS)):
            for text, code in table.items():
                peer.say_text(text)
                error = peer.hear_kind("error")
                assert (error["code"], set(error)) == (code, {"type", "code", "message"}), text
        for peer in (operator, stranger, camera):
            peer.assert_silence()


def test_an_error_gives_the_request_id_back(server: ServerThread) -> None:
    with client(server.urls) as operator:
        for text in (
            '{"type":"stop","objectId":7,"requestId":"r"}',
            '{"type":"stop","requestId":"r"}',
            '{"type":"start","cameraId":"x","image":"y","requestId":"r"}',
            '{"requestId":"r"}',
        ):
            operator.say_text(text)
            assert operator.hear_kind("error")["requestId"] == "r", text


def test_silence(server: ServerThread) -> None:
    with client(server.urls, images=True) as operator, processor(server.urls, "cam1") as camera:
        for peer in (operator, camera):
            peer.say("somethingNew", member=1)
            peer.say("authenticate", jwt="x")
            peer.assert_silence()
        operator.say("identifier", id="cam2")
        camera.say("setUsesImages", usesImages=True)
        camera.say("boundingBoxes", frameId=1, boxes=[box(77)])
        camera.assert_silence()
        assert operator.hear_kind("boundingBoxes")["boxes"] == [box(77)]
        operator.assert_silence()


def test_frames_and_commands_keep_their_order(server: ServerThread) -> None:
    with client(server.urls) as one, client(server.urls) as two, processor(server.urls, "cam1") as camera:
        for number in range(500):
            camera.say("boundingBoxes", frameId=number, boxes=[])
        for peer in (one, two):
            assert [peer.hear()["frameId"] for _ in range(500)] == list(range(500))
        for number in range(50):
            one.say("start", cameraId="cam1", frameId=number, boxId=1, requestId=str(number))
        accepted = [one.hear() for _ in range(50)]
        assert [message["requestId"] for message in accepted] == [str(number) for number in range(50)]
        assert [message["objectId"] for message in accepted] == list(range(1, 51))
        assert [(start["objectId"], start["frameId"]) for start in (camera.hear() for _ in range(50))] == [
            (number + 1, number) for number in range(50)
        ]


def test_a_ping_is_answered_in_its_turn(server: ServerThread) -> None:
    with processor(server.urls, "cam1"), dial_websocket(server.urls.address) as operator:
        said = b'{"type":"start","cameraId":"cam1","image":"i","requestId":"%d"}'
        for number in range(10):
            operator.sendall(frame(TEXT, said % number) + frame(PING, b"ping %d" % number))
        received = read_to_end(operator, last=b"ping 9")
    answers = [answer for number in range(10) for answer in (b'"requestId":"%d"' % number, b"ping %d" % number)]
    assert [received.find(answer) for answer in answers] == sorted(received.index(answer) for answer in answers)


def test_subscriptions(server: ServerThread) -> None:
    with (
        client(server.urls) as operator,
        processor(server.urls, "cam1") as first,
        processor(server.urls, "cam2") as second,
    ):

        def seen() -> list[str]:
            for camera in (first, second):
                camera.say("boundingBoxes", frameId=1, boxes=[])
                camera.settle()
            operator.settle()
            heard = []
            while operator.has_heard:
                heard.append(operator.hear()["cameraId"])
            return heard

        assert sorted(seen()) == ["cam1", "cam2"]
        for wanted, expected in (
            (["cam2"], ["cam2"]),
            ([], []),
            (["cam3", "cam1"], ["cam1"]),
            (["cam1", "cam1", "cam2"], ["cam1", "cam2"]),
            (None, ["cam1", "cam2"]),
        ):
            operator.say("subscribe", cameraIds=wanted)
            operator.settle()
            assert sorted(seen()) == expected, wanted


def test_every_word_of_a_start_is_passed_on(server: ServerThread) -> None:
    with client(server.urls, images=True) as operator, processor(server.urls, "cam1") as camera:
        for number, (said, told) in enumerate(
            (
                ('"image":"a\\/\\u0041"', '"image":"a\\/\\u0041"'),
                ('"frameId":1, "boxId":"b"', '"frameId":1,"boxId":"b"'),
                ('"boxId":1.50,"image":"x","frameId":null', '"boxId":1.50,"image":"x"'),
                ('"frameId":"f","image":"x","unknown":[{}]', '"frameId":"f","image":"x"'),
            ),
            1,
        ):
            operator.say_text(f'{{"type":"start","cameraId":"cam1",{said}}}')
            assert camera.hear_text() == f'{{"type":"start","objectId":{number},{told}}}'
            assert operator.hear()["objectId"] == number


def test_a_click_comes_back_in_the_cameras_own_numbers(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        for shown, told in (("5", "5"), ('"5"', "5"), ("5.5", "5.0"), ("6", "5.0")):
            camera.say_text(f'{{"type":"boundingBoxes","frameId":{shown},"boxes":[]}}')
            camera.settle()
            operator.say_text('{"type":"start","cameraId":"cam1","frameId":5,"boxId":1}')
            assert f'"frameId":{told},"boxId":1' in camera.hear_text(), shown


def test_features_reach_every_camera(server: ServerThread) -> None:
    with (
        client(server.urls) as operator,
        processor(server.urls, "cam1") as first,
        processor(server.urls, "cam2") as second,
        Peer(server.urls.websocket("/processor")) as stranger,
    ):
        object_id = start(operator, "cam1")
        assert first.hear_kind("start")["objectId"] == object_id
        for features in ("{}", '{"v":[1.0]}', "[]", '"text"', "7"):
            message = f'{{"type":"featureMap","objectId":1,"featureMap":{features}}}'
            first.say_text(message)
            for camera in (first, second):
                assert camera.hear_text() == message
        stranger.assert_silence()
