import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_orchestrator.store.changes import NoteBatch, OwnStop, SecondKey, SecondRow
from trio_orchestrator.store.notes import Notes
from trio_orchestrator.tracking.ports import Actor, StopReason


class Stirred:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def _notes(limit: int = 1000) -> Notes:
    return Notes(limit, Stirred())


def _counts(batch: NoteBatch) -> dict[SecondKey, int]:
    return {key: row.count for key, row in batch.rows}


def _drain(notes: Notes) -> list[NoteBatch]:
    batches = []
    while notes:
        batches.append(notes.take())
        notes.written()
    return batches


@pytest.mark.parametrize(
    ("said", "best"), [((None, None, 0.25, None, 0.75, 0.5), 0.75), ((None, None, 0.0, None), 0.0)]
)
def test_the_best_of_what_is_shown_again_is_kept_where_it_is_not_always_said(
    said: tuple[float | None, ...], best: float
) -> None:
    notes, shown = _notes(), (1,)
    for number, certainty in enumerate(said):
        notes.sighted("cam", 7 + number / 128, shown, (certainty,))
    ((_, row),) = notes.take().rows
    assert row.best == best


def test_sightings_of_a_second_are_one_row() -> None:
    notes = _notes()
    for at, certainty in ((7.5, None), (7.25, 0.5), (7.75, 0.25), (7.625, None)):
        notes.sighted("cam", at, (1,), (certainty,))
    notes.sighted("cam", 8.0, (1,), (0.125,))
    notes.sighted("other", 7.5, (1,), (None,))
    notes.sighted("cam", 7.5, (2,), (None,))
    rows = [(key, (row.count, row.first, row.last, row.best)) for key, row in notes.take().rows]
    assert rows == [
        ((1, "cam", 7), (4, 7.25, 7.75, 0.5)),
        ((2, "cam", 7), (1, 7.5, 7.5, None)),
        ((1, "cam", 8), (1, 8.0, 8.0, 0.125)),
        ((1, "other", 7), (1, 7.5, 7.5, None)),
    ]


def test_an_object_that_is_twice_in_a_frame_counts_twice() -> None:
    notes = _notes()
    notes.sighted("cam", 7.5, (1, 1, 2, 1), (None, 0.5, 0.25, 0.25))
    assert _counts(notes.take()) == {(1, "cam", 7): 3, (2, "cam", 7): 1}


def test_frames_that_show_the_same_are_counted_together_and_lose_nothing() -> None:
    notes = _notes()
    shown = (1, 2, 3, 1)
    for number in range(100):
        notes.sighted("cam", 7 + number / 128, shown, (number / 128, None, None if number else 0.5, 0.5))
    notes.sighted("cam", 8.0, shown, (None, 0.25, None, None))
    rows = {key: (row.count, row.first, row.last, row.best) for key, row in notes.take().rows}
    assert rows == {
        (1, "cam", 7): (200, 7.0, 7 + 99 / 128, 99 / 128),
        (2, "cam", 7): (100, 7.0, 7 + 99 / 128, None),
        (3, "cam", 7): (100, 7.0, 7 + 99 / 128, 0.5),
        (1, "cam", 8): (2, 8.0, 8.0, None),
        (2, "cam", 8): (1, 8.0, 8.0, 0.25),
        (3, "cam", 8): (1, 8.0, 8.0, None),
    }


def test_what_waits_to_be_counted_is_little_however_much_is_shown() -> None:
    notes, shown = _notes(), tuple(range(1, 9)) * 1000
    tracemalloc.start()
    try:
        for number in range(20):
            notes.sighted("cam", 7 + number / 128, shown, tuple(number + place / 8192 for place in range(len(shown))))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
    assert _counts(notes.take()) == {(object_id, "cam", 7): 20_000 for object_id in range(1, 9)}


SHOWN = [(1,), (2,), (1, 2), (2, 1), (1, 1), (3, 1, 2)]
frames = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([0.0, 0.01, 0.25, 0.5, 1.0, -0.25, -1.0]),
    st.sampled_from(SHOWN),
    st.lists(st.none() | st.sampled_from([0.25, 0.5, 0.75]), min_size=3, max_size=3),
    st.integers(1, 40),
    st.sampled_from([None, None, None, "take", "write"]),
)


