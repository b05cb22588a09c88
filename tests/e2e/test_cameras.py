"""A camera's name and who holds it; and how tracking ends by itself."""

import time

from .conftest import StartThread
from .peers import Peer, client, processor, start
from .raw import dial_websocket, frame, reset
from .running import ServerThread


def test_the_newest_registration_wins(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as older:
        object_id = start(operator, "cam1")
        assert older.hear_kind("start")["objectId"] == object_id
        with processor(server.urls, "cam1") as newer:
            assert newer.hear_kind("featureMap")["objectId"] == object_id
            assert older.wait_closed() == 4409
            older.close()
            # The end of the older socket leaves the newer one registered.
            assert start(operator, "cam1") == newer.hear_kind("start")["objectId"]
            newer.say("boundingBoxes", frameId=1, boxes=[])
            assert operator.hear_kind("boundingBoxes")["cameraId"] == "cam1"
        # As soon as the newer one has gone too, nobody is left.
        operator.say("start", cameraId="cam1", image="x", requestId="r")
        while (heard := operator.hear())["type"] != "error":
            assert heard["type"] == "accepted", "its end may be noticed a moment later"
            operator.say("start", cameraId="cam1", image="x", requestId="r")
        assert heard["code"] == "unknown_camera"


def test_a_socket_may_change_its_name(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        camera.say("identifier", id="cam2")
        camera.settle()
        operator.say("start", cameraId="cam1", image="x")
        assert operator.hear_kind("error")["code"] == "unknown_camera"
        assert start(operator, "cam2") == camera.hear_kind("start")["objectId"]
        with processor(server.urls, "cam1") as other:
            camera.say("identifier", id="cam1")
            assert other.hear_kind("featureMap")["objectId"] == 1
            assert other.wait_closed() == 4409
            assert camera.hear_kind("featureMap")["objectId"] == 1


def test_what_a_camera_knows_ends_with_its_socket(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        object_id = start(operator, "cam1")
        assert camera.hear_kind("start")["objectId"] == object_id
        with processor(server.urls, "cam1") as again:
            assert again.hear_text() == '{"type":"featureMap","objectId":1,"featureMap":{}}'
            operator.say("stop", objectId=object_id, requestId="r")
            assert operator.hear_kind("accepted")["objectId"] == object_id
            again.assert_silence()


def test_a_camera_comes_back_to_more_images_than_may_wait_for_it(server: ServerThread) -> None:
    image, count = "x" * 2**20, 20
    with client(server.urls) as operator:
        with processor(server.urls, "cam1") as camera:
            for number in range(1, count + 1):
                assert start(operator, "cam1", image=image) == number
            camera.settle()
        with Peer(server.urls.websocket("/processor"), queue=1) as camera:
            camera.say("identifier", id="cam1")
            assert [camera.hear_kind("featureMap")["objectId"] for _ in range(count)] == list(range(1, count + 1))
            assert [camera.hear_kind("start")["objectId"] for _ in range(count)] == list(range(1, count + 1))


def test_a_camera_that_vanishes_in_the_middle_of_a_message(server: ServerThread) -> None:
    with client(server.urls) as operator:
        vanishing = dial_websocket(server.urls.address, b"/processor")
        vanishing.sendall(frame(1, b'{"type":"identifier","id":"cam1"}') + frame(1, b'{"type":"bound', fin=False))
        with Peer(server.urls.websocket("/processor")) as camera:
            reset(vanishing)
            camera.say("identifier", id="cam1")
            camera.settle()
            assert start(operator, "cam1") == camera.hear_kind("start")["objectId"]


def test_tracking_ends_by_itself(start_thread: StartThread) -> None:
    server = start_thread(TRACKING_TIMEOUT="2")
    with (
        client(server.urls, images=True) as watcher,
        client(server.urls) as other,
        processor(server.urls, "cam1") as camera,
        processor(server.urls, "cam2") as unknowing,
    ):
        begun = time.monotonic()
        watcher.say("start", cameraId="cam1", image="x")
        watcher.say("start", cameraId="cam1", image="y")
        for object_id in (1, 2):
            assert camera.hear_kind("start")["objectId"] == object_id
            assert watcher.hear_kind("newObject")["objectId"] == object_id
        watcher.say("stop", objectId=2)
        for peer in (camera, watcher):
            assert peer.hear_text() == '{"type":"stop","objectId":2}'
        assert time.monotonic() - begun < 2, "this machine is too slow for this test"
        for peer in (camera, watcher):
            assert peer.hear_text() == '{"type":"stop","objectId":1}'
        assert 2 <= time.monotonic() - begun < 6
        watcher.say("stop", objectId=1)
        assert watcher.hear_kind("error")["code"] == "unknown_object"
        for peer in (watcher, other, camera, unknowing):
            peer.assert_silence()
