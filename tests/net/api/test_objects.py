"""Objects over HTTP."""

import base64
import csv
import io
from pathlib import Path

import pytest

from tests.net.archive import Archive, break_database
from trio_orchestrator.tracking.ports import Actor

ANN = Actor("ann", "Ann Li")


async def test_all_that_is_known_of_an_object(kept: Archive) -> None:
    kept.start("cam1", timeout=60.5, image=b'"x"', by=ANN)
    kept.stop(1, at=30.25, by=Actor(address="192.0.2.9"))
    assert await kept.get("/objects/1") == {
        "objectId": 1,
        "state": "stopped",
        "live": False,
        "cameraId": "cam1",
        "startedAt": "2026-11-22T12:00:00.000Z",
        "startedBy": {"subject": "ann", "name": "Ann Li", "address": None},
        "timeout": 60.5,
        "expiresAt": "2026-11-22T12:01:00.500Z",
        "stoppedAt": "2026-11-22T12:00:30.250Z",
        "stopReason": "client",
        "stoppedBy": {"subject": None, "name": None, "address": "192.0.2.9"},
        "hasImage": True,
    }


async def test_what_is_live_is_as_the_hub_has_it(kept: Archive) -> None:
    kept.start(by=None)
    kept.hub.objects.restore(kept.database.restore(), kept.clock())
    answer = await kept.get("/objects/1")
    assert (answer["state"], answer["live"], answer["startedBy"]) == ("started", True, None)
    assert answer["timeout"] is answer["expiresAt"] is answer["stoppedAt"] is answer["stoppedBy"] is None
    assert kept.hub.objects.state_of(1) == "started"


async def test_newest_first_page_by_page(kept: Archive) -> None:
    for number in range(7):
        kept.start(at=number // 2)  # some in the same instant
    path, pages = "/objects?limit=3", []
    while path:
        answer = await kept.http.get(path)
        body = answer.json()
        pages.append([found["objectId"] for found in body["objects"]])
        link = answer.headers.get("link", "")
        assert bool(link) == (body["cursor"] is not None)
        path = link.removeprefix("<").partition(">")[0]
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]
    assert len((await kept.get("/objects?limit=7"))["objects"]) == 7
    assert (await kept.get("/objects?limit=7"))["cursor"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [4, 3, 2, 1]),
        ("live=true", [4]),
        ("live=false", [3, 2, 1]),
        ("cameraId=cam2", [3, 1]),
        ("cameraId=cam2&live=true", []),
        ("cameraId=", []),
        # Tracked: 1 from 0 to 10 s, 2 from 20 to 30 s, 3 from 40 to 50 s, 4 from 60 s on.
        ("from=2026-11-22T12:00:10Z&to=2026-11-22T12:00:40Z", [2, 1]),
        ("from=2026-11-22T12:00:10.001Z&to=2026-11-22T12:00:40.001Z", [3, 2]),
        ("from=2026-11-22T12:00:30Z", [4, 3, 2]),
        ("from=2026-11-22T13:00:30%2B01:00", [4, 3, 2]),
        ("from=2026-11-22T13:00:30+01:00", [4, 3, 2]),
        ("to=2026-11-22T12:00:20Z", [1]),
        ("from=9999-12-31T23:59:59Z", [4]),
        ("to=0001-01-01T00:00:00%2B23:59", []),
    ],
)
async def test_filters(kept: Archive, query: str, found: list[int]) -> None:
    for number, camera in enumerate(["cam2", "cam1", "cam2", "cam1"]):
        kept.start(camera, at=number * 20)
        if number < 3:
            kept.stop(number + 1, at=number * 20 + 10)
    answer = await kept.get(f"/objects?{query}")
    assert [entry["objectId"] for entry in answer["objects"]] == found


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("1_000", 400),
        ("%D9%A1", 400),
        ("+1", 400),
        ("-1", 400),
        ("1.0", 400),
        ("9223372036854775808", 400),
        ("9" * 400, 400),
        ("1%00", 400),
        ("%00", 400),
        ("..%2Fetc%2Fpasswd", 404),
        ("x", 400),
        ("%201", 400),
        ("0", 404),
        ("2", 404),
        ("9223372036854775807", 404),
    ],
)
async def test_ids_that_are_none(kept: Archive, text: str, status: int) -> None:
    kept.start()
    for path in ("", "/image", "/visits", "/sightings"):
        answer = await kept.get(f"/objects/{text}{path}", status)
        assert answer.keys() == {"error", "message"}
    deleted = await kept.http.delete(f"/objects/{text}")
    assert deleted.status_code == status
    assert deleted.json().keys() == {"error", "message"}
    assert (await kept.get("/objects/1"))["objectId"] == 1


