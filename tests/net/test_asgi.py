import ipaddress
from collections import Counter

import httpx
import trio
import trio.testing
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from structlog.contextvars import bound_contextvars, get_contextvars

from trio_orchestrator.net.admission import Admission
from trio_orchestrator.net.asgi import behind, counted
from trio_orchestrator.net.forwarded import Proxies


async def who(request: Request) -> Response:
    assert request.client is not None
    return PlainTextResponse(request.client.host)


PROXIES = Proxies([ipaddress.ip_network("10.0.0.1")])
APP = Starlette(routes=[Route("/who", who)])


async def ask(app: ASGIApp, path: str, *, peer: str = "10.0.0.1", speaks_for: str = "203.0.113.7") -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(peer, 50123))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        return await http.get(path, headers={"X-Forwarded-For": speaks_for})


async def test_a_known_proxy_speaks_for_somebody_else_in_each_request() -> None:
    app = behind(PROXIES, Admission(9, 2), APP)
    assert (await ask(app, "/who")).text == "203.0.113.7"
    assert (await ask(app, "/who", speaks_for="203.0.113.8")).text == "203.0.113.8"


async def test_who_is_behind_a_proxy_has_only_so_many_requests_at_once() -> None:
    goes_on, statuses = trio.Event(), Counter[int]()

    async def slow(request: Request) -> Response:
        await goes_on.wait()
        return await who(request)

    room = Admission(9, 2)
    app = behind(PROXIES, room, Starlette(routes=[Route("/slow", slow), Route("/who", who)]))

    async def wait(speaks_for: str) -> None:
        statuses[(await ask(app, "/slow", speaks_for=speaks_for)).status_code] += 1

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(wait, "203.0.113.7")
            await trio.testing.wait_all_tasks_blocked()
            refused = await ask(app, "/who")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
            assert refused.headers["access-control-allow-origin"] == "*", "pages of other origins are to see it"
            assert (await ask(app, "/who", speaks_for="203.0.113.8")).status_code == 200
            assert (await ask(app, "/who", peer="10.0.0.2")).status_code == 200, "his connection is counted, not this"
            goes_on.set()
    assert (statuses, room.by_address) == ({200: 2}, {})
    assert (await ask(app, "/who")).status_code == 200


async def test_the_log_names_whom_it_speaks_for() -> None:
    app = behind(PROXIES, Admission(9, 2), APP)
    with bound_contextvars(remote="10.0.0.1:50123"):
        await ask(app, "/who", peer="10.0.0.2")
        assert get_contextvars()["remote"] == "10.0.0.1:50123"
        await ask(app, "/who")
        assert get_contextvars()["remote"] == "203.0.113.7 via 10.0.0.1:50123"


async def test_anybody_else_speaks_for_himself() -> None:
    app = behind(PROXIES, Admission(9, 2), APP)
    assert (await ask(app, "/who", peer="10.0.0.2")).text == "10.0.0.2"


async def test_answers_are_counted_by_status() -> None:
    answers: Counter[str] = Counter()
    app = counted(answers, APP)
    for path in ("/who", "/who", "/nowhere"):
        await ask(app, path)
    assert answers == {"200": 2, "404": 1}
