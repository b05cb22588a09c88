"""What is told, as it goes out; the OpenAPI document describes these types.

Members that do not apply are null. Instants are RFC 3339, UTC, milliseconds.
"""

from functools import lru_cache
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from trio_orchestrator.protocol.times import rfc3339
from trio_orchestrator.store.audit import AuditRecord
from trio_orchestrator.store.changes import Action
from trio_orchestrator.store.questions import ObjectRecord, SightingRecord
from trio_orchestrator.tracking.cameras import CameraStatus
from trio_orchestrator.tracking.objects import State
from trio_orchestrator.tracking.ports import Actor
from trio_orchestrator.tracking.visits import Visit

_END_OF_TIME: Final = 253_402_300_799_999  # the last instant that RFC 3339 can tell, in milliseconds

Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0)]


class _Answer(Struct, frozen=True, rename="camel", gc=False):
    """An object of the answer."""


class Who(_Answer, frozen=True):
    """Somebody who did something: the token's `subject` and `name`, or else the `address`."""

    subject: str | None
    name: str | None
    address: str | None


class TrackedObject(_Answer, frozen=True):
    """What is known of an object.

    Attributes:
        object_id: its id.
        state: where the search for it is, as in the messages.
        live: whether it is tracked now.
        camera_id: the camera it was started on.
        started_at: when.
        started_by: who asked for it.
        timeout: seconds after which it stops being tracked by itself; null for never.
        expires_at: when that is, or would have been.
        stopped_at: when its tracking ended.
        stop_reason: why.
        stopped_by: who asked for that.
        has_image: whether its image is kept.
    """

    object_id: Count
    state: State
    live: bool
    camera_id: str
    started_at: Instant
    started_by: Who | None
    timeout: Annotated[float, Meta(ge=0)] | None
    expires_at: Instant | None
    stopped_at: Instant | None
    stop_reason: Literal["client", "timeout"] | None
    stopped_by: Who | None
    has_image: bool


class Sighting(_Answer, frozen=True):
    """The sightings of one second on one camera: the first, the last, how many, and the best certainty among them."""

    camera_id: str
    from_: Instant = field(name="from")
    to: Instant
    sightings: Count
    best_certainty: float | None


class VisitAnswer(_Answer, frozen=True):
    """An uninterrupted presence on a camera; `to` is null while it goes on."""

    camera_id: str
    from_: Instant = field(name="from")
    to: Instant | None
    sightings: Count
    best_certainty: float | None


class Camera(_Answer, frozen=True):
    """A camera that a processor stood for since the server started.

    Attributes:
        camera_id: its id.
        online: whether one does now.
        since: since when.
        last_frame: when its last frame came.
        frames_per_second: over the last minute.
    """

    camera_id: str
    online: bool
    since: Instant
    last_frame: Instant | None
    frames_per_second: Annotated[float, Meta(ge=0)]


class AuditEntry(_Answer, frozen=True):
    """Something that was done with an object; `who` is null where the server did it by itself."""

    number: Count
    at: Instant
    action: Action
    object_id: Count
    who: Who | None


class ObjectPage(_Answer, frozen=True):
    """Objects, newest first; `cursor` asks for the next page, null where there is none."""

    objects: list[TrackedObject]
    cursor: str | None


class SightingPage(_Answer, frozen=True):
    """Sightings, oldest first; likewise."""

    sightings: list[Sighting]
    cursor: str | None


class AuditPage(_Answer, frozen=True):
    """What was done, newest first; likewise."""

    entries: list[AuditEntry]
    cursor: str | None


def instant(milliseconds: int) -> str:
    """Milliseconds since 1970 as RFC 3339; never beyond the year 9999, which it cannot tell."""
    second, rest = divmod(max(0, min(milliseconds, _END_OF_TIME)), 1000)
    return f"{_second(second)}.{rest:03}Z"


@lru_cache(maxsize=1024)
def _second(second: int) -> str:
    """All of it but the milliseconds; those of one answer are near each other."""
    return rfc3339(second).removesuffix(".000Z")


def tracked_object(record: ObjectRecord, state: State | None) -> TrackedObject:
    """Args: what is on disk, and where the search is, which only the hub knows."""
    live = record.stopped_at is None
    return TrackedObject(
        record.object_id,
        (state or State.STARTED) if live else State.STOPPED,
        live,
        record.camera_id,
        instant(record.started_at),
        _who(record.started_by),
        None if record.expires_at is None else (record.expires_at - record.started_at) / 1000,
        None if record.expires_at is None else instant(record.expires_at),
        None if record.stopped_at is None else instant(record.stopped_at),
        record.stop_reason,  # type: ignore[arg-type]  # the values of StopReason that are stored
        _who(record.stopped_by),
        record.has_image,
    )


def sighting(record: SightingRecord) -> Sighting:
    """One row of the store."""
    camera_id, first, last, count, best = record.presence
    return Sighting(camera_id, instant(first), instant(last), count, best)


def visit(found: Visit, *, goes_on: bool) -> VisitAnswer:
    """One visit; without an end while it goes on."""
    end = None if goes_on else instant(found.last)
    return VisitAnswer(found.camera_id, instant(found.first), end, found.sightings, found.best_certainty)


def camera(status: CameraStatus) -> Camera:
    """One camera."""
    last_frame = None if status.last_frame is None else rfc3339(status.last_frame)
    rate = round(status.frames_per_second, 2)
    return Camera(status.camera_id, status.online, rfc3339(status.since), last_frame, rate)


def audit_entry(record: AuditRecord) -> AuditEntry:
    """One row of the audit."""
    at, action, object_id, actor = record.note
    return AuditEntry(record.number, instant(at), action, object_id, _who(actor))


def _who(actor: Actor | None) -> Who | None:
    return None if actor is None or actor == Actor() else Who(*actor)