@pytest.mark.parametrize(
    "query",
    [
        "live=1", "live=", "live=null", "limit=0", "limit=1001", "limit=-1", "limit=1_0", "limit=%D9%A3", "limit=1e1",
        "from=2026-11-22", "from=2026-11-22T12:00:00", "from=yesterday", "from=2026-13-22T12:00:00Z", "from=", "to=1",
        "from=2026-11-22T12:00:01Z&to=2026-11-22T12:00:00Z", "cursor=", "cursor=x", "cursor=%00", "cursor=../..",
        "cursor=WyJvIiwxXQ", "cursor=WyJzIiwxLCJhIl0", "cursor=WyJvIiwtMSwxXQ", "cursor=" + "W" * 5000, "form=x",
        "limit=1&limit=2", "cameraId=" + "x" * 257, "objectId=1",
    ],
)  # fmt: skip
async def test_queries_that_make_no_sense(kept: Archive, query: str) -> None:
    answer = await kept.get(f"/objects?{query}", 400)
    assert answer["error"] == "bad_request"
    assert "Traceback" not in answer["message"]
    assert "/" not in answer["message"]


async def test_what_is_not_there_and_methods_that_are_not(kept: Archive) -> None:
    assert (await kept.get("/object", 404))["error"] == "not_found"
    for method, path in (("POST", "/objects"), ("PUT", "/objects/1"), ("DELETE", "/objects"), ("DELETE", "/cameras")):
        answer = await kept.http.request(method, path)
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
        assert "GET" in answer.headers["allow"]
    assert (await kept.http.head("/objects")).status_code == 200


async def test_a_database_that_cannot_be_read_or_written(kept: Archive, tmp_path: Path) -> None:
    kept.start()
    break_database(tmp_path)
    for path in ("/objects", "/objects/1", "/objects/1/image", "/objects/1/visits", "/objects/1/sightings"):
        answer = await kept.get(path, 503)
        assert answer == {"error": "storage_unavailable", "message": "The database cannot be read now."}
    assert (await kept.http.delete("/objects/1")).status_code == 503
    assert (await kept.http.get("/objects")).headers["retry-after"] == "5"


def _data_url(content: bytes, claim: str) -> bytes:
    return b'"data:%b;base64,%b"' % (claim.encode(), base64.b64encode(content))


PNG = b"\x89PNG\r\n\x1a\n1234"


@pytest.mark.parametrize(
    ("stored", "content", "kind"),
    [
        (_data_url(PNG, "image/png"), PNG, "image/png"),
        (_data_url(PNG, "text/html"), PNG, "image/png"),
        (_data_url(b"\xff\xd8\xff\xe0", "image/png"), b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b'"' + base64.b64encode(PNG) + b'"', PNG, "image/png"),
        (_data_url(b"<html>", "text/html"), b"<html>", "application/octet-stream"),
        (_data_url(b"<svg/>", "image/svg+xml"), b"<svg/>", "application/octet-stream"),
        (b'"data:text/html,%3Cscript%3E"', b"<script>", "application/octet-stream"),
        (b'"data:image/png;base64,&&&"', b"data:image/png;base64,&&&", "application/octet-stream"),
        (b'"<script>alert(1)</script>"', b"<script>alert(1)</script>", "application/octet-stream"),
        (b'"word"', b"word", "application/octet-stream"),
        (b'""', b"", "application/octet-stream"),
    ],
)
async def test_an_image_is_what_its_bytes_say(kept: Archive, stored: bytes, content: bytes, kind: str) -> None:
    kept.start(image=stored)
    answer = await kept.http.get("/objects/1/image")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, content, kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_no_image(kept: Archive) -> None:
    kept.start()
    assert (await kept.get("/objects/1/image", 404))["error"] == "no_image"


