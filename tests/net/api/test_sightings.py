"""Sightings and visits of one object over HTTP."""

import pytest

from tests.net.archive import NOON, Archive


async def test_sightings_second_by_second(kept: Archive) -> None:
    kept.start()
    kept.see(1, "cam1", 0.25, 0.75, certainty=0.5)
    kept.see(1, "cam2", 0.5)
    assert await kept.get("/objects/1/sightings") == {
        "sightings": [
            {
                "cameraId": "cam1",
                "from": "2026-11-22T12:00:00.250Z",
                "to": "2026-11-22T12:00:00.750Z",
                "sightings": 2,
                "bestCertainty": 0.5,
            },
            {
                "cameraId": "cam2",
                "from": "2026-11-22T12:00:00.500Z",
                "to": "2026-11-22T12:00:00.500Z",
                "sightings": 1,
                "bestCertainty": None,
            },
        ],
        "cursor": None,
    }


async def test_nothing_was_seen(kept: Archive) -> None:
    kept.start()
    assert (await kept.http.get("/objects/1/sightings")).text == '{"sightings":[],"cursor":null}'
    assert (await kept.http.get("/objects/1/visits")).text == "[]"
    csv = {"Accept": "text/csv"}
    for path in ("sightings", "visits"):
        answer = await kept.http.get(f"/objects/1/{path}", headers=csv)
        assert answer.text == "cameraId,from,to,sightings,bestCertainty\r\n"


@pytest.mark.parametrize("rows", [149, 150, 151, 649, 650, 651, 1203])
async def test_all_of_them_in_pieces_and_page_by_page(kept: Archive, rows: int) -> None:
    kept.start()
    kept.see_every_second(1, ["b", "a", "c"], range(rows // 3))
    kept.see_every_second(1, ["b", "a", "c"][: rows % 3], range(rows, rows + 1))
    whole = (await kept.get("/objects/1/sightings"))["sightings"]
    assert len(whole) == rows
    assert whole == sorted(whole, key=lambda row: (row["from"], row["cameraId"]))
    paged, query = [], "limit=400"
    while query:
        page = await kept.get(f"/objects/1/sightings?{query}")
        paged += page["sightings"]
        query = page["cursor"] and f"limit=400&cursor={page['cursor']}"
    assert paged == whole
    first = await kept.get("/objects/1/sightings?limit=1")
    rest = await kept.get(f"/objects/1/sightings?cursor={first['cursor']}")
    assert first["sightings"] + rest["sightings"] == whole
    lines = (await kept.http.get("/objects/1/sightings", headers={"Accept": "text/csv"})).text.splitlines()
    assert len(lines) == rows + 1


async def test_a_cursor_that_was_given_is_taken_whatever_the_camera_is_called(kept: Archive) -> None:
    kept.start()
    kept.see_every_second(1, ["\x01" * 256], range(2))
    page = await kept.get("/objects/1/sightings?limit=1")
    assert (await kept.get(f"/objects/1/sightings?cursor={page['cursor']}"))["sightings"]


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("from=2026-11-22T12:00:02Z", [2, 3, 4]),
        ("from=2026-11-22T12:00:02.001Z", [3, 4]),
        ("to=2026-11-22T12:00:02Z", [0, 1]),
        ("to=2026-11-22T12:00:02.001Z", [0, 1, 2]),
        ("from=2026-11-22T12:00:01Z&to=2026-11-22T12:00:03Z", [1, 2]),
        ("from=2026-11-22T12:00:01Z&to=2026-11-22T12:00:01Z", []),
        ("cameraId=other", []),
        ("cameraId=cam1&limit=2", [0, 1]),
    ],
)
async def test_windows(kept: Archive, query: str, seconds: list[int]) -> None:
    kept.start()
    kept.see_every_second(1, ["cam1"], range(5))
    found = (await kept.get(f"/objects/1/sightings?{query}"))["sightings"]
    assert [int(row["from"][17:19]) for row in found] == seconds
    bad = await kept.get("/objects/1/sightings?from=2026-11-22T12:00:01Z&to=2026-11-22T12:00:00Z", 400)
    assert bad["error"] == "bad_request"


async def test_visits_of_a_past_object(kept: Archive) -> None:
    kept.start()
    kept.see(1, "cam1", 0, 1, 2, 3, certainty=0.25)
    kept.see(1, "cam1", 3.5, certainty=0.75)
    kept.see(1, "cam2", 2)
    kept.see(1, "cam1", 6.6)  # 3.1 s later
    kept.stop(1, at=7)
    expected = [
        {"cameraId": "cam2", "from": "12:00:02.000", "to": "12:00:02.000", "sightings": 1, "bestCertainty": None},
        {"cameraId": "cam1", "from": "12:00:00.000", "to": "12:00:03.500", "sightings": 5, "bestCertainty": 0.75},
        {"cameraId": "cam1", "from": "12:00:06.600", "to": "12:00:06.600", "sightings": 1, "bestCertainty": None},
    ]
    for visit in expected:
        visit |= {name: f"2026-11-22T{visit[name]}Z" for name in ("from", "to")}
    assert await kept.get("/objects/1/visits") == expected


async def test_a_live_visit_has_no_end(kept: Archive) -> None:
    kept.start()
    kept.see(1, "cam1", 0, 1)
    kept.see(1, "cam2", 2)
    kept.clock.seconds = NOON + 4.5
    visits = await kept.get("/objects/1/visits")
    assert [(visit["cameraId"], visit["to"]) for visit in visits] == [
        ("cam1", "2026-11-22T12:00:01.000Z"),
        ("cam2", None),
    ]
    csv = await kept.http.get("/objects/1/visits", headers={"Accept": "text/csv"})
    assert csv.text.splitlines()[2] == "cam2,2026-11-22T12:00:02.000Z,,1,"
    kept.clock.seconds = NOON + 5.001
    assert (await kept.get("/objects/1/visits"))[1]["to"] == "2026-11-22T12:00:02.000Z"
    kept.stop(1, at=3)
    assert (await kept.get("/objects/1/visits"))[1]["to"] == "2026-11-22T12:00:02.000Z"


async def test_visits_longer_than_a_piece(kept: Archive) -> None:
    kept.start()
    kept.see_every_second(1, ["cam1", "cam2"], range(900))
    kept.see_every_second(1, ["cam1"], range(1000, 1002))
    kept.stop(1, at=2000)
    visits = await kept.get("/objects/1/visits")
    assert [(visit["cameraId"], visit["sightings"]) for visit in visits] == [("cam1", 900), ("cam2", 900), ("cam1", 2)]
