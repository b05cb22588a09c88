import ipaddress
from collections import Counter

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from structlog.contextvars import bound_contextvars, get_contextvars

from trio_orchestrator.net.asgi import behind, counted
from trio_orchestrator.net.forwarded import Proxies


async def who(request: Request) -> Response:
    assert request.client is not None
    return PlainTextResponse(request.client.host)


APP = Starlette(routes=[Route("/who", who)])


async def ask(app: ASGIApp, path: str, *, peer: str = "10.0.0.1", speaks_for: str = "203.0.113.7") -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(peer, 50123))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        return await http.get(path, headers={"X-Forwarded-For": speaks_for})


async def test_a_known_proxy_speaks_for_somebody_else_in_each_request() -> None:
    app = behind(Proxies([ipaddress.ip_network("10.0.0.1")]), APP)
    assert (await ask(app, "/who")).text == "203.0.113.7"
    assert (await ask(app, "/who", speaks_for="203.0.113.8")).text == "203.0.113.8"


async def test_the_log_names_whom_it_speaks_for() -> None:
    app = behind(Proxies([ipaddress.ip_network("10.0.0.1")]), APP)
    with bound_contextvars(remote="10.0.0.1:50123"):
        await ask(app, "/who", peer="10.0.0.2")
        assert get_contextvars()["remote"] == "10.0.0.1:50123"
        await ask(app, "/who")
        assert get_contextvars()["remote"] == "203.0.113.7 via 10.0.0.1:50123"


async def test_anybody_else_speaks_for_himself() -> None:
    app = behind(Proxies([ipaddress.ip_network("10.0.0.1")]), APP)
    assert (await ask(app, "/who", peer="10.0.0.2")).text == "10.0.0.2"


async def test_answers_are_counted_by_status() -> None:
    answers: Counter[str] = Counter()
    app = counted(answers, APP)
    for path in ("/who", "/who", "/nowhere"):
        await ask(app, path)
    assert answers == {"200": 2, "404": 1}
