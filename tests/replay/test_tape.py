"""Tapes as files, and who is who on them."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trio_orchestrator.client import Connected, FeatureMap, Start, Stop
from trio_orchestrator.replay import RecordingError
from trio_orchestrator.replay.cast import REMEMBERED_FRAMES, Cast
from trio_orchestrator.replay.tape import TapeFrame, head, is_tape, line, open_new, read_tape

HEAD = head(datetime(2026, 11, 22, tzinfo=UTC))
BOXES = b'{"type":"boundingBoxes","cameraId":"cam1","frameId":12.0,"boxes":[{"boxId":1,"new" : [1.0]}]}'


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert is_tape(name)
    with open_new(path) as file:
        file.write(HEAD + line(0.25, BOXES) + line(1.5, BOXES.replace(b"cam1", b"cam2")) + line(2, BOXES))
    tape = read_tape(path)
    assert (tape.frame_counts, tape.seconds) == ({"cam1": 2, "cam2": 1}, 2.0)
    first = next(tape.frames())
    assert first == TapeFrame(0.25, "cam1", 12.0, [{"boxId": 1, "new": [1.0]}])
    assert isinstance(first.frame_id, float)
    with pytest.raises(FileExistsError):
        open_new(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "tape.jsonl:1: "),
        (HEAD, "tape.jsonl: there are no frames"),
        (HEAD.replace(b"1,", b"2,", 1), "tape.jsonl:1: this tape was made by another version"),
        (HEAD + b"{", "tape.jsonl: there are no frames"),
        (HEAD + line(1, BOXES) + b"{\n", "tape.jsonl:3: "),
        (HEAD + line(1, BOXES).replace(b"cameraId", b"camera"), "tape.jsonl:2: "),
        (HEAD + line(1, BOXES.replace(b"cam1", b"c" * 257)), "tape.jsonl:2: `cameraId` has more than 256 characters"),
        (HEAD + line(1, BOXES.replace(b"cam1", b"\\udcff")), "tape.jsonl:2: "),
        (HEAD + line(1, BOXES.replace(b"1.0", b"[" * 9999)), "tape.jsonl:2: too many values within each other"),
        (HEAD + line(-1, BOXES), "tape.jsonl:2: `at` must be 0 or more"),
        (HEAD + line(1, BOXES).replace(b"new", b"\xff\xff"), "tape.jsonl:2: "),
    ],
)
def test_what_is_no_tape_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "tape.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as error:
        read_tape(path)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "a.jsonl: No such file"),
        (HEAD, "a.jsonl: there are no frames"),
        (HEAD + line(1, BOXES.replace(b"cam1", b"cam2")), "a.jsonl: camera 'cam2' was not on this tape before"),
    ],
)
def test_that_a_tape_has_changed_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(HEAD + line(1, BOXES))
    tape = read_tape(path)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(RecordingError, match=told):
        list(tape.frames())


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(HEAD + line(1, BOXES) * 100)[:12])
    bad = tmp_path / "bad.jsonl.gz"
    bad.write_bytes(cut.read_bytes() + b"\xff" * 40)
    for path in (tmp_path / "none.jsonl", cut, bad):
        with pytest.raises(RecordingError, match=path.name):
            read_tape(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_tape_that_was_not_closed_ends_with_its_last_whole_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with open_new(path) as file:
        file.write(HEAD + line(0.25, BOXES) + line(1.5, BOXES))
        file.flush()
        file.write(line(2, BOXES)[:30])
        file.flush()
        path_then = path.with_name("then." + name)
        path_then.write_bytes(path.read_bytes())  # as it lies there where the recorder is killed now
    tape = read_tape(path_then)
    assert tape.frame_counts == {"cam1": 2}
    (remark,) = tape.remarks
    assert remark.endswith("the tape ends here, it was not closed")
    assert [frame.at for frame in tape.frames()] == [0.25, 1.5]


def test_frames_with_numbers_that_fit_nowhere_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    odd = BOXES.replace(b"[1.0]", b"1e400")
    path.write_bytes(HEAD + line(0.25, BOXES) + line(1, odd) + line(2, BOXES))
    tape = read_tape(path)
    assert [frame.at for frame in tape.frames()] == [0.25, 2]
    assert tape.remarks == (f"{path}: 1 frames are left out, they have numbers that are out of range",)


def frame(camera_id: str, frame_id: float, *boxes: tuple[int, int | None]) -> TapeFrame:
    made = [{"boxId": box_id} if then is None else {"boxId": box_id, "objectId": then} for box_id, then in boxes]
    return TapeFrame(frame_id, camera_id, frame_id, made)


def marks(cast: Cast, shown: TapeFrame) -> list[int | None]:
    return [box.get("objectId") for box in cast.see(shown)]


def test_object_ids_of_another_day_are_taken_out() -> None:
    assert Cast().see(frame("a", 1, (3, 7))) == [{"boxId": 3}]


def test_a_frame_that_no_click_can_name_is_played_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    path.write_bytes(HEAD + b"".join(line(1, BOXES.replace(b"12.0", odd)) for odd in (b"true", b"[1]", b'{"a":1}')))
    cast = Cast()
    for shown in read_tape(path).frames():
        assert cast.see(shown) == [{"boxId": 1, "new": [1.0]}]
    assert shown.frame_id == {"a": 1}


def test_a_click_marks_a_box_on_its_camera() -> None:
    cast = Cast()
    cast.see(frame("a", 1, (3, None), (4, None)))
    answer = cast.obey("a", Start(9, 1, 3))
    assert answer is not None
    assert marks(cast, frame("a", 2, (3, None), (4, None))) == [9, None]
    assert marks(cast, frame("b", 2, (3, None))) == [None]
    assert cast.obey("a", FeatureMap(9, {})) == answer  # it was lost on its way
    assert cast.obey("b", FeatureMap(9, {})) is None
    assert (cast.following("a"), cast.following("b")) == (1, 0)
    for camera in ("a", "b"):
        cast.obey(camera, Stop(9))
    assert marks(cast, frame("a", 3, (3, None))) == [None]
    assert cast.following("a") == 0


def test_a_click_on_somebody_who_was_tracked_then_marks_them_everywhere() -> None:
    cast = Cast()
    cast.see(frame("a", 1, (3, None)))
    cast.obey("a", Start(9, 1, 3))
    assert marks(cast, frame("a", 2, (3, 7))) == [9]  # recognized a little later
    assert marks(cast, frame("b", 3, (1, 7), (2, None))) == [None, None], "nobody has told it what to look for"
    cast.obey("b", FeatureMap(9, {}))
    assert marks(cast, frame("b", 3, (1, 7), (2, None))) == [None, None], "nor what that looks like"
    cast.obey("b", FeatureMap(9, [0.5]))
    assert marks(cast, frame("b", 3, (1, 7), (2, None))) == [9, None]


def test_after_a_new_connection_only_what_is_told_again_is_marked() -> None:
    cast = Cast()
    cast.see(frame("a", 1, (3, 7), (4, 8)))
    answers = [cast.obey("a", Start(9, 1, 3)), cast.obey("a", Start(10, 1, 4))]
    for object_id in (9, 10):
        cast.obey("b", FeatureMap(object_id, [0.5]))
    cast.obey("a", Connected(2))
    assert cast.following("a") == 0
    assert marks(cast, frame("a", 2, (3, 7), (4, 8))) == [None, None]
    assert marks(cast, frame("b", 2, (1, 7), (2, 8))) == [9, 10], "it has had no other connection"
    cast.obey("a", FeatureMap(9, [0.5]))
    assert cast.obey("a", FeatureMap(10, {})) == answers[1]  # it was lost on its way
    assert cast.following("a") == 2
    assert marks(cast, frame("a", 3, (3, 7), (4, 8))) == [9, 10]
    cast.obey("a", Connected(3))
    cast.obey("a", Stop(9))
    cast.obey("a", FeatureMap(9, [0.5]))  # of another camera, late
    assert marks(cast, frame("a", 4, (3, 7))) == [None]


def test_the_last_frames_of_each_camera_can_be_clicked_in_however_many_cameras_there_are() -> None:
    cast = Cast()
    for number in range(REMEMBERED_FRAMES):
        cast.see(frame("a", number, (3, None)))
        for camera in "bcd":
            cast.see(frame(camera, number, (3, None)))
    assert cast.obey("a", Start(9, 0, 3)) is not None
    cast.see(frame("a", REMEMBERED_FRAMES, (3, None)))
    assert cast.obey("a", Start(10, 0, 3)) is None
    assert cast.obey("b", Start(10, 0, 3)) is not None


def test_a_frame_that_comes_again_is_new_again() -> None:
    cast = Cast()
    for number in [0, *range(1, REMEMBERED_FRAMES), 0, REMEMBERED_FRAMES]:
        cast.see(frame("a", number, (3, None)))
    assert cast.obey("a", Start(9, 0, 3)) is not None
    assert cast.obey("a", Start(10, 1, 3)) is None


def test_a_click_on_what_was_not_shown_is_nothing() -> None:
    cast = Cast()
    cast.see(frame("a", 1, (3, None)))
    assert cast.obey("b", Start(9, 1, 3)) is None
    assert cast.obey("a", Start(9, 2, 3)) is None
    assert cast.obey("a", Start(9, 1, 4)) is None
    assert cast.obey("a", Start(9, image="i")) is None
