"""One peer and what it says: understood once, carried out in order, refused in one line."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_orchestrator.connections.session import Kind
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import NOT_TEXT, NotText
from trio_orchestrator.tracking.ports import Actor, NewObject

from .house import USES_IMAGES, House, error, is_one

# Without tokens.


async def test_where_no_token_is_asked_for_a_peer_is_in_at_once_and_authenticate_is_ignored() -> None:
    house = House()
    alice, cam1 = house.peer(), house.peer(Kind.PROCESSOR)
    await alice.shows("nonsense")
    await cam1.shows("nonsense")
    await alice.says(USES_IMAGES)
    await cam1.says('{"type":"identifier","id":"cam1"}')
    assert alice.heard() == ['{"type":"newObject","objectId":1,"image":"i"}']
    assert cam1.heard() == ['{"type":"featureMap","objectId":1,"featureMap":[1]}']
    assert alice.session.deadline.deadline == float("inf")
    assert (alice.code, cam1.code) == (None, None)


async def test_each_kind_of_peer_has_its_own_words() -> None:
    house = House()
    alice, cam1 = house.peer(), house.peer(Kind.PROCESSOR)
    await alice.says('{"type":"identifier","id":"cam1"}', '{"type":"boundingBoxes","frameId":1,"boxes":[]}')
    await cam1.says('{"type":"start","cameraId":"cam1","image":"i"}', USES_IMAGES, '{"type":"whatever"}')
    assert (alice.heard(), cam1.heard(), house.log.lines) == ([], [], [])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("nonsense", error("not_json")),
        (NOT_TEXT, error("not_json")),
        ('{"type":"start","requestId":"r"}', error("invalid_message", "r")),
        ('{"type":"stop","objectId":"1"}', error("invalid_message")),
        ('{"type":"start","cameraId":"cam9","image":"i","requestId":"r"}', error("unknown_camera", "r")),
        ('{"type":"stop","objectId":9}', error("unknown_object")),
        ('{"type":"stop","objectId":9,"requestId":"r"}', error("unknown_object", "r")),
    ],
)
async def test_a_message_that_cannot_be_carried_out_gets_one_error_and_one_line_and_the_connection_stays(
    message: str | NotText, expected: Callable[[str], bool]
) -> None:
    house = House()
    alice, bob = house.peer(), house.peer()
    await alice.says(message)
    assert is_one(alice.heard(), expected)
    assert bob.heard() == []
    (line,) = house.log.lines
    assert line["connection"] == 7
    assert line["event"] == "a message was not carried out"
    await alice.says(*[message] * 100)
    assert len(alice.heard()) == 100  # an error each
    assert len(house.log.lines) == 1  # and no line more
    await alice.says(USES_IMAGES)
    assert len(alice.heard()) == 1
    assert alice.code is None


async def test_any_message_may_carry_the_id_of_a_request() -> None:
    house = House()
    cam1 = house.peer(Kind.PROCESSOR)
    await cam1.says('{"type":"boundingBoxes","frameId":1,"boxes":[],"requestId":"r"}')
    assert is_one(cam1.heard(), error("not_identified", "r"))
    await cam1.says('{"type":"identifier","id":"cam1"}')
    cam1.heard()
    await cam1.says('{"type":"featureMap","objectId":9,"featureMap":[],"requestId":"r"}')
    assert is_one(cam1.heard(), error("unknown_object", "r"))


async def test_boxes_that_nest_to_the_bottom_of_the_stack_cost_no_connection() -> None:
    house = House()
    cam1 = house.peer(Kind.PROCESSOR)
    await cam1.says('{"type":"identifier","id":"cam1"}')
    cam1.heard()
    for depth in range(900, 1100):
        await cam1.says(f'{{"type":"boundingBoxes","frameId":1,"boxes":[{{"a":{"[" * depth}{"]" * depth}}}]}}')
    assert all(error("not_json")(text) or error("invalid_message")(text) for text in cam1.heard())
    assert cam1.code is None


# Changes that must be on disk first.


async def test_the_next_message_waits_for_the_disk(nursery: trio.Nursery) -> None:
    house = House()
    alice, cam1 = house.peer(), house.peer(Kind.PROCESSOR)
    await cam1.says('{"type":"identifier","id":"cam1"}')
    house.ledger.ready = trio.Event()
    nursery.start_soon(
        alice.says,
        '{"type":"start","cameraId":"cam1","image":"j","requestId":"r"}',
        USES_IMAGES,
    )
    await wait_all_tasks_blocked()
    assert alice.heard() == []
    house.ledger.ready.set()
    await wait_all_tasks_blocked()
    assert alice.heard() == [
        '{"type":"accepted","requestId":"r","objectId":2}',
        '{"type":"newObject","objectId":1,"image":"i"}',
        '{"type":"newObject","objectId":2,"image":"j"}',
    ]
    assert house.ledger.pending[0].change == NewObject("cam1", b'"j"', None, Actor(address="192.0.2.7"))


@pytest.mark.parametrize("request_id", ["", "r"])
async def test_a_disk_that_does_not_work_is_an_error_and_changes_nothing(request_id: str) -> None:
    house = House()
    house.ledger.works = False
    alice = house.peer()
    await alice.says(USES_IMAGES)
    alice.heard()
    member = f',"requestId":"{request_id}"' if request_id else ""
    await alice.says('{"type":"stop","objectId":1' + member + "}")
    assert is_one(alice.heard(), error("storage_unavailable", request_id))
    assert house.world.live == {1}


# The end.


async def test_after_the_end_nothing_is_carried_out_and_the_hub_forgets_the_peer() -> None:
    house = House()
    alice = house.peer()
    alice.outbox.close(CloseCode.REPLACED, "replaced")
    await alice.says(USES_IMAGES, '{"type":"stop","objectId":1}', "nonsense")
    assert (alice.heard(), house.ledger.pending, house.log.lines) == ([], [], [])
    alice.session.close()
    alice.session.close()
    assert house.world.broadcast.wants == {}
