"""Peers and objects as the contract has them, for a machine that compares a hub with them."""

import json
from dataclasses import dataclass, field
from typing import Any

from .world import Somebody

Said = dict[str, Any]


@dataclass(eq=False)
class Peer:
    """A peer as the model sees it."""

    somebody: Somebody
    expected: list[Said] = field(default_factory=list)
    told: list[Said] = field(default_factory=list)
    """All it was told before it was slow."""
    late: bool = False
    """It has been slow once: told in time no more, and judged by the rules alone."""


@dataclass(eq=False)
class ModelClient(Peer):
    images: bool = False
    cameras: list[str] | None = None


@dataclass(eq=False)
class ModelProcessor(Peer):
    camera: str | None = None
    closed: bool = False
    floats: bool = False
    knows: set[int] = field(default_factory=set)


@dataclass
class ModelObject:
    started_on: str
    image: str | None
    features: Any = None
    """None while nobody has sent any."""


def never_dies_of_a_stop(told: list[Said]) -> None:
    """A processor is told to stop only what it was given features of, or a start, and nothing comes after a stop."""
    known: set[int] = set()
    stopped: set[int] = set()
    for message in told:
        if message.get("type") == "stop":
            assert message["objectId"] in known
            stopped.add(message["objectId"])
        elif "objectId" in message:
            assert message["objectId"] not in stopped
            if message["type"] == "start" or message["featureMap"]:
                known.add(message["objectId"])


def understood(told: str) -> Said:
    if told.startswith("error: "):
        return {"error": told.removeprefix("error: ")}
    message: Said = json.loads(told)
    return message


def empty(features: Any) -> Any:
    return {} if features is None else features


def given(**members: Any) -> Said:
    return {name: value for name, value in members.items() if value is not None}
