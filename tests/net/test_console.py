"""The console's files as they are served: all of them, to everybody, and with headers that keep the page to itself."""

import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from trio_orchestrator.net.console import CONTENT_SECURITY_POLICY, console_routes

FOLDER = Path(str(files("trio_orchestrator") / "console"))
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".html", ".css", ".js", ".svg"})
REFERENCE = re.compile(r"""(?:\bsrc|\bhref)="([^"#]+)"|\bfrom "([^"]+)"|\bimport\("([^"]+)"\)""")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=console_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


async def test_the_page_is_at_the_root(http: httpx.AsyncClient) -> None:
    answer = await http.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.content == (FOLDER / "index.html").read_bytes()


async def test_every_file_is_served_as_what_it_is(http: httpx.AsyncClient) -> None:
    kinds = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
    for name in NAMES:
        if name != "index.html":
            answer = await http.get(f"/console/{name}")
            assert answer.status_code == 200, name
            assert answer.content == (FOLDER / name).read_bytes()
            assert answer.headers["Content-Type"] == kinds[Path(name).suffix]


async def test_the_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody(http: httpx.AsyncClient) -> None:
    for path in ("/", *(f"/console/{name}" for name in NAMES if name != "index.html")):
        headers = (await http.get(path)).headers
        assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


async def test_a_file_that_has_not_changed_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/")
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await http.get("/", headers={"If-None-Match": condition})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag), condition
    assert (await http.get("/", headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize("path", ["/console/", "/console/index.html", "/console/%2e%2e/cli.py"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


def test_every_file_that_is_named_is_there_and_every_file_is_named() -> None:
    named = set()
    for name in NAMES:
        text = (FOLDER / name).read_text(encoding="utf-8")
        for found in REFERENCE.findall(text):
            reference = next(filter(None, found)).removeprefix("./").removeprefix("console/")
            assert (FOLDER / reference).is_file(), f"{name} names {reference}"
            named.add(reference)
    assert named == set(NAMES) - {"index.html"}


def test_no_file_knows_another_host_or_makes_markup_of_text() -> None:
    for name in NAMES:
        text = (FOLDER / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, name
        assert "https:" not in text, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            name
        )
        assert not re.search(r'\s(on[a-z]+|style)="', text), f"{name}: the policy would not let it work"


def test_modules_keep_to_the_length_that_the_house_wants() -> None:
    assert {name: lines for name in NAMES if (lines := len((FOLDER / name).read_text().splitlines())) > 300} == {}
