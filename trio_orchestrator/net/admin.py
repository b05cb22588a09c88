"""What is for those who run the server: the metrics, whether it is well, and whether it is ready."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_NOT_KEPT: Final = {"Cache-Control": "no-store"}


class Readiness(Protocol):
    """Knows whether the server should be sent traffic."""

    async def reason(self) -> str | None:
        """Why it should be sent none; None where it should."""


def admin_routes(render: Callable[[str], tuple[bytes, str]], readiness: Readiness) -> list[Route]:
    """`/metrics` and `/readyz`.

    Args:
        render: what an `Accept` header asks for → the metrics, and their content type.
        readiness: answers for `/readyz`.
    """

    async def metrics(request: Request) -> Response:
        content, content_type = render(request.headers.get("Accept", ""))
        return Response(content, headers=_NOT_KEPT | {"Content-Type": content_type})

    async def readyz(_request: Request) -> Response:
        reason = await readiness.reason()
        if reason is None:
            return PlainTextResponse("ready\n", headers=_NOT_KEPT)
        return PlainTextResponse(f"not ready: {reason}\n", HTTPStatus.SERVICE_UNAVAILABLE, headers=_NOT_KEPT)

    return [Route("/metrics", metrics), Route("/readyz", readyz)]


def admin_app(routes: Sequence[Route]) -> Starlette:
    """`routes` and `/healthz`, for a port of their own."""
    return Starlette(routes=[*routes, Route("/healthz", healthz)])


async def healthz(_request: Request) -> Response:
    """The process lives and its event loop turns, or there would be no answer."""
    return PlainTextResponse("ok\n", headers=_NOT_KEPT)
