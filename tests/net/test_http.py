"""The whole web application: what its routes have in common, and where the two legacy ones differ."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.tokens import CLIENT_ROLE, PROCESSOR_ROLE, make_token, token_checker
from trio_orchestrator.net.api.access import Access

from .archive import Archive, archive


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


async def test_no_path_leads_to_another(kept: Archive) -> None:
    for path in ("/objectIds/", "/timelines/", "/client/", "/objects/1/"):
        assert (await kept.http.get(path)).status_code == 404


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
