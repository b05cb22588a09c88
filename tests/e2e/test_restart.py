"""kill -9 and a start again: what was told to be so is still so."""

import time
from datetime import datetime, timedelta

from . import web
from .conftest import StartProcess, StartThread
from .peers import PATIENCE, Peer, box, client, processor, start


def test_nothing_that_was_promised_is_lost(start_process: StartProcess) -> None:
    first = start_process()
    with client(first.urls) as operator, processor(first.urls, "cam1") as camera:
        followed = start(operator, "cam1", image="im\u00e4ge")
        stopped = start(operator, "cam1", image="gone")
        operator.say("stop", objectId=stopped, requestId="s")
        while operator.hear().get("requestId") != "s":
            pass
        unseen = start(operator, "cam1")
        camera.say_text(f'{{"type":"featureMap","objectId":{followed},"featureMap":{{"old":1}}}}')
        camera.say_text(f'{{"type":"featureMap","objectId":{followed},"featureMap":{{"v":[1.0, 2]}}}}')
        camera.say("boundingBoxes", frameId=1, boxes=[box(followed)])
        camera.settle()
        before = _timeline(first.urls.plain, followed)
        # Accepted this very moment, as far as the operator knows.
        newest = start(operator, "cam1", image="newest")
        first.kill()

    second = start_process()
    assert web.get(f"{second.urls.plain}/objectIds").json()["data"] == [
        followed,
        stopped,
        unseen,
        newest,
    ]
    assert _timeline(second.urls.plain, followed) == before
    with client(second.urls) as operator, processor(second.urls, "cam2") as camera:
        operator.say("setUsesImages", usesImages=True)
        assert operator.hear_text() == f'{{"type":"newObject","objectId":{followed},"image":"im\\u00e4ge"}}'
        assert operator.hear_text() == f'{{"type":"newObject","objectId":{newest},"image":"newest"}}'
        assert camera.hear_text() == f'{{"type":"featureMap","objectId":{followed},"featureMap":{{"v":[1.0, 2]}}}}'
        for object_id in (unseen, newest):
            assert camera.hear_text() == f'{{"type":"featureMap","objectId":{object_id},"featureMap":{{}}}}'
        camera.assert_silence()
        assert start(operator, "cam2") == newest + 1


def _timeline(url: str, object_id: int) -> str:
    """The timeline once there is one, at most a second after the sighting."""
    until = time.monotonic() + PATIENCE
    while True:
        answer = web.get(f"{url}/timelines?objectId={object_id}")
        if answer.is_success:
            return answer.text
        assert time.monotonic() < until


def _expiry(operator: Peer) -> datetime:
    """When the one live object stops being tracked, as the server tells who asks for it."""
    operator.say("hello", features=["tracking"])
    assert operator.hear_kind("welcome")["features"] == ["tracking"]
    (tracked,) = operator.hear_kind("tracked")["objects"]
    return datetime.fromisoformat(tracked["expiresAt"])


def test_the_timeout_goes_on(start_process: StartProcess) -> None:
    first = start_process(TRACKING_TIMEOUT="1000")
    with client(first.urls) as operator, processor(first.urls, "cam1"):
        start(operator, "cam1")
        expiry = _expiry(operator)
        first.kill()
    killed = time.monotonic()
    # The time that was set then counts, not that of now.
    second = start_process(TRACKING_TIMEOUT="5")
    with client(second.urls) as operator:
        restart = timedelta(seconds=time.monotonic() - killed)
        assert abs(_expiry(operator) - expiry) < restart / 2


def test_it_ends_when_the_rest_of_its_time_is_over(start_thread: StartThread) -> None:
    timeout = 1.5
    with (
        start_thread(TRACKING_TIMEOUT=str(timeout)) as first,
        client(first.urls) as operator,
        processor(first.urls, "cam1"),
    ):
        begun = time.monotonic()
        object_id = start(operator, "cam1", image="x")
    with start_thread() as second, client(second.urls) as operator:
        operator.say("setUsesImages", usesImages=True)
        assert operator.hear_kind("newObject")["objectId"] == object_id
        assert operator.hear_text() == f'{{"type":"stop","objectId":{object_id}}}'
        assert timeout <= time.monotonic() - begun < timeout + PATIENCE / 2


def test_what_ran_out_meanwhile_is_over(start_process: StartProcess) -> None:
    first = start_process(TRACKING_TIMEOUT="0.2")
    with client(first.urls) as operator, processor(first.urls, "cam1"):
        object_id = start(operator, "cam1", image="x")
        first.kill()
    second = start_process(TRACKING_TIMEOUT="1000")
    with client(second.urls, images=True) as operator:
        operator.assert_silence()
        operator.say("stop", objectId=object_id)
        assert operator.hear_kind("error")["code"] == "unknown_object"
