"""Cameras, and the audit."""

from starlette.requests import Request
from starlette.responses import Response

from trio_orchestrator.store.audit import AuditFilter, audit_page

from . import answers, cursors, parameters, rendering
from .services import Services


class Others:
    """Answers what is asked about cameras, and about who did what."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def cameras(self, request: Request) -> Response:
        """The cameras that there were since the server started."""
        await self._services.access.reader(request)
        parameters.read(request, parameters.NoParameters)
        status = self._services.hub.cameras.status(self._services.clock())
        form = rendering.form_for(request, answers.Camera, None)
        return rendering.whole(request, form, [answers.camera(camera) for camera in status])

    async def audit(self, request: Request) -> Response:
        """A page of what was done, newest first."""
        await self._services.access.administrator(request)
        asked = parameters.read(request, parameters.AuditQuery)
        wanted = AuditFilter(parameters.given(asked.object_id), asked.since, asked.until)
        after = cursors.AUDIT.read(asked.cursor)
        records = await self._services.archive.ask(audit_page(wanted, after, asked.limit + 1))
        page, cursor = records[: asked.limit], None
        if len(records) > asked.limit:
            cursor = cursors.AUDIT.write((page[-1].note.at, page[-1].number))
        form = rendering.form_for(request, answers.AuditEntry, "entries")
        return rendering.whole(request, form, [answers.audit_entry(record) for record in page], cursor)
