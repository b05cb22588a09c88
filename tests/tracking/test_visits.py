"""Presences → visits."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_orchestrator.tracking.visits import Presence, Visit, Visits

GAP = 3000


def presence(at: int, camera: str = "a", *, last: int | None = None, best: float | None = None) -> Presence:
    return Presence(camera, at, at if last is None else last, 1, best)


def visits_of(presences: Sequence[Presence], gap: int = GAP) -> list[Visit]:
    visits = Visits(gap)
    return [*visits.add(presences), *visits.rest()]


@pytest.mark.parametrize(
    ("seconds", "ends"),
    [
        ([], []),
        ([0], [0]),
        ([0, 3000], [3000]),
        ([0, 3001], [0, 3001]),
        ([0, 1000, 2000, 9000], [2000, 9000]),
    ],
)
def test_a_longer_time_than_the_gap_ends_a_visit(seconds: list[int], ends: list[int]) -> None:
    assert [visit.last for visit in visits_of([presence(second) for second in seconds])] == ends


def test_what_is_taken_together() -> None:
    first, second = Presence("a", 100, 900, 5, 0.25), Presence("a", 1000, 1800, 2, None)
    assert visits_of([first, second]) == [Visit("a", 100, 1800, 7, 0.25)]
    assert visits_of([second, presence(1900, best=0.5)])[0].best_certainty == 0.5
    assert visits_of([first, presence(1900, best=0.125)])[0].best_certainty == 0.25


def test_merged_rows_may_end_late() -> None:
    merged = presence(0, last=8000)
    assert visits_of([merged, presence(2000), presence(11_000)]) == [Visit("a", 0, 11_000, 3, None)]


def test_each_camera_has_its_own_and_who_ended_first_comes_first() -> None:
    presences = [presence(0, "b"), presence(0, "c"), presence(1000, "a"), presence(1000, "c"), presence(9000, "d")]
    visits = Visits(GAP)
    assert [visit.camera_id for visit in visits.add(presences)] == ["b", "c", "a"]
    (left,) = visits.rest()
    assert left.camera_id == "d"
    assert visits.goes_on(left, 12_000)
    assert not visits.goes_on(left, 12_001)
    assert visits.rest() == []


def test_a_visit_is_given_out_as_soon_as_it_is_over() -> None:
    visits = Visits(GAP)
    assert list(visits.add([presence(0, "a"), presence(3999, "b")])) == []
    assert [visit.camera_id for visit in visits.add([presence(4000, "c")])] == ["a"]


@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.sampled_from("abc")), max_size=60),
    st.integers(1, 8000),
    st.integers(1, 10),
)
def test_however_it_is_cut_it_is_what_a_whole_look_tells(
    sightings: list[tuple[int, str]], gap: int, piece: int
) -> None:
    rows = [presence(at, camera) for at, camera in sorted(sightings, key=lambda one: (one[0] // 1000, one[1], one[0]))]
    visits = Visits(gap)
    found: list[Visit] = []
    for start in range(0, len(rows), piece):
        found += visits.add(rows[start : start + piece])
    found += visits.rest()
    expected: list[Visit] = []
    for camera in "abc":
        instants = sorted(at for at, seen_on in sightings if seen_on == camera)
        runs: list[list[int]] = []
        for at in instants:
            if runs and at - runs[-1][-1] <= gap:
                runs[-1].append(at)
            else:
                runs.append([at])
        expected += [Visit(camera, run[0], run[-1], len(run), None) for run in runs]
    assert found == sorted(expected, key=lambda visit: (visit.last, visit.first, visit.camera_id))
