"""What is put around the web application: whom a request is from, and what became of it."""

from collections import Counter

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from .admission import Admission
from .forwarded import Proxies


def behind(proxies: Proxies, admission: Admission, app: ASGIApp) -> ASGIApp:
    """`app`, told of each request whom a known proxy made it for, where he has not too many under way already.

    A proxy's connection carries requests of many, so it is not the connection that counts as theirs.
    """

    async def forwarded(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client and proxies.knows(client[0]):
            proxy, port = client
            host = proxies.client(proxy, scope["headers"])
            scope["client"] = (host, 0)
            # Each request has a task of its own, and with it its own name in the log, up to its end.
            bind_contextvars(remote=f"{host} via {proxy}:{port}")
            with admission.request_of(host) as refusal:
                answer = app if refusal is None else _refused(refusal)
                await answer(scope, receive, send)
        else:
            await app(scope, receive, send)

    return forwarded


def _refused(status: str) -> ASGIApp:
    number, _, reason = status.partition(" ")
    # Pages that may ask from elsewhere are to see why they are not told.
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "Retry-After": "5"}
    return PlainTextResponse(f"{reason}\n", int(number), headers=headers)


def counted(answers: Counter[str], app: ASGIApp) -> ASGIApp:
    """`app`, each of its answers counted in `answers` by its status."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                answers[str(message["status"])] += 1
            await send(message)

        await app(scope, receive, count)

    return counting
