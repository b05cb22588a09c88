"""The two routes of the original, byte for byte, from a real database."""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import Connection
from starlette.applications import Starlette

from tests.tokens import CLIENT_ROLE, PROCESSOR_ROLE, make_token, token_checker
from tests.tracking.world import World
from trio_orchestrator.auth import TokenChecker
from trio_orchestrator.logs import Complaints
from trio_orchestrator.net import legacy
from trio_orchestrator.net.api.access import Access
from trio_orchestrator.net.api.services import Services
from trio_orchestrator.store import questions
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.reader import Reader
from trio_orchestrator.tracking.ports import Actor


class FakeAuditor:
    """Remembers who was told of what."""

    def __init__(self) -> None:
        self.told: list[tuple[int, Actor]] = []

    def looked_up(self, object_id: int, actor: Actor) -> None:
        self.told.append((object_id, actor))


class Archive:
    """Objects 1, 2 and 10, and the sightings that a test puts in.

    Args:
        folder: where the database is.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "orchestrator.db"
        self._database = Database(f"sqlite:///{self._file}")
        self.auditor = FakeAuditor()
        self.track((1, 2, 10))

    def track(self, object_ids: Iterable[int]) -> None:
        """There are these objects."""
        rows = [(object_id,) for object_id in object_ids]
        self._insert("INSERT INTO objects (id, camera_id, started_at) VALUES (?, x'63616d31', 0)", rows)

    def erase(self, object_id: int) -> None:
        """Of this one only its id is left."""
        self._insert("DELETE FROM objects WHERE id = ?", [(object_id,)])
        self._insert("INSERT INTO tombstones VALUES (?)", [(object_id,)])

    def forget(self) -> None:
        """There never was any."""
        self._insert("DELETE FROM objects", [()])

    def see(self, *entries: tuple[int, str]) -> None:
        """Object 1 was there: seconds and cameras."""
        self._insert(
            "INSERT INTO sightings (object_id, second, camera_id, count, first_at, last_at) VALUES (1, ?, ?, 1, ?, ?)",
            [(second, camera.encode(), 1000 * second, 1000 * second) for second, camera in entries],
        )

    def break_(self) -> None:
        """From now on nothing can be read."""
        self._insert("DROP TABLE sightings", [()])
        self._insert("DROP TABLE objects", [()])

    def client(self, checker: TokenChecker | None = None) -> httpx.AsyncClient:
        """Somebody who asks."""
        access = Access(checker, None, tokens_asked_for=checker is not None)
        services = Services(
            Reader(self._database), World().hub, cast("Any", None), self.auditor, access, visit_gap=30, clock=time.time
        )
        app = Starlette(routes=legacy.routes(services))
        app.state.complaints = Complaints()
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://orchestrator")

    def close(self) -> None:
        self._database.close()

    def _insert(self, statement: str, rows: list[Any]) -> None:
        with closing(sqlite3.connect(self._file)) as database, database:
            database.executemany(statement, rows) if rows != [()] else database.execute(statement)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with closing(Archive(tmp_path)) as made:
        yield made


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server in Kathmandu, a quarter of an hour off everybody."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_ids(archive: Archive) -> None:
    async with archive.client() as http:
        answer = await http.get("/objectIds")
    assert (answer.status_code, answer.text) == (200, '{"data":[1, 2, 10]}')
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("more", [0, 496, 497, 498, 997, 2500])
async def test_many_ids_are_read_page_by_page(archive: Archive, monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    read: list[int] = []

    def page(after: int, limit: int | None) -> questions.Question[list[int]]:
        ask = object_id_page(after, limit)

        def counted(connection: Connection) -> list[int]:
            ids = ask(connection)
            read.append(len(ids))
            return ids

        return counted

    object_id_page = questions.object_id_page
    monkeypatch.setattr(questions, "object_id_page", page)
    archive.track(range(11, 11 + more))
    archive.erase(2)
    async with archive.client() as http:
        answer = await http.get("/objectIds")
    assert answer.text == f'{{"data":{[1, 2, *range(10, 11 + more)]}}}'
    assert (sum(read), max(read)) == (3 + more, min(3 + more, 500))


async def test_no_ids_at_all(archive: Archive) -> None:
    archive.forget()
    async with archive.client() as http:
        answer = await http.get("/objectIds")
    assert (answer.status_code, answer.text) == (200, '{"data":[]}')


@pytest.mark.usefixtures("zone")
async def test_a_timeline_in_the_local_zone(archive: Archive) -> None:
    archive.see((0, "cam1"), (1_700_000_000, 'c"\\\x01ä\u2028'))
    async with archive.client() as http:
        answer = await http.get("/timelines?objectId=1")
    assert answer.text == (
        '{"data":[{"timeStamp":"1970/01/01 | 05:30:00","processorId":"cam1"}, '
        '{"timeStamp":"2023/11/15 | 03:58:20","processorId":"c\\"\\\\\\u0001ä\u2028"}]}'
    )
    assert answer.json()["data"][1]["processorId"] == 'c"\\\x01ä\u2028'


@pytest.mark.parametrize("length", [1, 499, 500, 501, 1000, 1001, 2500])
async def test_a_long_timeline_in_pieces(archive: Archive, length: int) -> None:
    # Twice as many entries as seconds: pages must not end, or begin again, in the middle of a second.
    archive.see(*[(second // 2, f"{second:05}") for second in range(length)])
    async with archive.client() as http:
        answer = await http.get("/timelines?objectId=1")
    assert [entry["processorId"] for entry in answer.json()["data"]] == [f"{second:05}" for second in range(length)]
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
async def test_ids_in_a_query(archive: Archive, query: str, found: bool) -> None:
    archive.see((0, "cam1"))
    async with archive.client() as http:
        answer = await http.get(f"/timelines?{query}")
    assert answer.status_code == (200 if found else 400)
    assert found or answer.text == "Object id not present in tracking history"
    assert [object_id for object_id, _ in archive.auditor.told] == ([1] if found else [])


async def test_a_database_that_cannot_be_read(archive: Archive) -> None:
    archive.break_()
    async with archive.client() as http:
        for path in ("/objectIds", "/timelines?objectId=1"):
            answer = await http.get(path)
            assert answer.status_code == 503
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "table" not in answer.text


async def test_tokens(archive: Archive) -> None:
    async with archive.client(token_checker(CLIENT_ROLE)) as http:
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
