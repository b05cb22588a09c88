"""The web application on its own, with an archive in the test's hands."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.tokens import PROCESSOR_ROLE, make_token, token_checker, token_settings
from trio_orchestrator.auth import TokenChecker
from trio_orchestrator.net.http import create_app
from trio_orchestrator.store.errors import DatabaseUnavailable
from trio_orchestrator.store.questions import TimelineEntry


class FakeArchive:
    """Knows object 1, which was seen, and object 2, which was not."""

    def __init__(self) -> None:
        self.entries = [TimelineEntry(1_700_000_000 + second, "cam1") for second in range(3)]
        self.broken = False

    async def object_ids(self) -> list[int]:
        self._check()
        return [1, 2, 10]

    async def timeline(self, object_id: int) -> list[TimelineEntry]:
        self._check()
        return self.entries if object_id == 1 else []

    def _check(self) -> None:
        if self.broken:
            raise DatabaseUnavailable("disk I/O error")


@pytest.fixture
def archive() -> FakeArchive:
    return FakeArchive()


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server in Kathmandu, a quarter of an hour off everybody."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def ask(archive: FakeArchive, checker: TokenChecker | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(archive, checker))
    return httpx.AsyncClient(transport=transport, base_url="http://orchestrator")


async def test_ids(archive: FakeArchive) -> None:
    async with ask(archive) as http:
        answer = await http.get("/objectIds")
    assert (answer.status_code, answer.text) == (200, '{"data":[1, 2, 10]}')
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.usefixtures("zone")
async def test_a_timeline_in_the_local_zone(archive: FakeArchive) -> None:
    archive.entries = [TimelineEntry(0, "cam1"), TimelineEntry(1_700_000_000, 'c"\\\x01ä\u2028')]
    async with ask(archive) as http:
        answer = await http.get("/timelines?objectId=1")
    assert answer.text == (
        '{"data":[{"timeStamp":"1970/01/01 | 05:30:00","processorId":"cam1"}, '
        '{"timeStamp":"2023/11/15 | 03:58:20","processorId":"c\\"\\\\\\u0001ä\u2028"}]}'
    )
    assert answer.json()["data"][1]["processorId"] == 'c"\\\x01ä\u2028'


@pytest.mark.parametrize("length", [1, 999, 1000, 1001, 2000, 2500])
async def test_a_long_timeline_in_pieces(archive: FakeArchive, length: int) -> None:
    archive.entries = [TimelineEntry(second, str(second)) for second in range(length)]
    async with ask(archive) as http:
        answer = await http.get("/timelines?objectId=1")
    assert [entry["processorId"] for entry in answer.json()["data"]] == [str(second) for second in range(length)]
    assert answer.text.count("}, {") == length - 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("objectId=1", True),
        ("object_id=1", True),
        ("objectId=&object_id=1", True),
        ("objectId=01", True),
        ("objectId=2", False),
        ("objectId=1.0", False),
        ("objectId=-1", False),
        ("objectId=%2B1", False),
        ("objectId=1%20", False),
        ("objectId=1%0A", False),
        ("objectId=%D9%A1", False),
        ("objectId=" + "9" * 5000, False),
    ],
)
async def test_ids_in_a_query(archive: FakeArchive, query: str, found: bool) -> None:
    async with ask(archive) as http:
        answer = await http.get(f"/timelines?{query}")
    assert answer.status_code == (200 if found else 400)
    assert found or answer.text == "Object id not present in tracking history"


async def test_a_database_that_cannot_be_read(archive: FakeArchive) -> None:
    archive.broken = True
    async with ask(archive) as http:
        for path in ("/objectIds", "/timelines?objectId=1"):
            answer = await http.get(path)
            assert answer.status_code == 503
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "disk" not in answer.text
        assert (await http.get("/healthz")).is_success


async def test_tokens(archive: FakeArchive) -> None:
    settings = token_settings()
    assert settings.client_role is not None
    async with ask(archive, token_checker(settings.client_role)) as http:
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
            answer = await http.get("/objectIds", headers={"Authorization": authorization})
            assert answer.status_code == status, authorization
            assert ("www-authenticate" in answer.headers) is (status == 401)
        latin = await http.get("/objectIds", headers={b"Authorization": b"Bearer \xff\xfe"})
        assert latin.status_code == 401
        assert (await http.options("/timelines")).status_code == 204
