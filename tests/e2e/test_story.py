"""The whole story, as a stock Interface and a stock CameraProcessor live it, byte by byte."""

import re
import time
from collections.abc import Callable

import httpx

from . import web
from .conftest import StartThread
from .peers import PATIENCE, client, processor
from .running import ServerThread

IMAGE = "data:image/jpeg;base64," + "A" * 120_000


def get(server: ServerThread, path: str) -> httpx.Response:
    return web.get(server.urls.plain + path)


def poll(ask: Callable[[], httpx.Response], fits: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Ask until the answer fits: what processors say is on disk at most a second after they said it."""
    until = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if fits(answer) or time.monotonic() > until:
            return answer


def test_from_the_first_box_to_the_timeline(server: ServerThread) -> None:
    with client(server.urls, images=True) as operator, processor(server.urls, "cam1") as camera:
        boxes = '[ {"boxId": 3, "rect":[0.1,0.25,1.0,1e-1],"objectType":"person\\u00e9","certainty":0.970, "x":null} ]'
        camera.say_text(f'{{"type":"boundingBoxes", "frameId": 1.0, "boxes": {boxes} }}')
        assert operator.hear_text() == (f'{{"type":"boundingBoxes","cameraId":"cam1","frameId":1.0,"boxes":{boxes}}}')

        # JavaScript has no 1.0; the camera's frame ids are floats, so it gets its float back.
        operator.say_text(f'{{"type":"start","cameraId":"cam1","frameId":1,"boxId":3,"image":"{IMAGE}"}}')
        assert camera.hear_text() == f'{{"type":"start","objectId":1,"frameId":1.0,"boxId":3,"image":"{IMAGE}"}}'
        assert operator.hear_text() == f'{{"type":"newObject","objectId":1,"image":"{IMAGE}"}}'
        assert get(server, "/objectIds").text == '{"data":[1]}'
        assert get(server, "/timelines?objectId=1").status_code == 400

        camera.say_text('{"type":"featureMap","objectId":1,"featureMap":[0.5, 1.0,2e3]}')
        assert camera.hear_text() == '{"type":"featureMap","objectId":1,"featureMap":[0.5, 1.0,2e3]}'
        with processor(server.urls, "cam2") as other:
            assert other.hear_text() == '{"type":"featureMap","objectId":1,"featureMap":[0.5, 1.0,2e3]}'
            other.say_text('{"type":"boundingBoxes","frameId":7.5,"boxes":[{"boxId":9,"objectId":1}]}')
            assert operator.hear_text() == (
                '{"type":"boundingBoxes","cameraId":"cam2","frameId":7.5,"boxes":[{"boxId":9,"objectId":1}]}'
            )
            seen = poll(lambda: get(server, "/timelines?objectId=1"), lambda answer: answer.status_code == 200)
            operator.say("stop", objectId=1)
            for peer in (camera, other, operator):
                assert peer.hear_text() == '{"type":"stop","objectId":1}'
        assert re.fullmatch(
            r'\{"data":\[\{"timeStamp":"\d{4}/\d\d/\d\d \| \d\d:\d\d:\d\d","processorId":"cam2"\}\]\}', seen.text
        )
        assert get(server, "/timelines?objectId=1").text == seen.text, "a stop leaves the timeline"

        operator.say_text('{"type":"start","cameraId":"cam1","image":"again"}')
        assert camera.hear_text() == '{"type":"start","objectId":2,"image":"again"}'
        assert get(server, "/objectIds").text == '{"data":[1, 2]}'


def test_the_time_stamp_is_the_servers_local_time(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        operator.say("start", cameraId="cam1", frameId=1, boxId=1)
        assert camera.hear()["objectId"] == 1
        before = time.time()
        camera.say_text('{"type":"boundingBoxes","frameId":1,"boxes":{"a":{"objectId":1}}}')
        camera.settle()
        after = time.time()
        seen = poll(lambda: get(server, "/timelines?objectId=1"), lambda answer: answer.status_code == 200)
    (entry,) = seen.json()["data"]
    stamp = time.mktime(time.strptime(entry["timeStamp"], "%Y/%m/%d | %H:%M:%S"))
    assert int(before) <= stamp <= after


def test_timelines_of_nobody(server: ServerThread) -> None:
    for query in ("", "?objectId=", "?object_id=", "?objectid=1"):
        missing = get(server, f"/timelines{query}")
        assert (missing.status_code, missing.text) == (400, 'Missing "objectId" query parameter')
        assert missing.headers["access-control-allow-origin"] == "*"
    for unknown in ("1", "0", "-1", "+1", "1.0", "%201", "x", "9" * 400, "%D9%A1", "1&objectId=2", "%00", "%ff"):
        answer = get(server, f"/timelines?objectId={unknown}")
        assert (answer.status_code, answer.text) == (400, "Object id not present in tracking history"), unknown
        assert answer.headers["access-control-allow-origin"] == "*"


def test_the_other_spelling_of_the_query(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        operator.say("start", cameraId="cam1", frameId=1, boxId=1)
        assert camera.hear()["objectId"] == 1
        camera.say("boundingBoxes", frameId=1, boxes=[{"objectId": 1}])
        seen = poll(lambda: get(server, "/timelines?object_id=1"), lambda answer: answer.status_code == 200)
    assert seen.text == get(server, "/timelines?objectId=1").text


def test_any_page_may_ask(server: ServerThread) -> None:
    for path in ("/timelines", "/objectIds"):
        preflight = web.request(
            "OPTIONS",
            server.urls.plain + path,
            headers={
                "Origin": "https://interface.example",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization",
            },
        )
        assert preflight.is_success
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    answer = get(server, "/objectIds")
    assert (answer.text, answer.headers["access-control-allow-origin"]) == ('{"data":[]}', "*")
    assert answer.headers["content-type"] == "application/json"


def test_who_comes_late_hears_what_is_live(server: ServerThread) -> None:
    with client(server.urls) as operator, processor(server.urls, "cam1") as camera:
        operator.say("start", cameraId="cam1", image="first")
        operator.say("start", cameraId="cam1", frameId="f", boxId="b")
        operator.say("start", cameraId="cam1", image="third")
        assert [camera.hear()["objectId"] for _ in range(3)] == [1, 2, 3]
        camera.say_text('{"type":"featureMap","objectId":3,"featureMap":{"v":1.0}}')
        camera.settle()
        with client(server.urls, images=True) as late, processor(server.urls, "cam2") as newcomer:
            assert late.hear_text() == '{"type":"newObject","objectId":1,"image":"first"}'
            assert late.hear_text() == '{"type":"newObject","objectId":3,"image":"third"}'
            late.assert_silence()
            assert newcomer.hear_text() == '{"type":"featureMap","objectId":1,"featureMap":{}}'
            assert newcomer.hear_text() == '{"type":"featureMap","objectId":2,"featureMap":{}}'
            assert newcomer.hear_text() == '{"type":"featureMap","objectId":3,"featureMap":{"v":1.0}}'
            # Who never had its features is not told to stop following it: a stock processor would die of that.
            operator.say("stop", objectId=1)
            operator.say("stop", objectId=3)
            assert late.hear_text() == '{"type":"stop","objectId":1}'
            assert late.hear_text() == '{"type":"stop","objectId":3}'
            assert newcomer.hear_text() == '{"type":"stop","objectId":3}'
            newcomer.assert_silence()
        operator.assert_silence()


def test_a_client_without_images_is_told_of_boxes_alone(server: ServerThread) -> None:
    with (
        client(server.urls) as operator,
        client(server.urls, images=True) as watcher,
        processor(server.urls, "cam1") as camera,
    ):
        operator.say("start", cameraId="cam1", image="x")
        assert watcher.hear_kind("newObject")["objectId"] == 1
        watcher.say("setUsesImages", usesImages=False)
        watcher.settle()
        operator.say("stop", objectId=1)
        assert camera.hear_kind("start")["objectId"] == 1
        assert camera.hear_text() == '{"type":"stop","objectId":1}'
        for peer in (operator, watcher):
            peer.assert_silence()


def test_ids_go_on_after_a_stop_of_the_server(start_thread: StartThread) -> None:
    for expected in (1, 2, 3):
        with start_thread() as server, client(server.urls) as operator, processor(server.urls, f"cam{expected}"):
            operator.say("start", cameraId=f"cam{expected}", image="x", requestId="r")
            assert operator.hear_text() == f'{{"type":"accepted","requestId":"r","objectId":{expected}}}'
            operator.say("stop", objectId=expected, requestId="s")
            assert operator.hear_text() == f'{{"type":"accepted","requestId":"s","objectId":{expected}}}'