async def test_csv_where_it_is_asked_for(kept: Archive) -> None:
    kept.start('=HYPERLINK("http://x")', by=Actor("@ann", "+Ann, \n", None))
    kept.start()
    answer = await kept.http.get("/objects?limit=1", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert 'rel="next"' in answer.headers["link"]
    second = await kept.http.get(
        answer.headers["link"].removeprefix("<").partition(">")[0], headers={"Accept": "text/csv"}
    )
    head, rest = second.text.split("\r\n", 1)
    assert head.startswith("objectId,state,live,cameraId,startedAt,startedBy.subject,startedBy.name,")
    assert rest.startswith('1,started,true,"\'=HYPERLINK(""http://x"")",2026-11-22T12:00:00.000Z,\'@ann,"\'+Ann, \n",,')
    assert (await kept.http.get("/objects", headers={"Accept": "text/html, */*"})).json()["cursor"] is None
    twice = await kept.http.get("/objects", headers=[("Accept", "application/json;q=0.5"), ("Accept", "text/csv")])
    assert twice.text.startswith("objectId,"), "a header may come in several lines"


@pytest.mark.parametrize(
    ("camera_id", "cell"),
    [
        ("cam;=1+1;", "cam;'=1+1;"),
        ("a\t@b", "a\t'@b"),
        ("\t-1", "'\t'-1"),
        ("a-b; c=d", "a-b; c=d"),
        ("a;\uff1d1", "a;'\uff1d1"),
    ],
)
async def test_no_cell_is_a_formula_whatever_separates_cells(kept: Archive, camera_id: str, cell: str) -> None:
    kept.start(camera_id)
    answer = await kept.http.get("/objects", headers={"Accept": "text/csv"})
    assert next(csv.DictReader(io.StringIO(answer.text)))["cameraId"] == cell


async def test_erasing_ends_what_is_live_and_leaves_the_id(kept: Archive) -> None:
    object_id = kept.start(image=b'"x"')
    kept.see(object_id, "cam1", 1, 2)
    kept.hub.objects.restore(kept.database.restore(), kept.clock())
    kept.recorder.sighted("cam1", kept.clock(), (object_id,), (None,))  # waits for the database
    answer = await kept.http.delete("/objects/1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert kept.hub.objects.state_of(object_id) is None
    kept.recorder.sighted("cam1", kept.clock(), (object_id,), (None,))  # comes late
    kept.recorder.feature_map_changed(object_id, b"[1]")
    await kept.recorder.flush()
    assert kept.recorder.statistics().homeless_notes == 0
    for path in ("", "/image", "/visits", "/sightings"):
        assert (await kept.get(f"/objects/1{path}", 404))["error"] == "erased"
    assert (await kept.get("/objects"))["objects"] == []
    assert (await kept.http.get("/objectIds")).text == '{"data":[1]}'
    assert (await kept.http.delete("/objects/1")).status_code == 204
    assert kept.start() == 2
    assert await kept.audited() == [("started", 1), ("erased", 1), ("started", 2)]


async def test_look_ups_are_audited_and_lists_are_not(kept: Archive) -> None:
    kept.start(image=b'"x"')
    for second, path in enumerate(("", "/image", "/visits", "/sightings", "/sightings?limit=1")):
        kept.clock.seconds += 1
        await kept.get(f"/objects/1{path}") if path != "/image" else await kept.http.get("/objects/1/image")
        await kept.get("/objects")
        await kept.get("/objects/99", 404)
        assert (await kept.audited())[second + 1 :] == [("looked_up", 1)]


async def test_every_answer_is_kept_from_caches_and_sniffers(kept: Archive) -> None:
    kept.start(image=b'"x"')
    for path in ("/objects", "/objects/1", "/objects/1/image", "/objects/1/visits", "/objects/1/sightings", "/cameras"):
        headers = (await kept.http.get(path)).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert "access-control-allow-origin" not in headers
