"""The OpenAPI 3.1 document, made of the operations and the very types that they read and tell."""

from importlib.metadata import version
from typing import Any, Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import answers
from .errors import ErrorAnswer
from .operations import ID_IN_PATH, Operation, Right
from .parameters import ObjectId
from .rendering import CSV, JSON

_Json: TypeAlias = dict[str, Any]

_REFERENCE: Final = "#/components/schemas/{name}"
_ERROR: Final = {"$ref": _REFERENCE.format(name="ErrorAnswer")}
_TEXT: Final = {"text/plain": {"schema": {"type": "string"}}}
_ANY_TOKEN: Final[list[_Json]] = [{}, {"token": []}]

_REASONS: Final = {
    "400": "a parameter, or the id, is not right",
    "401": "a token is needed, and none that is good came",
    "403": "the token lacks the role, or nobody may",
    "404": "there is no such object, or no such thing of it",
    "503": "the database does not work now",
}


def document(operations: list[Operation]) -> bytes:
    """The document, as JSON."""
    kinds = [operation.answer for operation in operations if operation.answer is not None]
    schemas, components = msgspec.json.schema_components(
        [*kinds, ErrorAnswer, answers.TrackedObject], ref_template=_REFERENCE
    )
    described = dict(zip(map(str, kinds), schemas, strict=False))
    paths: dict[str, _Json] = {}
    for operation in operations:
        path = operation.path.replace(ID_IN_PATH, "{objectId}")
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation, described)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "trio_orchestrator",
                "version": version("trio-orchestrator"),
                "description": "What was tracked, where it was, who asked, and how to erase it.",
            },
            "paths": {**paths, **_plain_paths()},
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        }
    )


def route(text: bytes) -> Route:
    """`/openapi.json`; it tells of nobody, so everybody may read it."""

    async def answer(_request: Request) -> Response:
        return Response(text, media_type=JSON)

    return Route("/openapi.json", answer)


def _described(operation: Operation, schemas: dict[str, _Json]) -> _Json:
    statuses = [status for status in _REASONS if status != "404" or ID_IN_PATH in operation.path]
    content: _Json = {name: {"schema": {"type": "string", "format": "binary"}} for name in operation.media_types}
    if operation.answer is not None:
        content[JSON] = {"schema": schemas[str(operation.answer)]}
    if operation.has_csv:
        content[CSV] = {"schema": {"type": "string"}}
    good = {"200": {"description": "the answer", "content": content}} if content else {"204": {"description": "done"}}
    bad = {status: {"description": _REASONS[status], "content": {JSON: {"schema": _ERROR}}} for status in statuses}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "security": [{"token": []}] if operation.right is Right.ADMINISTRATE else _ANY_TOKEN,
        "responses": {**good, **bad},
    }


def _parameters(operation: Operation) -> list[_Json]:
    found: list[_Json] = []
    if ID_IN_PATH in operation.path:
        found.append({"name": "objectId", "in": "path", "required": True, "schema": msgspec.json.schema(ObjectId)})
    (_,), components = msgspec.json.schema_components([operation.parameters], ref_template=_REFERENCE)
    properties: _Json = components[operation.parameters.__name__]["properties"]
    for name, schema in properties.items():
        found.append({"name": name, "in": "query", "required": False, "schema": schema})
    return found


def _plain_paths() -> dict[str, _Json]:
    """The routes that are not of the archive's own making: those of the original, and this document."""
    identifier = {"type": "string", "description": "plain decimal digits"}
    entry = {
        "type": "object",
        "properties": {"timeStamp": {"type": "string"}, "processorId": {"type": "string"}},
        "required": ["timeStamp", "processorId"],
    }
    return {
        "/timelines": {
            "get": {
                "operationId": "legacyTimeline",
                "summary": "Where an object was seen, second by second, in the server's local time",
                "parameters": [
                    {"name": name, "in": "query", "required": False, "schema": identifier}
                    for name in ("objectId", "object_id")
                ],
                "security": _ANY_TOKEN,
                "responses": {**_data(entry), **_texts("400", "401", "403", "503")},
            }
        },
        "/objectIds": {
            "get": {
                "operationId": "legacyObjectIds",
                "summary": "The ids of all objects ever tracked",
                "security": _ANY_TOKEN,
                "responses": {**_data({"type": "integer"}), **_texts("401", "403", "503")},
            }
        },
        "/healthz": {
            "get": {
                "operationId": "isWell",
                "summary": "Whether the server lives",
                "responses": {"200": {"description": "it does", "content": _TEXT}},
            }
        },
        "/openapi.json": {
            "get": {
                "operationId": "describe",
                "summary": "This document",
                "responses": {"200": {"description": "it", "content": {JSON: {"schema": {"type": "object"}}}}},
            }
        },
        "/asyncapi.json": {
            "get": {
                "operationId": "describeMessages",
                "summary": "The messages of the two WebSockets (AsyncAPI 3)",
                "responses": {"200": {"description": "it", "content": {JSON: {"schema": {"type": "object"}}}}},
            }
        },
    }


def _data(item: _Json) -> _Json:
    schema = {
        "type": "object",
        "properties": {"data": {"type": "array", "items": item}},
        "required": ["data"],
        "additionalProperties": False,
    }
    return {"200": {"description": "the answer", "content": {JSON: {"schema": schema}}}}


def _texts(*statuses: str) -> _Json:
    return {status: {"description": _REASONS[status], "content": _TEXT} for status in statuses}
