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
    knows: set[int] = field(default_factory=set)


@dataclass
class ModelObject:
    started_on: str
    image: str | None
    features: Any = None
    """None while nobody has sent any."""


class Follower:
    """What somebody knows who takes snapshots and the changes after them at their word (contract, part 2).

    Attributes:
        somebody: it.
        cameras: whether each is online, and since when.
        objects: of each live object its state, its camera and the cameras it is on.
    """

    def __init__(self, somebody: Somebody) -> None:
        self.somebody = somebody
        self.cameras: dict[str, tuple[bool, str]] = {}
        self.objects: dict[int, tuple[str, str, frozenset[str]]] = {}
        somebody.says('{"type":"subscribe","cameraIds":[]}')
        self.greet()

    def greet(self) -> None:
        """Ask for snapshots, and for all changes after them."""
        self.somebody.says('{"type":"hello","features":["cameras","tracking"]}')

    def catch_up(self) -> None:
        """Read all that was told."""
        for told in self.somebody.heard():
            message = json.loads(told)
            match message["type"]:
                case "cameras":
                    self.cameras = {
                        state["cameraId"]: (state["online"], state["since"]) for state in message["cameras"]
                    }
                case "camera":
                    self._camera(message)
                case "tracked":
                    self.objects = {
                        state["objectId"]: (state["state"], state["cameraId"], frozenset(state["seenOn"]))
                        for state in message["objects"]
                    }
                case "tracking":
                    self._search(message)

    def _camera(self, change: Said) -> None:
        known = self.cameras.get(change["cameraId"], (False, ""))[0]
        assert known is not change["online"], "a change that is none"
        self.cameras[change["cameraId"]] = (change["online"], change["since"])

    def _search(self, change: Said) -> None:
        object_id, kind = change["objectId"], change["state"]
        if object_id not in self.objects:
            assert kind == "started"
            self.objects[object_id] = ("started", change["cameraId"], frozenset())
            return
        state, before, seen_on = self.objects[object_id]
        if kind == "stopped":
            del self.objects[object_id]
            return
        camera_id: str = change["cameraId"]
        if kind == "seen":
            assert change["cameraId"] not in seen_on
            seen_on |= {change["cameraId"]}
        elif kind == "lost":
            assert change["cameraId"] in seen_on
            seen_on -= {change["cameraId"]}
            if seen_on:
                kind, camera_id = "seen", before if before in seen_on else min(seen_on)
        elif kind == "features" and state in ("seen", "lost"):
            kind, camera_id = state, before  # news, but of its looks
        self.objects[object_id] = (kind, camera_id, seen_on)


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
