"""Where one object was: its sightings and its visits, streamed page by page.

A page is one short read and is written in the thread that read it. Between pages no connection is held, so whoever
takes an answer slowly, or not at all, keeps nothing from others.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from trio_orchestrator.store import questions
from trio_orchestrator.store.questions import SightingFilter, SightingPlace, SightingRecord
from trio_orchestrator.tracking.visits import Visits

from . import answers, cursors, parameters, rendering
from .objects import Objects
from .rendering import Form, Pieces
from .services import Services

_ROWS_A_FIRST_PIECE: Final = 150
"""Whoever asks waits for these; the later ones are read while he takes them."""

_ROWS_A_PIECE: Final = 500
_ALL: Final = SightingFilter()


class Sightings:
    """Answers what is asked about one object's sightings."""

    def __init__(self, services: Services, objects: Objects) -> None:
        self._services = services
        self._objects = objects

    async def sightings(self, request: Request) -> Response:
        """Its sightings, oldest first: a page of them where there is a limit, else all."""
        actor = await self._services.access.reader(request)
        asked = parameters.read(request, parameters.SightingsQuery)
        after = cursors.SIGHTINGS.read(asked.cursor)
        wanted = SightingFilter(parameters.given(asked.camera_id), asked.since, asked.until)
        record = await self._objects.existing(request)
        form = rendering.form_for(request, answers.Sighting, "sightings")
        if isinstance(asked.limit, int):
            answer = await self._page(request, record.object_id, wanted, after, asked.limit, form)
        else:
            answer = await self._stream(record.object_id, wanted, after, form)
        self._services.auditor.looked_up(record.object_id, actor)
        return answer

    async def visits(self, request: Request) -> Response:
        """Its visits, those that ended first in front, then those that go on."""
        actor = await self._services.access.reader(request)
        parameters.read(request, parameters.NoParameters)
        record = await self._objects.existing(request)
        form = rendering.form_for(request, answers.VisitAnswer, None)
        answer = await self._stream_visits(record.object_id, form, live=record.stopped_at is None)
        self._services.auditor.looked_up(record.object_id, actor)
        return answer

    async def _page(
        self,
        request: Request,
        object_id: int,
        wanted: SightingFilter,
        after: SightingPlace | None,
        limit: int,
        form: Form,
    ) -> Response:
        question = questions.sighting_page(object_id, wanted, after, limit + 1)
        records = await self._services.archive.ask(question)
        page, cursor = records[:limit], None
        if len(records) > limit:
            cursor = cursors.SIGHTINGS.write(_place(page[-1]))
        return rendering.whole(request, form, [answers.sighting(record) for record in page], cursor)

    async def _stream(
        self, object_id: int, wanted: SightingFilter, after: SightingPlace | None, form: Form
    ) -> Response:
        begin = after

        async def make(after: SightingPlace | None) -> tuple[bytes, SightingPlace | None]:
            rows = _rows(after, begin)

            def written(records: list[SightingRecord]) -> tuple[bytes, SightingPlace | None]:
                return form.rows([answers.sighting(record) for record in records]), _next(records, rows)

            question = questions.sighting_page(object_id, wanted, after, rows)
            return await self._services.archive.ask(question, written)

        pieces = Pieces(make, lambda: form.end(None))
        await pieces.begin(form.head(), after)
        return rendering.streamed(form, pieces)

    async def _stream_visits(self, object_id: int, form: Form, *, live: bool) -> Response:
        visits = Visits(round(self._services.visit_gap * 1000))

        async def make(after: SightingPlace | None) -> tuple[bytes, SightingPlace | None]:
            rows = _rows(after, None)

            def written(records: list[SightingRecord]) -> tuple[bytes, SightingPlace | None]:
                over = visits.add(record.presence for record in records)
                return form.rows([answers.visit(visit, goes_on=False) for visit in over]), _next(records, rows)

            question = questions.sighting_page(object_id, _ALL, after, rows)
            return await self._services.archive.ask(question, written)

        def end() -> bytes:
            now = round(self._services.clock() * 1000)
            rest = [answers.visit(visit, goes_on=live and visits.goes_on(visit, now)) for visit in visits.rest()]
            return form.rows(rest) + form.end(None)

        pieces = Pieces(make, end)
        await pieces.begin(form.head())
        return rendering.streamed(form, pieces)


def _rows(after: SightingPlace | None, begin: SightingPlace | None) -> int:
    return _ROWS_A_FIRST_PIECE if after == begin else _ROWS_A_PIECE


def _next(records: list[SightingRecord], rows: int) -> SightingPlace | None:
    """Behind which place the next page begins; None where this one, of `rows` at the most, is the last."""
    return _place(records[-1]) if len(records) == rows else None


def _place(record: SightingRecord) -> SightingPlace:
    return record.second, record.presence.camera_id
