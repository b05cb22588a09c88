"""Complaints about peers are few, and none goes uncounted."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trio_orchestrator.logs import Complaints


class _Notes:
    """A log that keeps what it was told, and a clock to be moved by hand."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.now = 1000.0
        self.complaints = Complaints(self, interval=10.0, max_keys=3, clock=lambda: self.now)

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    error = warning

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        lines, self.lines = self.lines, []
        return lines


def test_the_first_complaint_is_logged_then_one_an_interval() -> None:
    notes = _Notes()
    notes.complaints.warn("a", "bad", code=1)
    assert notes.said() == [("bad", {"code": 1})]
    for _ in range(5):
        notes.now += 1.9
        notes.complaints.warn("a", "bad", code=2)
    assert notes.said() == []
    notes.now = 1010.0
    notes.complaints.warn("a", "bad", code=3)
    assert notes.said() == [("bad", {"code": 3, "suppressed": 5})]
    notes.now += 10
    notes.complaints.warn("a", "bad", code=4)
    assert notes.said() == [("bad", {"code": 4})]


def test_kinds_do_not_suppress_each_other() -> None:
    notes = _Notes()
    notes.complaints.warn("a", "bad")
    notes.complaints.warn("b", "worse")
    assert notes.said() == [("bad", {}), ("worse", {})]


def test_a_peer_that_thinks_up_keys_does_not_fill_the_log() -> None:
    notes = _Notes()
    for number in range(1000):
        notes.complaints.warn(number, "bad", number=number)
    assert [fields["number"] for _, fields in notes.said()] == [0, 1, 2, 3]
    notes.now += 10
    notes.complaints.warn(1000, "bad", number=1000)
    lines = notes.said()
    assert ("complaints of more kinds than are told apart", {"suppressed": 996}) in lines
    assert ("bad", {"number": 1000}) in lines


def test_kinds_that_are_quiet_again_make_room_for_new_ones() -> None:
    notes = _Notes()
    for key, now in (("a", 0), ("b", 1), ("c", 2), ("a", 10)):
        notes.now = now
        notes.complaints.warn(key, f"bad {key}")
    notes.said()
    notes.now = 12.5
    for key in ("d", "e"):
        notes.complaints.warn(key, f"bad {key}")
    assert notes.said() == [("bad d", {}), ("bad e", {})]


def test_what_was_suppressed_is_said_when_its_key_is_forgotten_or_at_the_end() -> None:
    notes = _Notes()
    for key in ("a", "a", "b", "c", "c", "c"):
        notes.complaints.warn(key, f"bad {key}")
    notes.said()
    notes.now += 10
    notes.complaints.warn("d", "bad d")
    assert notes.said() == [("bad a", {"suppressed": 1}), ("bad c", {"suppressed": 2}), ("bad d", {})]
    notes.complaints.warn("a", "bad a")
    assert notes.said() == []
    notes.complaints.flush()
    assert notes.said() == [("bad a", {"suppressed": 1})]
    notes.complaints.flush()
    assert notes.said() == []


def _fail(kind: type[Exception]) -> Exception:
    try:
        raise kind("what a peer said")
    except kind as error:
        return error


def test_a_fault_is_told_apart_by_its_type_and_place_and_shown_once_with_its_traceback() -> None:
    notes = _Notes()
    faults = [_fail(ValueError), ExceptionGroup("", [_fail(ValueError)]), _fail(KeyError), KeyError("elsewhere")]
    for fault in faults:
        notes.complaints.fault(fault, "bad", connection=7)
    lines = notes.said()
    assert [fields["exc_info"] for _, fields in lines] == [faults[0], faults[2], faults[3]]
    assert [fields["place"].partition(":")[0] for _, fields in lines] == ["test_complaints.py"] * 2 + ["nowhere"]
    assert all(fields["connection"] == 7 for _, fields in lines)
    notes.now += 10
    again = _fail(ValueError)
    notes.complaints.fault(again, "bad")
    ((_, fields),) = notes.said()
    assert (fields["suppressed"], fields["fault"], "exc_info" in fields) == (1, again, False)


def test_an_error_stays_one_when_its_rest_is_told() -> None:
    errors = []

    class Log:
        def warning(self, event: str, **_fields: Any) -> None:
            raise AssertionError(event)

        def error(self, event: str, **fields: Any) -> None:
            errors.append((event, fields))

    complaints = Complaints(Log())
    for _ in range(3):
        complaints.error("a", "bad")
    complaints.flush()
    assert errors == [("bad", {}), ("bad", {"suppressed": 2})]


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 6)), max_size=80))
def test_no_complaint_is_lost_and_no_interval_is_too_talkative(steps: list[tuple[int, float]]) -> None:
    notes = _Notes()
    times: list[float] = []
    for key, pause in steps:
        notes.now += pause
        notes.complaints.warn(key, "bad", key=key)
        times += [notes.now] * (len(notes.lines) - len(times))
    for start in times:
        assert sum(start <= moment < start + 10 for moment in times) <= 4
    notes.complaints.flush()
    told = sum(fields.get("suppressed", 0) + ("key" in fields) for _, fields in notes.lines)
    assert told == len(steps)
