"""What the orchestrator tells a peer that asked for it by `features` (docs/protocol.md, "Features")."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Feature: TypeAlias = Literal["cameras", "tracking", "lagged"]
# One without a zone could not be compared with the others.
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]


class Received(Struct, frozen=True, tag_field="type", rename="camel"):
    """A message told apart by its member `type`; members that are unknown are ignored."""


class Welcome(Received, frozen=True, tag="welcome"):
    """The features asked for are told from now on; their snapshots come next.

    Attributes:
        server: name and version of the server, for people.
        features: those asked for that the server knows.
        epoch: another one with every start of the server.
    """

    server: str
    features: tuple[str, ...]
    epoch: str


class CameraState(Struct, frozen=True, rename="camel"):
    """One camera: whether its processor is connected, and since when (UTC)."""

    camera_id: str
    online: bool
    since: Instant


class Cameras(Received, frozen=True, tag="cameras"):
    """All cameras the server knows; what was known of cameras before is out of date."""

    cameras: tuple[CameraState, ...]


class CameraChange(Received, frozen=True, tag="camera"):
    """A camera came or went; members as in `CameraState`."""

    camera_id: str
    online: bool
    since: Instant


class TrackedState(Struct, frozen=True, kw_only=True, rename="camel"):
    """One live object.

    Attributes:
        object_id: the object.
        state: where the search for it is, as in `TrackingChange`.
        camera_id: the camera of its last change of state.
        started_at: when it was started, UTC.
        expires_at: when it stops being tracked by itself, UTC; None where it does not.
        has_image: whether it was started with a cut-out.
        seen_on: the cameras it is on now.
    """

    object_id: int
    state: str
    camera_id: str
    started_at: Instant
    expires_at: Instant | None = None
    has_image: bool = False
    seen_on: tuple[str, ...] = ()


class Tracked(Received, frozen=True, tag="tracked"):
    """All live objects; what was known of objects before is out of date."""

    objects: tuple[TrackedState, ...]


class TrackingChange(Received, frozen=True, kw_only=True, tag="tracking"):
    """What became of the search for an object.

    Attributes:
        object_id: the object.
        state: `started`, `features`, `seen`, `lost`, `failed` or `stopped`, or one of a newer server.
        camera_id: the camera it is about; None where it is about none.
        by: who started or stopped it, by the subject of their token; None where there was none.
        reason: why it `failed` or was `stopped`; else None.
        at: when, UTC; of `lost`, when it was last seen.
    """

    object_id: int
    state: str
    camera_id: str | None = None
    by: str | None = None
    reason: str | None = None
    at: Instant


class Lagged(Received, frozen=True, tag="lagged"):
    """The server left out `dropped` frames of boxes since it last said so, for this peer is slow."""

    dropped: int


News: TypeAlias = Welcome | Cameras | CameraChange | Tracked | TrackingChange | Lagged
NEWS: tuple[type[Received], ...] = (Welcome, Cameras, CameraChange, Tracked, TrackingChange, Lagged)
