"""What is told to those who asked by `hello`, and to nobody else (contract, part 2)."""

import json
from typing import Any

import pytest

from trio_orchestrator.tracking.cameras import MAX_OFFLINE
from trio_orchestrator.tracking.ports import Actor, AnswerDue, VisitDue

from .world import Somebody, World, kept

HELLO = '{"type":"hello","features":["cameras","tracking"]}'
START = '{"type":"start","cameraId":"cam1","image":"i"}'
SEEN = '{"type":"boundingBoxes","frameId":1,"boxes":[{"objectId":1}]}'
AT = "1970-01-01T00:16:40.000Z"


def follower(world: World, features: str = '["tracking"]') -> Somebody:
    peer = world.client()
    peer.says('{"type":"subscribe","cameraIds":[]}')
    peer.says('{"type":"hello","features":' + features + "}")
    peer.heard()
    return peer


def heard(peer: Somebody) -> list[dict[str, Any]]:
    return [json.loads(told) for told in peer.heard()]


def test_a_hello_is_answered_with_what_will_be_told_and_how_things_stand() -> None:
    world = World(restored=[kept(1, b'"i"', b"[1]", 12.5, "cam1"), kept(2)])
    world.processor("cam1")
    world.processor("cam2").leaves()
    for peer in (world.client(), world.processor()):
        peer.says(HELLO)
        assert peer.heard() == [
            '{"type":"welcome","server":"orchestrator/1","features":["cameras","tracking"],"epoch":"e-1"}',
            f'{{"type":"cameras","cameras":[{{"cameraId":"cam1","online":true,"since":"{AT}"}},'
            f'{{"cameraId":"cam2","online":false,"since":"{AT}"}}]}}',
            '{"type":"tracked","objects":['
            '{"objectId":1,"state":"features","cameraId":"cam1","startedAt":"1970-01-01T00:08:20.000Z",'
            '"expiresAt":"1970-01-01T00:16:52.500Z","hasImage":true,"seenOn":[]},'
            '{"objectId":2,"state":"started","cameraId":"elsewhere","startedAt":"1970-01-01T00:08:20.000Z",'
            '"hasImage":false,"seenOn":[]}]}',
        ]


@pytest.mark.parametrize("features", ["[]", '["colours","CAMERAS"]'])
def test_unknown_features_are_ignored(features: str) -> None:
    alice = World().client()
    alice.says('{"type":"hello","features":' + features + "}")
    assert alice.heard() == ['{"type":"welcome","server":"orchestrator/1","features":[],"epoch":"e-1"}']


@pytest.mark.parametrize("features", ["", ',"features":null', ',"features":"cameras"', ',"features":[1]'])
def test_a_hello_without_features_is_invalid(features: str) -> None:
    alice = World().client()
    alice.says('{"type":"hello"' + features + "}")
    assert alice.heard() == ["error: invalid_message"]


def test_who_did_not_ask_is_told_nothing_of_it() -> None:
    world = World(tracking_timeout=60)
    alice, cam1 = world.client(images=True), world.processor("cam1")
    everything = follower(world, '["cameras","tracking","lagged"]')
    alice.says(START)
    cam1.says('{"type":"featureMap","objectId":1,"featureMap":[1]}')
    cam1.says(SEEN)
    world.remind(VisitDue(1, "cam1"))
    world.processor("cam2").leaves()
    world.expire(1)
    stock = {"newObject", "boundingBoxes", "start", "featureMap", "stop"}
    assert {told["type"] for told in (*heard(alice), *heard(cam1))} <= stock
    assert len(everything.heard()) == 6


def test_a_second_hello_replaces_the_features() -> None:
    world = World()
    alice = follower(world, '["cameras","lagged"]')
    make = alice.outbox.make_report
    assert make is not None
    assert make(3) == b'{"type":"lagged","dropped":3}'
    alice.says('{"type":"hello","features":["tracking"]}')
    alice.heard()
    world.processor("cam1")
    assert alice.heard() == []
    assert alice.outbox.make_report is None
    alice.leaves()
    world.client().says(START)
    assert alice.heard() == []


def test_cameras_come_and_go() -> None:
    world = World()
    alice = follower(world, '["cameras"]')
    old = world.processor("cam1")
    assert alice.heard() == [f'{{"type":"camera","cameraId":"cam1","online":true,"since":"{AT}"}}']
    new = world.processor("cam1")
    old.leaves()
    assert alice.heard() == []  # it has been online all the time
    world.at += 0.5
    new.says('{"type":"identifier","id":"cam2"}')
    changes = [("cam1", False), ("cam2", True)]
    assert [(told["cameraId"], told["online"]) for told in heard(alice)] == changes
    new.leaves()
    assert alice.heard() == ['{"type":"camera","cameraId":"cam2","online":false,"since":"1970-01-01T00:16:40.500Z"}']


def test_of_cameras_that_are_gone_not_every_name_is_remembered_for_ever() -> None:
    world = World()
    restless = world.processor()
    for number in range(MAX_OFFLINE + 100):
        restless.says(f'{{"type":"identifier","id":"cam{number}"}}')
    alice = world.client()
    alice.says('{"type":"hello","features":["cameras"]}')
    _, cameras = heard(alice)
    assert len(cameras["cameras"]) == MAX_OFFLINE + 1


