"""The AsyncAPI document is one by its standard's own schema, and says of messages what the code says."""

import json
from pathlib import Path
from typing import Any, get_args

import httpx
import jsonschema_rs
import msgspec
import pytest
from starlette.applications import Starlette

from trio_orchestrator.net.api import asyncapi
from trio_orchestrator.protocol import inbound, outbound
from trio_orchestrator.protocol.codes import ErrorCode
from trio_orchestrator.protocol.errors import InvalidMessage
from trio_orchestrator.protocol.inbound import CLIENT_MESSAGES, PROCESSOR_MESSAGES

SCHEMA = Path(__file__).parent / "schemas" / "asyncapi-3.0.0.json"
DOCUMENT: dict[str, Any] = json.loads(asyncapi.document())
MESSAGES = DOCUMENT["components"]["messages"]

TRACKED = outbound.TrackedState(object_id=7, state="s", camera_id="c", started_at="t", has_image=True, seen_on=("c",))


def is_described(name: str, text: bytes | str) -> bool:
    """Whether a message is what the document says of the message `name`."""
    schema = {**DOCUMENT["components"]["schemas"][name], "components": DOCUMENT["components"]}
    return jsonschema_rs.is_valid(schema, json.loads(text))


def test_it_is_an_asyncapi_document() -> None:
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []
    assert not validator.is_valid(DOCUMENT | {"channels": []}), "the schema checks nothing"


def test_every_reference_leads_somewhere() -> None:
    def follow(part: Any) -> None:
        if isinstance(part, list):
            for item in part:
                follow(item)
        elif isinstance(part, dict):
            if "$ref" in part:
                target: Any = DOCUMENT
                for step in part["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
            for item in part.values():
                follow(item)

    follow(DOCUMENT)


def test_it_knows_every_message() -> None:
    hand_made = {"CameraBoxes"}
    told = {struct.__name__ for struct in outbound._Outbound.__subclasses__()} | hand_made
    heard = {kind.__name__ for kind in (*get_args(inbound.ClientMessage), *get_args(inbound.ProcessorMessage))}
    assert MESSAGES.keys() == told | heard
    for socket, union in (("client", inbound.ClientMessage), ("processor", inbound.ProcessorMessage)):
        operation = DOCUMENT["operations"][f"hear_{socket}"]
        assert operation["action"] == "receive"
        assert {message["$ref"].rpartition("/")[2] for message in operation["messages"]} == {
            kind.__name__ for kind in get_args(union)
        }
        assert DOCUMENT["channels"][socket]["address"] == f"/{socket}"


@pytest.mark.parametrize(
    "told",
    [
        outbound.StartCommand(7, msgspec.Raw(b"1.0"), msgspec.Raw(b"3")),
        outbound.StartCommand(7, image=msgspec.Raw(b'"i"')),
        outbound.FeatureMapUpdate(7, msgspec.Raw(b"[1]")),
        outbound.NewObjectNotice(7),
        outbound.Error(ErrorCode.UNKNOWN_CAMERA, "m"),
        outbound.Cameras((outbound.CameraState("c", True, "t"),)),
        outbound.Tracked((TRACKED,)),
        outbound.TrackingChange(object_id=7, state="seen", at="t"),
    ],
)
def test_what_is_told_is_as_described(told: Any) -> None:
    name = type(told).__name__
    assert is_described(name, told.encode())
    assert not is_described(name, b'{"type":"else"}')


def test_boxes_are_as_described() -> None:
    head = outbound.bounding_boxes_head("cam1")
    parts = outbound.bounding_boxes(head, b"1.5", b'[{"boxId":1}]')
    assert is_described("CameraBoxes", b"".join(parts))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Start", '{"type":"start","cameraId":"c","frameId":1.5,"boxId":"b"}'),
        ("Start", '{"type":"start","cameraId":1,"image":"i"}'),
        ("Start", '{"type":"start","cameraId":"c","image":1}'),
        ("Start", '{"type":"start","cameraId":"c","frameId":[],"boxId":1}'),
        ("Stop", '{"type":"stop","objectId":"7"}'),
        ("Stop", '{"type":"stop"}'),
        ("Hello", '{"type":"hello","features":["a"]}'),
        ("Hello", '{"type":"hello","features":[1]}'),
        ("Subscribe", '{"type":"subscribe"}'),
        ("BoundingBoxes", '{"type":"boundingBoxes","frameId":1,"boxes":{"a":{}}}'),
        ("FeatureMap", '{"type":"featureMap","objectId":1}'),
    ],
)
def test_what_is_taken_is_as_described(name: str, text: str) -> None:
    decoder = CLIENT_MESSAGES if name in ("Start", "Stop", "Hello", "Subscribe") else PROCESSOR_MESSAGES
    try:
        decoder.decode(text.encode())
    except InvalidMessage:
        assert not is_described(name, text)
    else:
        assert is_described(name, text)


def test_members_are_explained_and_never_null() -> None:
    members = DOCUMENT["components"]["schemas"]["TrackedState"]["properties"]
    assert members["hasImage"]["description"] == "whether it was started with a cut-out."
    assert members["expiresAt"]["type"] == "string"
    assert "`requestId`" in MESSAGES["Stop"]["summary"]


async def test_it_is_served() -> None:
    transport = httpx.ASGITransport(Starlette(routes=[asyncapi.route(asyncapi.document())]))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        answer = await http.get("/asyncapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == DOCUMENT
