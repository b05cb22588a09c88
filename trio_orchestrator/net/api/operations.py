"""What can be asked over HTTP, as one list: the routes and the OpenAPI document are made of it."""

from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import answers, images, parameters
from .objects import Objects
from .others import Others
from .services import Services
from .sightings import Sightings

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

ID_IN_PATH: Final = "{object_id}"


class Right(Enum):
    """What is needed for an operation."""

    READ = auto()
    ADMINISTRATE = auto()
    ERASE = auto()


class Operation(NamedTuple):
    """One thing that can be asked.

    Attributes:
        method: the HTTP method.
        path: as Starlette writes it; `{object_id}` stands for an object's id.
        name: names it in the document.
        summary: says what it does.
        right: what is needed.
        handler: does it.
        parameters: what the query may hold.
        answer: what is told; None where there is nothing to tell.
        has_csv: whether it is told as CSV as well.
        media_types: what else is told, where it is neither.
    """

    method: str
    path: str
    name: str
    summary: str
    right: Right
    handler: Handler
    parameters: type[Struct] = parameters.NoParameters
    answer: object = None
    has_csv: bool = False
    media_types: tuple[str, ...] = ()


def operations(services: Services) -> list[Operation]:
    """All of them."""
    objects, others = Objects(services), Others(services)
    sightings = Sightings(services, objects)
    one = f"/objects/{ID_IN_PATH}"
    return [
        Operation(
            *("GET", "/objects", "listObjects", "Objects, live and past, newest first", Right.READ, objects.many),
            *(parameters.ObjectsQuery, answers.ObjectPage, True),
        ),
        Operation(
            *("GET", one, "getObject", "What is known of an object", Right.READ, objects.one),
            answer=answers.TrackedObject,
        ),
        Operation(
            *("DELETE", one, "eraseObject", "Erase an object; only its id is left", Right.ERASE, objects.erase),
        ),
        Operation(
            *("GET", f"{one}/image", "getImage", "The image it was started with", Right.READ, objects.image),
            media_types=(*images.TYPES, images.UNKNOWN_TYPE),
        ),
        Operation(
            *("GET", f"{one}/visits", "listVisits", "When it was on which camera", Right.READ, sightings.visits),
            *(parameters.NoParameters, list[answers.VisitAnswer], True),
        ),
        Operation(
            *("GET", f"{one}/sightings", "listSightings", "Where it was seen, second by second", Right.READ),
            *(sightings.sightings, parameters.SightingsQuery, answers.SightingPage, True),
        ),
        Operation(
            *("GET", "/cameras", "listCameras", "Which cameras there are", Right.READ, others.cameras),
            *(parameters.NoParameters, list[answers.Camera], True),
        ),
        Operation(
            *("GET", "/audit", "listAudit", "Who did what with which object, newest first", Right.ADMINISTRATE),
            *(others.audit, parameters.AuditQuery, answers.AuditPage, True),
        ),
    ]


def routes(listed: list[Operation]) -> list[Route]:
    """Starlette's routes for them; one a path, so that a wrong method is told which ones are right."""
    by_path: dict[str, dict[str, Handler]] = {}
    for operation in listed:
        by_path.setdefault(operation.path, {})[operation.method] = operation.handler
    return [Route(path, _dispatch(handlers), methods=list(handlers)) for path, handlers in by_path.items()]


def _dispatch(handlers: dict[str, Handler]) -> Handler:
    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return answer
