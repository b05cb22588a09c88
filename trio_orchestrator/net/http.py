"""The ASGI application: the timelines, the ids, and whether the server is well."""

import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from trio_orchestrator.auth import TokenChecker
from trio_orchestrator.protocol.errors import Forbidden, Unauthenticated
from trio_orchestrator.protocol.outbound import json_string
from trio_orchestrator.store.errors import StoreError
from trio_orchestrator.store.questions import TimelineEntry

from .admin import healthz
from .console import console_routes

_DECIMAL: Final = re.compile(r"[0-9]{1,18}")
_ANY_ORIGIN: Final = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT: Final = _ANY_ORIGIN | {
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization",
    "Access-Control-Max-Age": "86400",
}
_MISSING_ID: Final = 'Missing "objectId" query parameter'
_UNKNOWN_ID: Final = "Object id not present in tracking history"
_ENTRIES_A_CHUNK: Final = 1000

_log = structlog.get_logger(__name__)


class Archive(Protocol):
    """What the routes read from."""

    async def object_ids(self) -> list[int]:
        """The ids of all objects ever tracked, ascending."""

    async def timeline(self, object_id: int) -> list[TimelineEntry]:
        """Where an object was, oldest first; empty where it was never seen or is unknown."""


def create_app(archive: Archive, checker: TokenChecker | None, more: Sequence[Route] = ()) -> Starlette:
    """The application.

    Args:
        archive: what is told of.
        checker: whose tokens the two data routes ask for (`Authorization: Bearer`, RFC 6750); None for none.
        more: routes of others.
    """
    routes = _Timelines(archive, checker)
    return Starlette(
        routes=[
            Route("/timelines", routes.timelines, methods=["GET", "OPTIONS"]),
            Route("/objectIds", routes.object_ids, methods=["GET", "OPTIONS"]),
            Route("/healthz", healthz),
            Route("/client", _upgrade_required),
            Route("/processor", _upgrade_required),
            *console_routes(),
            *more,
        ]
    )


class _Timelines:
    """The two routes of the original, byte for byte."""

    def __init__(self, archive: Archive, checker: TokenChecker | None) -> None:
        self._archive = archive
        self._checker = checker

    async def object_ids(self, request: Request) -> Response:
        """`{"data":[1, 2, 3]}`: all objects ever tracked."""
        if (early := await self._preflight_or_refusal(request)) is not None:
            return early
        try:
            ids = await self._archive.object_ids()
        except StoreError as error:
            return _storage_unavailable(error)
        return Response(f'{{"data":{ids}}}', media_type="application/json", headers=_ANY_ORIGIN)

    async def timelines(self, request: Request) -> Response:
        """`{"data":[{"timeStamp":…,"processorId":…}, …]}`: where one object was seen, oldest first."""
        if (early := await self._preflight_or_refusal(request)) is not None:
            return early
        object_id = request.query_params.get("objectId") or request.query_params.get("object_id")
        if not object_id:
            return PlainTextResponse(_MISSING_ID, 400, headers=_ANY_ORIGIN)
        try:
            entries = await self._archive.timeline(int(object_id)) if _DECIMAL.fullmatch(object_id) else []
        except StoreError as error:
            return _storage_unavailable(error)
        if not entries:
            return PlainTextResponse(_UNKNOWN_ID, 400, headers=_ANY_ORIGIN)
        return StreamingResponse(_legacy_json(entries), media_type="application/json", headers=_ANY_ORIGIN)

    async def _preflight_or_refusal(self, request: Request) -> Response | None:
        """What a request gets that is a preflight (Fetch, section 3.2) or lacks a token it needs; else None."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        if self._checker is None:
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise Unauthenticated("a bearer token is needed")
            await self._checker.check(token.strip())
        except Unauthenticated as error:
            return PlainTextResponse(str(error), 401, headers=_ANY_ORIGIN | {"WWW-Authenticate": "Bearer"})
        except Forbidden as error:
            return PlainTextResponse(str(error), 403, headers=_ANY_ORIGIN)
        return None


async def _legacy_json(entries: Sequence[TimelineEntry]) -> AsyncIterator[bytes]:
    """The entries as the original wrote them, with times in the server's local zone, a bounded piece at a time."""
    before = '{"data":['
    for first in range(0, len(entries), _ENTRIES_A_CHUNK):
        pieces = []
        for entry in entries[first : first + _ENTRIES_A_CHUNK]:
            stamp = time.strftime("%Y/%m/%d | %H:%M:%S", time.localtime(entry.second))
            pieces.append(f'{before}{{"timeStamp":"{stamp}","processorId":{json_string(entry.camera_id)}}}')
            before = ", "
        yield "".join(pieces).encode()
    yield b"]}"


async def _upgrade_required(_request: Request) -> Response:
    """A WebSocket's path, asked for as a page (RFC 9110, section 15.5.22)."""
    raise HTTPException(426, "This is a WebSocket.", {"Upgrade": "websocket", "Connection": "Upgrade"})


def _storage_unavailable(error: StoreError) -> Response:
    _log.error("a question could not be answered", reason=str(error))
    return PlainTextResponse("The database cannot be read now.", 503, headers=_ANY_ORIGIN | {"Retry-After": "5"})
