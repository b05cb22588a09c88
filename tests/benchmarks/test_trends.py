"""What a soak makes of its curves: what grows is found, and what only goes up and down is not taken for it."""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from benchmarks.soak.sampling import Sample
from benchmarks.soak.trends import CURVES, LEAST_SECONDS, Curve, trends

MIB = 2**20
SECONDS = 600

STILL = Sample(
    at=0, memory=95 * MIB, tasks=175, descriptors=53, connections=39, live_objects=22,
    lag=0.05, left_out=0, p50=0.002, p99=0.01, worst=0.012,
)  # fmt: skip
SHAKE = {
    "memory": MIB / 10, "tasks": 20.0, "descriptors": 5.0, "connections": 6.0, "lag": 0.05, "p50": 0.001, "p99": 0.008,
}  # fmt: skip


def run(seed: int, a_minute: Mapping[str, float] | None = None, seconds: int = SECONDS) -> list[Sample]:
    """What a run looks like: everything goes up and down from one moment to the next, and some of it up `a_minute`."""
    chance = random.Random(seed)
    swings = dict.fromkeys(SHAKE, 0.0)
    samples = []
    for second in range(seconds):
        found = {}
        for name, width in SHAKE.items():
            swings[name] = 0.7 * swings[name] + chance.gauss(0, width / 2)
            found[name] = getattr(STILL, name) + swings[name] + (a_minute or {}).get(name, 0.0) * second / 60
        samples.append(replace(STILL, at=float(second), **found))
    return samples


def growing(samples: list[Sample]) -> list[str]:
    return [trend.curve.name for trend in trends(samples) if trend.grows]


@pytest.mark.parametrize("seed", range(20))
def test_what_only_goes_up_and_down_does_not_grow(seed: int) -> None:
    assert growing(run(seed)) == []


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_what_grows_by_more_than_is_tolerated_is_found(curve: Curve) -> None:
    leak = {curve.name: 3 * curve.tolerated * curve.of_unit}
    assert [growing(run(seed, leak)) for seed in range(5)] == [[curve.name]] * 5


def test_what_grows_by_less_is_tolerated() -> None:
    assert growing(run(1, {"memory": 0.3 * MIB})) == []


def test_the_beginning_does_not_count() -> None:
    samples = [replace(sample, memory=sample.memory - max(0, 200 - sample.at) * MIB / 10) for sample in run(2)]
    assert growing(samples) == []


def test_one_moment_out_of_the_ordinary_is_no_trend() -> None:
    samples = run(3)
    samples[-3:] = [replace(sample, p99=2.0, tasks=2000) for sample in samples[-3:]]
    assert growing(samples) == []


def test_the_slope_is_told_in_its_unit() -> None:
    (memory,) = (trend for trend in trends(run(4, {"memory": 5 * MIB})) if trend.curve.name == "memory")
    assert memory.slope == pytest.approx(5, abs=0.3)
    assert "MiB a minute, of which 0.5 are tolerated" in str(memory)


@pytest.mark.parametrize(
    "samples", [[], run(5, {"memory": 50 * MIB}, seconds=int(LEAST_SECONDS))], ids=["none", "too few"]
)
def test_a_short_run_tells_nothing(samples: list[Sample]) -> None:
    assert trends(samples) == []
