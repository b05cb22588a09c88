"""What live objects may cost, and how often a camera's name may change hands, as transcripts."""

import pytest

from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.tracking.limits import TAKEOVERS, WINDOW, ObjectLimits, Takeovers

from .world import Somebody, World, kept

START = '{"type":"start","cameraId":"cam1","image":"i","requestId":"r"}'
IDENTIFIER = '{"type":"identifier","id":"cam1"}'


def test_there_may_be_so_many_objects_and_one_more_when_one_has_ended() -> None:
    world = World(limits=ObjectLimits(max_objects=2))
    alice, bob, _ = world.client(), world.client(), world.processor("cam1")
    for client in (alice, bob, alice):
        client.says(START)
    assert alice.heard()[-1] == "error: limit_reached for r"
    assert world.live == {1, 2}
    world.expire(1)
    bob.says(START)
    assert world.live == {2, 3}


def test_what_is_on_its_way_to_the_disk_counts_until_it_is_there_or_never_will_be() -> None:
    world = World(limits=ObjectLimits(max_objects=2))
    alice, _ = world.client(), world.processor("cam1")
    world.holding = True
    for _ in range(3):
        alice.says(START)
    assert alice.heard() == ["error: limit_reached for r"]
    world.fail()
    world.commit()
    alice.says(START)
    assert alice.heard()[-1].startswith('{"type":"accepted"')
    alice.says(START)
    assert alice.heard() == ["error: limit_reached for r"]


def test_what_was_live_before_counts_and_stays() -> None:
    world = World(restored=[kept(1), kept(2), kept(3)], limits=ObjectLimits(max_objects=2))
    alice, _ = world.client(), world.processor("cam1")
    alice.says(START)
    assert alice.heard() == ["error: limit_reached for r"]
    assert world.live == {1, 2, 3}


def test_an_image_may_have_so_many_bytes() -> None:
    world = World(limits=ObjectLimits(max_image_bytes=10))
    alice, _ = world.client(), world.processor("cam1")
    for image, told in (('"12345678"', '{"type":"accepted","requestId":"r","objectId":1}'), ('"123456789"', None)):
        alice.says(f'{{"type":"start","cameraId":"cam1","image":{image},"requestId":"r"}}')
        assert alice.heard() == [told or "error: too_large for r"]
    assert world.live == {1}


def test_a_feature_map_may_have_so_many_bytes() -> None:
    world = World(restored=[kept(1)], limits=ObjectLimits(max_feature_map_bytes=10))
    camera = world.processor("cam1")
    camera.says('{"type":"featureMap","objectId":1,"featureMap":[1,2,3, 4]}')
    assert camera.heard() == ['{"type":"featureMap","objectId":1,"featureMap":[1,2,3, 4]}']
    camera.says('{"type":"featureMap","objectId":1,"featureMap":[1,2,3, 45]}')
    assert camera.heard() == ["error: too_large"]
    assert world.journal.feature_maps == [(1, "[1,2,3, 4]")]


# A camera's name.


class Quarrel:
    """A camera that processor after processor takes from the one before."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.world = World(takeovers=Takeovers(self.told.append))
        self.owner = self.world.processor("cam1")

    def take(self, camera_id: str = "cam1") -> CloseCode | None:
        """Another processor comes and says that it is this camera; how it was closed, if it was."""
        other = self.world.processor(camera_id)
        if other.outbox.closed is None:
            assert self.owner.outbox.closed is CloseCode.REPLACED or camera_id != "cam1"
            self.owner = other
        else:
            assert self.owner.outbox.closed is None
        return other.outbox.closed


def speaks(camera: Somebody, world: World) -> bool:
    watcher = world.client()
    camera.says('{"type":"boundingBoxes","frameId":1,"boxes":[]}')
    return bool(watcher.heard())


def test_a_few_takeovers_are_nothing_unusual() -> None:
    quarrel = Quarrel()
    assert [quarrel.take() for _ in range(TAKEOVERS)] == [None] * TAKEOVERS
    assert quarrel.told == []


def test_those_who_keep_taking_a_camera_from_each_other_are_slowed_down_and_told_of_once() -> None:
    quarrel = Quarrel()
    allowed = 0
    for second in range(600):
        quarrel.world.at = 1000.0 + second
        allowed += quarrel.take() is None
        assert speaks(quarrel.owner, quarrel.world), "one of them is heard"
    assert allowed <= TAKEOVERS * 600 / WINDOW + TAKEOVERS
    assert quarrel.told == ["cam1"]


def test_who_is_refused_is_asked_to_come_back_later() -> None:
    quarrel = Quarrel()
    for _ in range(TAKEOVERS):
        quarrel.take()
    assert quarrel.take() is CloseCode.LIMIT_REACHED
    quarrel.world.at += WINDOW - 1
    assert quarrel.take() is CloseCode.LIMIT_REACHED
    quarrel.world.at += 1
    assert quarrel.take() is None


def test_a_new_quarrel_is_told_of_again() -> None:
    quarrel = Quarrel()
    for _ in range(2):
        for _ in range(TAKEOVERS + 3):
            quarrel.take()
        quarrel.world.at += WINDOW
    assert quarrel.told == ["cam1", "cam1"]


def test_a_quarrel_is_the_business_of_one_camera() -> None:
    quarrel = Quarrel()
    for _ in range(TAKEOVERS + 1):
        quarrel.take()
    assert quarrel.take("cam2") is None
    assert quarrel.take("cam2") is None


def test_a_camera_whose_processor_has_gone_is_free() -> None:
    quarrel = Quarrel()
    for _ in range(TAKEOVERS):
        quarrel.take()
    quarrel.owner.leaves()
    assert quarrel.world.processor("cam1").outbox.closed is None


def test_to_say_the_same_again_takes_nothing_over() -> None:
    quarrel = Quarrel()
    for _ in range(10 * TAKEOVERS):
        quarrel.owner.says(IDENTIFIER)
    assert quarrel.owner.outbox.closed is None
    assert quarrel.take() is None


def test_who_is_refused_keeps_the_camera_it_had_until_it_is_gone() -> None:
    quarrel = Quarrel()
    for _ in range(TAKEOVERS):
        quarrel.take()
    other = quarrel.world.processor("cam2")
    other.says(IDENTIFIER)
    assert other.outbox.closed is CloseCode.LIMIT_REACHED
    assert speaks(quarrel.owner, quarrel.world)


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_clock_that_is_set_locks_nobody_out(step: float) -> None:
    quarrel = Quarrel()
    for _ in range(TAKEOVERS + 1):
        quarrel.take()
    quarrel.world.at += step
    assert quarrel.take() is None


def test_names_without_end_take_no_memory_without_end() -> None:
    takeovers = Takeovers(lambda _camera: None)
    for number in range(5000):
        assert takeovers.allow(f"cam{number}", 1000.0)
    assert len(takeovers._quarrels) <= 1000
