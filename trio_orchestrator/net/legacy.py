"""The two routes of the original, byte for byte, texts of errors included."""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeAlias, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trio_orchestrator.protocol.errors import Forbidden, Unauthenticated
from trio_orchestrator.protocol.outbound import json_string
from trio_orchestrator.store import questions
from trio_orchestrator.store.errors import StoreError
from trio_orchestrator.store.questions import BEGINNING, TimelineEntry, TimelinePlace
from trio_orchestrator.tracking.ports import Actor

from .api.errors import RETRY_AFTER, UNANSWERED, complain
from .api.rendering import Pieces, in_pieces
from .api.services import Services

PATHS: Final = frozenset({"/timelines", "/objectIds"})

_DECIMAL: Final = re.compile(r"[0-9]{1,18}")
HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    # What is told of people is not for caches, nor is what is told in its place for a while.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer has, whatever it is: pages of other origins are to read at least its status."""

_PREFLIGHT: Final = HEADERS | {
    "Access-Control-Allow-Methods": "GET, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization",
    "Access-Control-Max-Age": "86400",
}
_MISSING_ID: Final = 'Missing "objectId" query parameter'
_UNKNOWN_ID: Final = "Object id not present in tracking history"
_ENTRIES_A_PIECE: Final = 500

_Entry = TypeVar("_Entry")
_Answer: TypeAlias = Callable[[Request, Actor], Awaitable[Response]]


def routes(services: Services) -> list[Route]:
    """`/timelines` and `/objectIds`."""
    legacy = _Legacy(services)
    return [
        Route("/timelines", legacy.timelines, methods=["GET", "OPTIONS"]),
        Route("/objectIds", legacy.object_ids, methods=["GET", "OPTIONS"]),
    ]


class _Legacy:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def object_ids(self, request: Request) -> Response:
        """`{"data":[1, 2, 3]}`: all objects ever tracked."""
        return await self._guarded(request, self._object_ids)

    async def timelines(self, request: Request) -> Response:
        """`{"data":[{"timeStamp":…,"processorId":…}, …]}`: where one object was seen, oldest first."""
        return await self._guarded(request, self._timelines)

    async def _guarded(self, request: Request, answer: _Answer) -> Response:
        if request.method == "OPTIONS":  # a preflight (Fetch, section 3.2)
            return Response(status_code=204, headers=_PREFLIGHT)
        try:
            return await answer(request, await self._services.access.legacy_reader(request))
        except Unauthenticated as error:
            return PlainTextResponse(str(error), 401, headers=HEADERS | {"WWW-Authenticate": "Bearer"})
        except Forbidden as error:
            return PlainTextResponse(str(error), 403, headers=HEADERS)
        except StoreError as error:
            complain(request.scope, UNANSWERED, error)
            return PlainTextResponse("The database cannot be read now.", 503, headers=HEADERS | RETRY_AFTER)

    async def _object_ids(self, _request: Request, _actor: Actor) -> Response:
        form = _Form[int](str)

        async def make(after: int | None) -> tuple[bytes, int | None]:
            def written(ids: list[int]) -> tuple[bytes, int | None]:
                return form.rows(ids), ids[-1] if len(ids) == _ENTRIES_A_PIECE else None

            page = questions.object_id_page(after or 0, _ENTRIES_A_PIECE)
            return await self._services.archive.ask(page, written)

        pieces = Pieces(make, lambda: b"]}")
        await pieces.begin(b'{"data":[')
        return in_pieces(pieces, HEADERS, "application/json")

    async def _timelines(self, request: Request, actor: Actor) -> Response:
        text = request.query_params.get("objectId") or request.query_params.get("object_id")
        if not text:
            return PlainTextResponse(_MISSING_ID, 400, headers=HEADERS)
        object_id = int(text) if _DECIMAL.fullmatch(text) else 0  # which no object has
        form = _Form(_entry)

        async def make(after: TimelinePlace | None) -> tuple[bytes, TimelinePlace | None]:
            place = after or BEGINNING

            def written(entries: list[TimelineEntry]) -> tuple[bytes, TimelinePlace | None]:
                is_last = len(entries) < _ENTRIES_A_PIECE
                return form.rows(entries), None if is_last else questions.behind(entries, place)

            return await self._services.archive.ask(
                questions.timeline_page(object_id, place, _ENTRIES_A_PIECE), written
            )

        pieces = Pieces(make, lambda: b"]}")
        if not await pieces.begin(b'{"data":['):
            return PlainTextResponse(_UNKNOWN_ID, 400, headers=HEADERS)
        self._services.auditor.looked_up(object_id, actor)
        return in_pieces(pieces, HEADERS, "application/json")


class _Form(Generic[_Entry]):
    """A list as the original wrote it.

    Args:
        tell: writes one entry.
    """

    def __init__(self, tell: Callable[[_Entry], str]) -> None:
        self._tell = tell
        self._before = ""

    def rows(self, entries: list[_Entry]) -> bytes:
        """The next entries, with whatever stands before them."""
        if not entries:
            return b""
        text = self._before + ", ".join(map(self._tell, entries))
        self._before = ", "
        return text.encode()


def _entry(entry: TimelineEntry) -> str:
    """One, its time in the server's local zone."""
    stamp = time.strftime("%Y/%m/%d | %H:%M:%S", time.localtime(entry.second))
    return f'{{"timeStamp":"{stamp}","processorId":{json_string(entry.camera_id)}}}'
