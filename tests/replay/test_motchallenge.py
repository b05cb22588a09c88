from pathlib import Path

import pytest

from trio_orchestrator.replay.motchallenge import Layout, RecordingError, parse_rows, read_recording

from .recordings import ROWS, detection, real_file

SEQUENCE = "[Sequence]\nname=MOT16-05\nframeRate=14\nseqLength=837\nimWidth=640\nimHeight=480\n"


def test_rows_become_frames() -> None:
    frames = parse_rows(ROWS.splitlines(), "f")
    assert list(frames) == [1, 3]
    assert frames[1][0] == detection(8, 10, 20, 30, 40)
    assert frames[1][1].confidence == 0.5


@pytest.mark.parametrize(
    "row",
    [
        "1.0,8,10,20,30,40",
        "1,8.0,10,20,30,40,-1",
        " 1, 8, 10, 20, 30, 40, 1, 1, 0.8\r",
        "1e0,8,1e1,20,30,40,-1,-1,-1,-1\n",
    ],
)
def test_rows_as_other_tools_write_them(row: str) -> None:
    (found,) = parse_rows(["", row, "  "], "f")[1]
    assert found[:5] == (8, 10, 20, 30, 40)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1,8,10,20,30", "separated by commas"),
        ("1 8 10 20 30 40 -1", "separated by commas"),
        ("0,8,10,20,30,40,-1", "frame must be a whole number from 1"),
        ("1.5,8,10,20,30,40,-1", "frame must be a whole number"),
        ("1,-1,10,20,30,40,-1", "id must be a whole number from 0"),
        ("1,x,10,20,30,40,-1", "id must be a number, got 'x'"),
        ("1,8,nan,20,30,40,-1", "left must be a number"),
        ("1,8,10,1e999,30,40,-1", "top must be a number"),
        ("1,8,10,20,-30,40,-1", "negative"),
        ("1,8,10,20,30,40,", "confidence must be a number"),
        ("7,5,1,1,1,1,-1", "id 5 is in frame 7 twice"),
    ],
)
def test_a_bad_row_is_told_with_its_file_and_line(row: str, told: str) -> None:
    with pytest.raises(RecordingError) as caught:
        parse_rows(["7,5,1,1,1,1,-1", row], "some/file.txt")
    assert str(caught.value).startswith("some/file.txt:2: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")
    for name, told in (
        ("none.txt", "No such file"),
        ("empty.txt", "no boxes"),
        ("image.png", "not a text"),
        (".", "directory"),
    ):
        with pytest.raises(RecordingError, match=told) as caught:
            read_recording(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")


def test_without_a_word_about_it_frames_are_full_hd_at_thirty_a_second(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\ufeff" + ROWS, encoding="utf-8")
    recording = read_recording(tmp_path / "a.txt")
    assert recording.layout == Layout(30.0, (1920, 1080))
    assert recording.frame_count == 3
    assert read_recording(tmp_path / "a.txt", 14, (640, 480)).layout == Layout(14, (640, 480))


@pytest.mark.parametrize("file", ["gt.txt", "gt/gt.txt"])
def test_a_sequence_info_nearby_is_believed_unless_told_otherwise(tmp_path: Path, file: str) -> None:
    path = tmp_path / "MOT16-05" / file
    path.parent.mkdir(parents=True)
    path.write_text(ROWS)
    (tmp_path / "MOT16-05" / "seqinfo.ini").write_text(SEQUENCE)
    recording = read_recording(path)
    assert recording.layout == Layout(14, (640, 480))
    assert recording.frame_count == 837
    assert read_recording(path, 25).layout == Layout(25, (640, 480))


@pytest.mark.parametrize(
    "text",
    [
        "no ini",
        "[Other]",
        SEQUENCE.replace("=14", "=fast"),
        SEQUENCE.replace("640", "0"),
        SEQUENCE.replace("640", "9" * 400),
        SEQUENCE.replace("640", "9" * 5000),
    ],
)
def test_a_wrong_sequence_info_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(ROWS)
    (tmp_path / "seqinfo.ini").write_text(text)
    with pytest.raises(RecordingError, match=r"seqinfo\.ini: ") as caught:
        read_recording(tmp_path / "a.txt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "frames", "identities", "boxes"),
    [
        ("MOT16-02.txt", 600, 63, 3845),
        ("MOT16-04.txt", 1050, 129, 20023),
        ("MOT16-05.txt", 837, 114, 2507),
        ("MOT16-09.txt", 525, 82, 3419),
        ("MOT16-10.txt", 654, 98, 4808),
        ("MOT16-11.txt", 900, 84, 4584),
        ("MOT16-13.txt", 750, 98, 3032),
    ],
)
def test_the_real_files(name: str, frames: int, identities: int, boxes: int) -> None:
    recording = read_recording(real_file(name))
    found = [box for frame in recording.detections.values() for box in frame]
    assert recording.frame_count == frames
    assert len({box.identity for box in found}) == identities
    assert len(found) == boxes


def test_large_ids_keep_their_digits() -> None:
    ((found,),) = parse_rows([f"1,{2**53 + 1},0,0,1,1"], "large").values()
    assert found.identity == 2**53 + 1