@given(shown=st.lists(frames, max_size=20), limit=st.sampled_from([1, 4, 1000]))
def test_all_that_is_shown_is_written(
    shown: list[tuple[str, float, tuple[int, ...], list[float | None], int, str | None]], limit: int
) -> None:
    notes, at = _notes(limit), 100.0
    said: dict[SecondKey, list[SecondRow]] = {}
    written: list[tuple[SecondKey, SecondRow]] = []
    for camera_id, step, object_ids, certainties, times, then in shown:
        for _ in range(times):
            at += step / times
            notes.sighted(camera_id, at, object_ids, tuple(certainties[: len(object_ids)]))
            for object_id, certainty in zip(object_ids, certainties, strict=False):
                said.setdefault((object_id, camera_id, int(at)), []).append(SecondRow(1, at, at, certainty))
        if then is not None:
            notes.take()
        if then == "write":
            written += notes.take().rows
            notes.written()
    written += [row for batch in _drain(notes) for row in batch.rows]
    by_second: dict[SecondKey, list[SecondRow]] = {}
    by_presence: dict[tuple[int, str], list[SecondRow]] = {}
    for key, row in written:
        by_second.setdefault(key, []).append(row)
        by_presence.setdefault(key[:2], []).append(row)
    if not notes.merged:
        assert {key: together(rows) for key, rows in by_second.items()} == {
            key: together(rows) for key, rows in said.items()
        }
    # However many rows were merged, of each object and camera all is there.
    of_all: dict[tuple[int, str], list[SecondRow]] = {}
    for key, rows in said.items():
        of_all.setdefault(key[:2], []).extend(rows)
    assert {presence: together(rows) for presence, rows in by_presence.items()} == {
        presence: together(rows) for presence, rows in of_all.items()
    }


def together(rows: list[SecondRow]) -> tuple[int, float, float, float | None]:
    """What they say, however they are divided."""
    return (
        sum(row.count for row in rows),
        min(row.first for row in rows),
        max(row.last for row in rows),
        max((row.best for row in rows if row.best is not None), default=None),
    )


def test_only_the_newest_feature_map_and_the_first_stop_are_kept() -> None:
    notes = _notes()
    notes.feature_map_changed(1, b"[1]")
    notes.feature_map_changed(1, b"[2]")
    notes.stopped(1, OwnStop(StopReason.TIMEOUT, 5))
    notes.stopped(1, OwnStop(StopReason.TIMEOUT, 6))
    batch = notes.take()
    assert batch.feature_maps == {1: b"[2]"}
    assert batch.stops == {1: OwnStop(StopReason.TIMEOUT, 5)}


def test_look_ups_of_a_second_are_kept_once_though_the_first_is_written_already() -> None:
    notes, ann, bob = _notes(), Actor("ann"), Actor("bob")
    batches = []
    for at in (7_000, 7_400, 7_999):
        for _ in range(2):
            notes.looked_up(1, ann, at)
        batches += _drain(notes)
    notes.looked_up(1, bob, 7_999)
    notes.looked_up(2, ann, 7_999)
    notes.looked_up(1, ann, 8_000)
    batches += _drain(notes)
    told = [(note.at, note.object_id, note.actor) for batch in batches for note in batch.look_ups]
    assert told == [(7_000, 1, ann), (7_999, 1, bob), (7_999, 2, ann), (8_000, 1, ann)]


def test_only_look_ups_that_are_not_kept_are_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_orchestrator.store.notes._MAX_LOOK_UPS", 2)
    notes, ann = _notes(), Actor("ann")
    for object_id in (1, 2, 3, 1):
        notes.looked_up(object_id, ann, 7_000)
    assert (notes.waiting_look_ups, notes.lost_look_ups) == (2, 1)
    _drain(notes)
    notes.looked_up(3, ann, 7_500)
    assert (notes.waiting_look_ups, notes.lost_look_ups) == (1, 1)


def test_the_first_note_stirs_the_writer_and_no_other_does() -> None:
    stirred = Stirred()
    notes = Notes(10, stirred)
    notes.sighted("cam", 1, (1,), (None,))
    notes.sighted("cam", 2, (1,), (None,))
    notes.feature_map_changed(1, b"[]")
    assert stirred.times == 1
    notes.take()
    assert stirred.times == 1
    notes.stopped(1, OwnStop(StopReason.TIMEOUT, 5))
    notes.stopped(2, OwnStop(StopReason.TIMEOUT, 5))
    assert stirred.times == 2


