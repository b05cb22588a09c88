"""The quarter: the same for the same seed, and people who walk from view to view as people do."""

import itertools
import math
from collections import defaultdict

from trio_orchestrator.demo.views import VIEWS
from trio_orchestrator.demo.world import BLOCK, STREETS, World

STEP = 0.1
MINUTES = 10


def places(world: World) -> list[tuple[float, float]]:
    return [walker.place for walker in world.walkers]


def test_the_same_seed_is_the_same_day() -> None:
    one, same, other = World(20, 1), World(20, 1), World(20, 2)
    for _ in range(1000):
        for world in (one, same, other):
            world.advance(STEP)
        assert places(one) == places(same)
    assert places(one) != places(other)


def test_people_walk_on_at_a_walking_pace() -> None:
    world = World(20, 1)
    for _ in range(3000):
        before = places(world)
        world.advance(STEP)
        for walker, was, now in zip(world.walkers, before, places(world), strict=True):
            # At a corner they change to the right-hand side of the next street.
            assert math.dist(was, now) <= walker.speed * STEP + 2 * math.sqrt(2) * walker.side
            assert walker.goes_to in STREETS[walker.came_from]
            assert 0 <= walker.walked < BLOCK


def test_hand_overs_are_plausible() -> None:
    """Nobody is on two cameras at once, or faster on the next one than they walk; and most see several."""
    world = World(20, 1)
    visits: dict[int, list[tuple[str, float, float]]] = defaultdict(list)
    for index in range(int(MINUTES * 60 / STEP)):
        world.advance(STEP)
        at = index * STEP
        for walker in world.walkers:
            on = [view.camera_id for view in VIEWS if view.project(walker) is not None]
            assert len(on) <= 1
            if not on:
                continue
            seen = visits[walker.number]
            if seen and seen[-1][0] == on[0] and at - seen[-1][2] < 3 * STEP:
                seen[-1] = (on[0], seen[-1][1], at)
            else:
                seen.append((on[0], at, at))
    cameras = {camera for seen in visits.values() for camera, _, _ in seen}
    assert cameras == {view.camera_id for view in VIEWS}
    several = [number for number, seen in visits.items() if len({camera for camera, _, _ in seen}) >= 3]
    assert len(several) > 15
    changes = [
        (world.walkers[number].speed, later[1] - earlier[2])
        for number, seen in visits.items()
        for earlier, later in itertools.pairwise(seen)
        if earlier[0] != later[0]
    ]
    assert len(changes) > 50
    for speed, gap in changes:
        assert gap * speed > 4, "a view begins where another one ends"
    lengths = sorted(last - first for seen in visits.values() for _, first, last in seen)
    assert 5 < lengths[len(lengths) // 2] < 30


def test_boxes_are_boxes_of_people() -> None:
    world = World(40, 3)
    for _ in range(600):
        world.advance(STEP)
        for view in VIEWS:
            for walker in world.walkers:
                rect = view.project(walker)
                if rect is not None:
                    left, top, right, bottom = rect
                    assert 0 <= left < right <= 1
                    assert 0 <= top < bottom <= 1
                    assert bottom - top > 0.05
