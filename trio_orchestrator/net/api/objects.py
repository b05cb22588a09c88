"""Objects: lists of them, one, its image, and its erasure."""

from starlette.requests import Request
from starlette.responses import Response

from trio_orchestrator.store import questions
from trio_orchestrator.store.questions import ObjectFilter, ObjectRecord

from . import answers, cursors, images, parameters, rendering
from .errors import NotFound
from .services import Services


class Objects:
    """Answers what is asked about objects."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def many(self, request: Request) -> Response:
        """A page of objects, newest first."""
        await self._services.access.reader(request)
        asked = parameters.read(request, parameters.ObjectsQuery)
        given = parameters.given
        wanted = ObjectFilter(given(asked.live), given(asked.camera_id), asked.since, asked.until)
        after = cursors.OBJECTS.read(asked.cursor)
        records = await self._services.archive.ask(questions.object_page(wanted, after, asked.limit + 1))
        page, cursor = records[: asked.limit], None
        if len(records) > asked.limit:
            cursor = cursors.OBJECTS.write((page[-1].started_at, page[-1].object_id))
        form = rendering.form_for(request, answers.TrackedObject, "objects")
        return rendering.whole(request, form, [self._answer(record) for record in page], cursor)

    async def one(self, request: Request) -> Response:
        """All that is known of one object."""
        actor = await self._services.access.reader(request)
        parameters.read(request, parameters.NoParameters)
        record = await self.existing(request)
        self._services.auditor.looked_up(record.object_id, actor)
        return rendering.one(self._answer(record))

    async def image(self, request: Request) -> Response:
        """The image that it was started with."""
        actor = await self._services.access.reader(request)
        parameters.read(request, parameters.NoParameters)
        record = await self.existing(request)
        question = questions.image(record.object_id)
        image = await self._services.archive.ask(question, lambda stored: images.decode(stored) if stored else None)
        self._services.auditor.looked_up(record.object_id, actor)
        if image is None:
            raise NotFound("No image of this object is kept.", error="no_image")
        return Response(image.content, headers=images.HEADERS, media_type=image.media_type)

    async def erase(self, request: Request) -> Response:
        """Let nothing be left of it; where that has been done, it is done."""
        actor = await self._services.access.eraser(request)
        parameters.read(request, parameters.NoParameters)
        object_id = parameters.object_id(request)
        if not await self._services.archive.ask(questions.was_ever(object_id)):
            raise NotFound("There is no such object.")
        await self._services.eraser.erase(object_id, actor)
        return Response(status_code=204)

    async def existing(self, request: Request) -> ObjectRecord:
        """The object that the path names.

        Raises:
            BadRequest: it names none.
            NotFound: there is none of that id, or not any more.
        """
        object_id = parameters.object_id(request)
        archive = self._services.archive
        record = await archive.ask(questions.one_object(object_id))
        if record is None and await archive.ask(questions.was_erased(object_id)):
            raise NotFound("This object was erased.", error="erased")
        if record is None:
            raise NotFound("There is no such object.")
        return record

    def _answer(self, record: ObjectRecord) -> answers.TrackedObject:
        return answers.tracked_object(record, self._services.hub.objects.state_of(record.object_id))
