"""The whole web application: what its routes have in common, and where the two legacy ones differ."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.tokens import CLIENT_ROLE, PROCESSOR_ROLE, make_token, token_checker
from trio_orchestrator.net import legacy
from trio_orchestrator.net.api.access import Access
from trio_orchestrator.store.reader import Reader

from .archive import Archive, archive, break_database


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Archive]:
    """Knows object 1, which was seen, and object 2, which was not."""
    async with archive(f"sqlite:///{tmp_path}/archive.db") as made:
        made.see(made.start(), "cam1", 0, 1, 2)
        made.start()
        yield made


async def test_pieces_that_begin_within_a_second(kept: Archive) -> None:
    cameras = [f"cam{number:03}" for number in range(700)]
    kept.see_every_second(2, cameras, range(3))
    answer = await kept.http.get("/timelines?objectId=2")
    assert [entry["processorId"] for entry in answer.json()["data"]] == 3 * cameras


async def test_a_wrong_method_is_told_in_the_old_words(kept: Archive) -> None:
    for path in ("/objectIds", "/timelines"):
        answer = await kept.http.post(path)
        assert (answer.status_code, answer.text) == (405, "Method Not Allowed")
        assert {method.strip() for method in answer.headers["allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}


async def test_a_fault_is_told_in_words_for_people(kept: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_arguments: object) -> None:
        raise RuntimeError("of which nobody is told")

    monkeypatch.setattr(Reader, "ask", fail)
    transport = httpx.ASGITransport(kept.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://orchestrator") as http:
        assert (await http.get("/objects")).json()["error"] == "internal_error"
        answer = await http.get("/objectIds")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert {name: answer.headers[name] for name in legacy.HEADERS} == legacy.HEADERS


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT"])
async def test_pages_of_every_origin_read_what_the_legacy_routes_answer(
    kept: Archive, tmp_path: Path, method: str
) -> None:
    for query in ("objectIds", "timelines?objectId=1", "timelines?objectId=9", "timelines", "timelines?objectId=x"):
        answer = await kept.http.request(method, f"/{query}")
        assert answer.headers["access-control-allow-origin"] == "*", (query, answer.status_code)
    await kept.audited()
    break_database(tmp_path)
    for query in ("objectIds", "timelines?objectId=1"):
        answer = await kept.http.request(method, f"/{query}")
        assert answer.headers["access-control-allow-origin"] == "*", (query, answer.status_code)
        assert answer.status_code == {"GET": 503, "HEAD": 503, "OPTIONS": 204}.get(method, 405)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_no_cache_keeps_what_is_told_of_people(kept: Archive, tmp_path: Path, method: str) -> None:
    """Nor that there is nothing to tell, which may not be so any more."""
    image = kept.start(image=b'"data:image/png;base64,iVBORw0KGgo="')
    about = [f"/objects/{image}/image", *(f"/objects/1{what}" for what in ("", "/image", "/visits", "/sightings"))]
    lists = ["/objects", "/cameras", "/audit", "/objectIds", "/timelines?objectId=1", "/timelines?objectId=2"]
    paths = [*about, *lists, "/objects/99", "/objects/x", "/objects?x", "/nowhere"]
    statuses = set()

    async def ask() -> None:
        for path in paths:
            answer = await kept.http.request(method, path)
            assert answer.headers["cache-control"] == "no-store", path
            assert answer.headers["x-content-type-options"] == "nosniff", path
            statuses.add(answer.status_code)

    await ask()
    await kept.audited()
    break_database(tmp_path)
    await ask()
    assert statuses == {200, 400, 403, 404, 503}


async def test_no_path_leads_to_another(kept: Archive) -> None:
    for path in ("/objectIds/", "/timelines/", "/client/", "/objects/1/"):
        assert (await kept.http.get(path)).status_code == 404


async def test_of_a_long_answer_only_the_head_is_made_where_no_more_is_asked_for(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, questions = Reader.ask, 0

    async def counted(reader: Reader, *question: Any) -> object:
        nonlocal questions
        questions += 1
        return await ask(reader, *question)

    kept.see_every_second(2, [f"cam{number:03}" for number in range(700)], range(3))
    monkeypatch.setattr(Reader, "ask", counted)
    for path in ("/objects/2/sightings", "/objects/2/visits", "/timelines?objectId=2"):
        told = []
        for method in ("GET", "HEAD"):
            questions = 0
            answer = await kept.http.request(method, path)
            told.append(questions)
            assert answer.status_code == 200
            assert "content-length" not in answer.headers, "it is not known"
        assert told[1] <= 2 < told[0]
        assert not answer.content


@pytest.mark.parametrize("public", [False, True])
async def test_public_timelines_open_the_two_legacy_routes_only(tmp_path: Path, public: bool) -> None:
    access = Access(token_checker(CLIENT_ROLE), None, tokens_asked_for=True, public_timelines=public)
    async with archive(f"sqlite:///{tmp_path}/archive.db", access) as kept:
        for authorization, status in (
            ("", 401),
            ("Bearer", 401),
            ("Bearer  ", 401),
            ("Basic x", 401),
            (f"Bearer {make_token(expires_in=-60)}", 401),
            (f"Bearer {make_token(roles=[PROCESSOR_ROLE])}", 403),
            (f"Bearer {make_token()}", 200),
            (f"bearer  {make_token()} ", 200),
        ):
            answer = await kept.http.get("/objectIds", headers={"Authorization": authorization})
            assert answer.status_code == (200 if public else status), authorization
            assert ("www-authenticate" in answer.headers) is (status == 401 and not public)
            assert answer.headers["access-control-allow-origin"] == "*"
            # What came later stays closed.
            answer = await kept.http.get("/objects", headers={"Authorization": authorization})
            assert answer.status_code == status, authorization
        latin = await kept.http.get("/objects", headers={b"Authorization": b"Bearer \xff\xfe"})
        assert latin.status_code == 401
        assert (await kept.http.options("/timelines")).status_code == 204


async def test_who_looks_up_a_timeline_is_audited_if_anything_is_told(kept: Archive) -> None:
    with trio.fail_after(10):
        for object_id in (1, 2, 3):
            await kept.http.get(f"/timelines?objectId={object_id}")
    assert (await kept.audited())[2:] == [("looked_up", 1)]