def test_a_batch_is_the_same_until_it_is_written() -> None:
    notes = _notes()
    notes.sighted("cam", 1, (1,), (None,))
    first = notes.take()
    notes.sighted("cam", 1, (1,), (None,))
    notes.feature_map_changed(1, b"[]")
    assert notes.take() is first
    assert _counts(first) == {(1, "cam", 1): 1}
    assert (notes.waiting_rows, notes.waiting_feature_maps) == (2, 1)
    notes.written()
    assert _counts(notes.take()) == {(1, "cam", 1): 1}
    notes.written()
    assert not notes
    assert (notes.waiting_rows, notes.waiting_feature_maps, notes.waiting_stops) == (0, 0, 0)


def test_many_rows_come_in_small_batches_oldest_first() -> None:
    notes = Notes(100_000, Stirred())
    for second in range(12_000):
        notes.sighted("cam", second, (1,), (None,))
    batches = _drain(notes)
    assert [len(batch.rows) for batch in batches] == [5000, 5000, 2000]
    assert [second for batch in batches for (_, _, second), _ in batch.rows] == list(range(12_000))


def test_large_feature_maps_come_in_small_batches_and_each_comes() -> None:
    notes = _notes()
    sizes = {1: 5_000_000, 2: 3_000_000, 3: 3_000_000, 4: 20_000_000, 5: 1}
    for object_id, size in sizes.items():
        notes.feature_map_changed(object_id, bytes(size))
    assert [list(batch.feature_maps) for batch in _drain(notes)] == [[1, 2], [3], [4], [5]]


def test_above_the_limit_the_oldest_rows_of_the_same_object_and_camera_merge() -> None:
    notes = _notes(limit=4)
    for second in range(1, 8):
        notes.sighted("cam", second + 0.5, (1,), (second / 10,))
    assert notes.waiting_rows == 4
    assert notes.merged == 3
    rows = [(key[2], row.count, row.first, row.last, row.best) for key, row in notes.take().rows]
    assert rows == [(1, 4, 1.5, 4.5, 0.4), (5, 1, 5.5, 5.5, 0.5), (6, 1, 6.5, 6.5, 0.6), (7, 1, 7.5, 7.5, 0.7)]


def test_a_newcomer_above_the_limit_takes_the_room_of_another() -> None:
    notes = _notes(limit=3)
    for second in (1, 2, 3):
        notes.sighted("cam", second, (1,), (None,))
    notes.sighted("cam", 4, (2,), (None,))
    assert _counts(notes.take()) == {(1, "cam", 1): 2, (1, "cam", 3): 1, (2, "cam", 4): 1}


def test_the_last_row_of_an_object_and_camera_is_never_given_up() -> None:
    notes = _notes(limit=2)
    for object_id in range(1, 6):
        notes.sighted("cam", 1, (object_id,), (None,))
    assert notes.waiting_rows == 5
    assert notes.merged == 0
    notes.sighted("cam", 2, (1,), (None,))
    notes.sighted("cam", 3, (1,), (None,))
    assert notes.waiting_rows == 6
    assert notes.merged == 1


def test_no_sighting_is_lost_however_many_wait() -> None:
    notes = _notes(limit=50)
    for number in range(5000):
        notes.sighted(f"cam{number % 3}", number / 10, (number % 7,), (None,))
        if number == 2000:
            notes.take()  # a transaction that does not come to an end
    assert notes.waiting_rows <= 50 + 21 + 1
    rows = [row for batch in _drain(notes) for row in batch.rows]
    assert sum(row.count for _, row in rows) == 5000
    assert {key[:2] for key, _ in rows} == {(number % 7, f"cam{number % 3}") for number in range(21)}
    assert notes.merged > 0


def test_a_mark_is_written_once_all_before_it_is() -> None:
    notes = Notes(10_000, Stirred())
    assert notes.is_written(notes.mark())
    for second in range(5500):
        notes.sighted("cam", second, (1,), (None,))
    early = notes.mark()
    notes.take()
    notes.sighted("cam", 9999, (1,), (None,))
    late = notes.mark()
    assert (notes.is_written(early), notes.is_written(late)) == (False, False)
    notes.written()
    notes.take()
    assert not notes.is_written(early)
    notes.written()
    assert (notes.is_written(early), notes.is_written(late)) == (True, False)
    notes.take()
    assert (notes.is_written(early), notes.is_written(late)) == (True, False)
    notes.written()
    assert (notes.is_written(early), notes.is_written(late)) == (True, True)
