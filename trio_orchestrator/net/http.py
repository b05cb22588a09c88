"""The ASGI application: all routes of HTTP, and what is answered where something goes wrong."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trio_orchestrator.logs import Complaints

from . import legacy
from .admin import healthz
from .api import asyncapi, openapi
from .api.errors import HANDLERS, answer_fault, answer_http_error
from .api.operations import operations, routes
from .api.services import Services
from .console import console_routes


def create_app(services: Services, more: Sequence[Route] = (), complaints: Complaints | None = None) -> Starlette:
    """The application.

    Args:
        services: what its handlers work with.
        more: routes of others.
        complaints: logs what becomes of requests that the database fails.
    """
    listed = operations(services)
    app = Starlette(
        routes=[
            *legacy.routes(services),
            *routes(listed),
            openapi.route(openapi.document(listed)),
            asyncapi.route(asyncapi.document()),
            Route("/healthz", healthz),
            Route("/client", _upgrade_required),
            Route("/processor", _upgrade_required),
            *console_routes(),
            *more,
        ],
        exception_handlers={**HANDLERS, HTTPException: _answer_http_error, Exception: _answer_fault},
    )
    # A path is its page's or nobody's: the way round by another address would lose the token and the CORS headers.
    app.router.redirect_slashes = False
    app.state.complaints = complaints or Complaints()
    return app


async def _upgrade_required(_request: Request) -> Response:
    """A WebSocket's path, asked for as a page (RFC 9110, section 15.5.22)."""
    raise HTTPException(426, "This is a WebSocket.", {"Upgrade": "websocket", "Connection": "Upgrade"})


def _answer_http_error(request: Request, error: Exception) -> Response:
    """Where there is no such route or method; the legacy routes tell it in their own words."""
    assert isinstance(error, HTTPException)
    if request.url.path in legacy.PATHS:
        return PlainTextResponse(error.detail, error.status_code, headers=legacy.HEADERS | dict(error.headers or {}))
    return answer_http_error(request, error)


def _answer_fault(request: Request, error: Exception) -> Response:
    """Where a handler fails; Starlette raises its exception again behind the answer."""
    if request.url.path in legacy.PATHS:
        return PlainTextResponse("Internal Server Error", 500, headers=legacy.HEADERS)
    return answer_fault(request, error)