def test_a_search_from_its_start_to_its_stop() -> None:
    world = World()
    bob, alice = follower(world), world.client(actor=Actor("alice", "Alice"))
    cam1, cam2 = world.processor("cam1"), world.processor("cam2")

    alice.says(START)
    start = f'{{"type":"tracking","objectId":1,"state":"started","cameraId":"cam1","by":"alice","at":"{AT}"}}'
    assert bob.heard() == [start]

    world.at = 1001.0
    for features in ("[1]", "[2]"):
        cam1.says('{"type":"featureMap","objectId":1,"featureMap":' + features + "}")
    (told,) = heard(bob)  # the first answer is news
    assert (told["state"], told["cameraId"]) == ("features", "cam1")

    for at in (1002.0, 1003.0, 1004.0):
        world.at = at
        cam2.says(SEEN)
    (told,) = heard(bob)
    assert told == {
        "type": "tracking",
        "objectId": 1,
        "state": "seen",
        "cameraId": "cam2",
        "at": "1970-01-01T00:16:42.000Z",
    }

    world.at = 1005.0
    world.remind(VisitDue(1, "cam2"))  # it was seen a second ago
    assert bob.heard() == []
    assert world.reminders.running == {VisitDue(1, "cam2"): 2.0}
    world.at = 1007.0
    world.remind(VisitDue(1, "cam2"))
    (told,) = heard(bob)
    assert (told["state"], told["cameraId"], told["at"]) == ("lost", "cam2", "1970-01-01T00:16:44.000Z")

    cam1.says(SEEN)
    alice.says('{"type":"stop","objectId":1}')
    _, told = heard(bob)
    assert (told["state"], told["by"], told["reason"]) == ("stopped", "alice", "client")
    assert world.reminders.running == {}


def test_an_expiry_and_an_erasure_say_so() -> None:
    world = World(tracking_timeout=60, restored=[kept(1), kept(2)])
    bob = follower(world)
    world.expire(1)
    world.erase(2, Actor("admin"))
    assert [(told["objectId"], told["reason"], told.get("by")) for told in heard(bob)] == [
        (1, "timeout", None),
        (2, "erased", "admin"),
    ]
    assert (world.live, world.reminders.running) == (set(), {})
    world.erase(2)  # a past one
    assert bob.heard() == []


@pytest.mark.parametrize(("online", "reason"), [(True, "no_features"), (False, "camera_offline")])
def test_a_start_that_nobody_answers_has_failed(online: bool, reason: str) -> None:
    world = World()
    alice, bob, cam1 = world.client(), follower(world), world.processor("cam1")
    alice.says(START)
    if not online:
        cam1.leaves()
    bob.heard()
    assert world.reminders.running == {AnswerDue(1): 10.0}
    world.remind(AnswerDue(1))
    assert [(told["state"], told["reason"], told["cameraId"]) for told in heard(bob)] == [("failed", reason, "cam1")]
    world.processor("cam1")  # is told again to find it
    assert [told["state"] for told in heard(bob)] == ["started"]
    assert world.reminders.running == {AnswerDue(1): 10.0}


def test_a_camera_that_comes_back_is_no_news_of_an_object_that_is_seen_elsewhere() -> None:
    world = World()
    alice, bob, cam1, cam2 = world.client(), follower(world), world.processor("cam1"), world.processor("cam2")
    alice.says(START)
    cam2.says(SEEN)
    cam1.leaves()
    bob.heard()
    back = world.processor()
    back.says('{"type":"identifier","id":"cam1"}')
    assert [told["type"] for told in heard(back)] == ["featureMap", "start"]
    assert (heard(bob), set(world.reminders.running)) == ([], {VisitDue(1, "cam2")})
    world.at += 10
    world.remind(VisitDue(1, "cam2"))
    back.leaves()
    world.processor("cam1")
    assert [(told["state"], told["cameraId"]) for told in heard(bob)] == [("lost", "cam2"), ("started", "cam1")]
    newcomer = world.client()
    newcomer.says('{"type":"hello","features":["tracking"]}')
    (state,) = heard(newcomer)[1]["objects"]
    assert (state["state"], state["cameraId"]) == ("started", "cam1")


def test_an_object_that_was_seen_was_answered() -> None:
    world = World()
    alice, bob, cam1 = world.client(), follower(world), world.processor("cam1")
    alice.says(START)
    cam1.says(SEEN)
    assert world.reminders.running == {VisitDue(1, "cam1"): 3.0}
    assert [told["state"] for told in heard(bob)] == ["started", "seen"]


def test_on_two_cameras_at_once_it_is_lost_from_each() -> None:
    world = World(restored=[kept(1, feature_map=b"[1]")])
    bob = follower(world)
    for camera in (world.processor("cam1"), world.processor("cam2")):
        camera.says(SEEN)
    world.at += 10
    for camera_id in ("cam1", "cam2"):
        world.remind(VisitDue(1, camera_id))
    assert [(told["state"], told["cameraId"]) for told in heard(bob)] == [
        ("seen", "cam1"),
        ("seen", "cam2"),
        ("lost", "cam1"),
        ("lost", "cam2"),
    ]


def test_a_clock_that_is_set_back_ends_no_visit_early_and_lets_none_last() -> None:
    world = World(restored=[kept(1, feature_map=b"[1]")])
    bob, cam1 = follower(world), world.processor("cam1")
    cam1.says(SEEN)
    bob.heard()
    world.at -= 3600
    world.remind(VisitDue(1, "cam1"))
    assert (bob.heard(), world.reminders.running) == ([], {VisitDue(1, "cam1"): 3.0})
    world.at += 3
    world.remind(VisitDue(1, "cam1"))
    assert [told["state"] for told in heard(bob)] == ["lost"]
