"""The AsyncAPI 3 document of the two sockets, made of the very types that are read and told (docs/protocol.md)."""

import inspect
import re
from importlib.metadata import version
from typing import Any, Final, NamedTuple, TypeAlias, get_args

import msgspec
from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trio_orchestrator.protocol import inbound, outbound

from .rendering import JSON

_Json: TypeAlias = dict[str, Any]
_NumberOrString: TypeAlias = int | float | str

_REFERENCE: Final = "#/components/schemas/{name}"
_VERBATIM: Final[dict[str, Any]] = {
    "frame_id": _NumberOrString,
    "box_id": _NumberOrString,
    "image": str,
    "boxes": list[dict[str, Any]] | dict[str, dict[str, Any]],
    "feature_map": Any,
}
"""What the members are that pass unparsed."""
_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


class CameraBoxes(Struct, frozen=True, tag_field="type", tag="boundingBoxes", rename="camel"):
    """Tells a client what a camera sees in one frame; written by `outbound.bounding_boxes`, as it is so frequent."""

    camera_id: str
    frame_id: Raw
    boxes: Raw


TO_EITHER: Final[tuple[type[Struct], ...]] = (
    outbound.StopNotice,
    outbound.Error,
    outbound.Welcome,
    outbound.Cameras,
    outbound.CameraChange,
    outbound.Tracked,
    outbound.TrackingChange,
    outbound.Lagged,
)
TO_CLIENTS: Final[tuple[type[Struct], ...]] = (
    CameraBoxes,
    outbound.NewObjectNotice,
    outbound.Accepted,
    *TO_EITHER,
)
TO_PROCESSORS: Final[tuple[type[Struct], ...]] = (outbound.StartCommand, outbound.FeatureMapUpdate, *TO_EITHER)


class _Socket(NamedTuple):
    """One of the two: where it is, who is at its other end, and what either end says."""

    name: str
    peer: str
    heard: tuple[type[Struct], ...]
    told: tuple[type[Struct], ...]


_SOCKETS: Final = (
    _Socket("client", "an operator's interface", get_args(inbound.ClientMessage), TO_CLIENTS),
    _Socket("processor", "a camera's processor", get_args(inbound.ProcessorMessage), TO_PROCESSORS),
)


def document() -> bytes:
    """The document, as JSON."""
    kinds = list(dict.fromkeys(kind for socket in _SOCKETS for kind in (*socket.heard, *socket.told)))
    _, components = msgspec.json.schema_components([_plain(kind) for kind in kinds], ref_template=_REFERENCE)
    described: list[type[Struct]] = [*kinds, outbound.CameraState, outbound.TrackedState]
    for kind in described:
        _describe_members(components[kind.__name__], kind)
    return msgspec.json.encode(
        {
            "asyncapi": "3.0.0",
            "info": {
                "title": "trio_orchestrator",
                "version": version("trio-orchestrator"),
                "description": "What is said on the two sockets, a JSON object a message. Where tokens are asked for, "
                "`authenticate` comes first. A member that does not apply is absent.",
            },
            "defaultContentType": JSON,
            "channels": {socket.name: _channel(socket) for socket in _SOCKETS},
            "operations": {name: operation for socket in _SOCKETS for name, operation in _operations(socket).items()},
            "components": {
                "messages": {kind.__name__: _message(kind) for kind in kinds},
                "schemas": {name: _without_null(schema) for name, schema in components.items()},
            },
        }
    )


def route(text: bytes) -> Route:
    """`/asyncapi.json`; it tells of nobody, so everybody may read it."""

    async def answer(_request: Request) -> Response:
        return Response(text, media_type=JSON)

    return Route("/asyncapi.json", answer)


def _plain(kind: type[Struct]) -> type[Struct]:
    """`kind` as a type that a schema can be made of: with what its unparsed members are."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind):
        if field.type is Raw:
            optional = field.default is not msgspec.NODEFAULT
            plain = (
                Any
                if kind.__struct_config__.tag == "boundingBoxes" and field.name == "frame_id"
                else _VERBATIM[field.name]
            )
            fields.append((field.name, plain | msgspec.UnsetType, msgspec.UNSET) if optional else (field.name, plain))
        elif field.default is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, field.default))
        else:
            fields.append((field.name, field.type))
    config = kind.__struct_config__
    return msgspec.defstruct(
        kind.__name__, fields, tag_field=config.tag_field, tag=config.tag, rename="camel", kw_only=True
    )


def _describe_members(schema: _Json, kind: type[Struct]) -> None:
    text = _explanation(kind)
    schema["description"] = _line(text.split("\n\n", 1)[0])
    told = {name: _line(meaning) for name, meaning in _ATTRIBUTE.findall(text)}
    for field in msgspec.structs.fields(kind):
        if field.name in told:
            schema["properties"][field.encode_name]["description"] = told[field.name]


def _explanation(kind: type[Struct]) -> str:
    """What is said of `kind` where it is made, with its members as they are on the wire."""
    text = inspect.getdoc(kind) or ""
    for field in msgspec.structs.fields(kind):
        text = text.replace(f"`{field.name}`", f"`{field.encode_name}`")
    return text


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _without_null(schema: Any) -> Any:
    """Members that may be left out are left out: `null` counts as absent, and is never told."""
    if isinstance(schema, list):
        return [_without_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _without_null(part) for name, part in schema.items() if (name, part) != ("default", None)}
    options = kept.get("anyOf", [])
    if {"type": "null"} in options:
        kept["anyOf"] = [option for option in options if option != {"type": "null"}]
        if len(kept["anyOf"]) == 1:
            return {**kept.pop("anyOf")[0], **kept}
    return kept


def _message(kind: type[Struct]) -> _Json:
    return {
        "name": kind.__struct_config__.tag,
        "summary": _line(_explanation(kind).split("\n\n", 1)[0]),
        "payload": {"$ref": _REFERENCE.format(name=kind.__name__)},
    }


def _channel(socket: _Socket) -> _Json:
    return {
        "address": f"/{socket.name}",
        "description": f"The WebSocket of {socket.peer}.",
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in (*socket.heard, *socket.told)
        },
        "bindings": {"ws": {"method": "GET"}},
    }


def _operations(socket: _Socket) -> _Json:
    """What the orchestrator does on `socket`."""

    def operation(action: str, summary: str, kinds: tuple[type[Struct], ...]) -> _Json:
        return {
            "action": action,
            "summary": summary,
            "channel": {"$ref": f"#/channels/{socket.name}"},
            "messages": [{"$ref": f"#/channels/{socket.name}/messages/{kind.__name__}"} for kind in kinds],
        }

    return {
        f"hear_{socket.name}": operation("receive", f"What {socket.peer} says", socket.heard),
        f"tell_{socket.name}": operation("send", f"What {socket.peer} is told", socket.told),
    }
