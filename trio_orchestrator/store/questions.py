"""What can be asked of the database: each question is a short read of at most one page.

A long answer is asked for page by page, each from the place where the one before ended (its key, not a count), so that
a later page costs no more than the first, and no connection is held while somebody reads slowly. What a page costs
beyond what is in it is told in docs/decisions/0010-pages-by-key.md.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, not_, or_, select

from trio_orchestrator.tracking.ports import Actor
from trio_orchestrator.tracking.visits import Presence

from .schema import (
    IMAGES,
    LASTING,
    LIVE,
    LONG_MILLISECONDS,
    MAX_INTEGER,
    OBJECTS,
    SIGHTINGS,
    TOMBSTONES,
    Utf8,
)

_Answer = TypeVar("_Answer")
Question: TypeAlias = Callable[[Connection], _Answer]
"""To be handed to `Reader.ask`."""

Place: TypeAlias = tuple[int, int]
"""Behind this instant (milliseconds since 1970, UTC) and this id a page begins, newest first."""

SightingPlace: TypeAlias = tuple[int, str]
"""Behind this second and this camera a page begins, oldest first."""

TimelinePlace: TypeAlias = tuple[int, int]
"""Behind so many entries of this second a page begins, oldest first."""

BEGINNING: Final[TimelinePlace] = (0, 0)


class ObjectRecord(NamedTuple):
    """What is known of an object. Instants are milliseconds since 1970, UTC.

    Attributes:
        object_id: its id.
        camera_id: the camera it was started on.
        started_at: when.
        started_by: who asked for it.
        expires_at: when it ends, or would have ended, by itself; None for never.
        stopped_at: when its tracking ended; None while it is live.
        stop_reason: why; None while it is live.
        stopped_by: who asked for that; nobody where it ended by itself.
        has_image: whether its image is kept.
    """

    object_id: int
    camera_id: str
    started_at: int
    started_by: Actor
    expires_at: int | None
    stopped_at: int | None
    stop_reason: str | None
    stopped_by: Actor
    has_image: bool


class ObjectFilter(NamedTuple):
    """Which objects are meant; None for no matter.

    Attributes:
        live: whether they are tracked now.
        camera_id: the camera they were started on.
        since: tracked at this instant or later, milliseconds since 1970, UTC.
        until: tracked before this instant.
    """

    live: bool | None = None
    camera_id: str | None = None
    since: int | None = None
    until: int | None = None


class SightingFilter(NamedTuple):
    """Which sightings are meant; None for no matter.

    Attributes:
        camera_id: on this camera.
        since: seconds that began to be seen in at this instant or later, milliseconds since 1970, UTC.
        until: before this instant.
    """

    camera_id: str | None = None
    since: int | None = None
    until: int | None = None


class SightingRecord(NamedTuple):
    """The sightings of one object in one second on one camera.

    Attributes:
        second: the second, since 1970, UTC; with the camera it is the place in a timeline.
        presence: what was seen.
    """

    second: int
    presence: Presence


class TimelineEntry(NamedTuple):
    """An object was on a camera.

    Attributes:
        second: when, seconds since 1970, UTC.
        camera_id: the camera.
    """

    second: int
    camera_id: str


_O: Final = OBJECTS.c
_S: Final = SIGHTINGS.c
_T: Final = TOMBSTONES.c

_OBJECT: Final[Select[Any]] = select(
    *(_O.id, _O.camera_id, _O.started_at, _O.started_by, _O.started_by_name, _O.started_by_address),
    *(_O.expires_at, _O.stopped_at, _O.stop_reason, _O.stopped_by, _O.stopped_by_name, _O.stopped_by_address),
    select(IMAGES.c.object_id).where(IMAGES.c.object_id == _O.id).exists().label("has_image"),
)


def object_id_page(after: int, limit: int | None) -> Question[list[int]]:
    """The ids behind `after` of all objects ever tracked, the erased ones too, ascending; none is below 1."""
    # A page of each, for PostgreSQL would read all that is behind `after` to merge the two.
    tracked, erased = (
        select(column.label("id")).where(column > after).order_by(column).limit(limit).subquery()
        for column in (_O.id, _T.object_id)
    )
    ids = select(tracked.c.id).union_all(select(erased.c.id)).order_by("id").limit(limit)
    return lambda connection: list(connection.scalars(ids))


def object_page(wanted: ObjectFilter, after: Place | None, limit: int) -> Question[list[ObjectRecord]]:
    """Objects, those that were started last in front."""
    newest, few = _listed(wanted, after, limit)

    def ask(connection: Connection) -> list[ObjectRecord]:
        page = [_object(row) for row in connection.execute(newest).all()]
        if len(page) < limit and few:
            older = [_object(row) for part in few for row in connection.execute(part).all()]
            page += sorted(older, key=lambda found: (found.started_at, found.object_id), reverse=True)
        return page[:limit]

    return ask


def one_object(object_id: int) -> Question[ObjectRecord | None]:
    """One object; None where it is unknown or erased."""

    def ask(connection: Connection) -> ObjectRecord | None:
        row = connection.execute(_OBJECT.where(_O.id == object_id)).one_or_none()
        return None if row is None else _object(row)

    return ask


def was_erased(object_id: int) -> Question[bool]:
    """Whether there was such an object and nothing of it is left."""
    tombstone = select(_T.object_id).where(_T.object_id == object_id)
    return lambda connection: connection.scalar(tombstone) is not None


def was_ever(object_id: int) -> Question[bool]:
    """Whether there is, or was, such an object."""
    known = select(_O.id).where(_O.id == object_id).union_all(select(_T.object_id).where(_T.object_id == object_id))
    return lambda connection: connection.execute(known).first() is not None


def image(object_id: int) -> Question[bytes | None]:
    """An object's image, the JSON string that the client sent; None where none is kept."""
    kept = select(IMAGES.c.image).where(IMAGES.c.object_id == object_id)
    return lambda connection: connection.scalar(kept)


def sighting_page(
    object_id: int, wanted: SightingFilter, after: SightingPlace | None, limit: int
) -> Question[list[SightingRecord]]:
    """An object's sightings, oldest first, within a second by camera."""
    found: Select[Any] = (
        select(_S.second, _S.camera_id, _S.first_at, _S.last_at, _S["count"], _S.best_certainty)
        .where(_S.object_id == object_id)
        .order_by(_S.second, _S.camera_id)
        .limit(limit)
    )
    if after is not None:
        second, camera_id = after
        # The first condition lets the key be used; the second is what is meant.
        found = found.where(_S.second >= second, or_(_S.second > second, _S.camera_id > camera_id))
    if wanted.camera_id is not None:
        found = found.where(_S.camera_id == wanted.camera_id)
    if wanted.since is not None:
        found = found.where(_S.second >= wanted.since // 1000, _S.first_at >= wanted.since)
    if wanted.until is not None:
        found = found.where(_S.second <= wanted.until // 1000, _S.first_at < wanted.until)
    return lambda connection: [
        SightingRecord(row[0], Presence(row[1], row[2], row[3], row[4], row[5]))
        for row in connection.execute(found).all()
    ]


def timeline_page(object_id: int, after: TimelinePlace, limit: int | None) -> Question[list[TimelineEntry]]:
    """Where an object was, oldest first, within a second by first sighting; empty for an unknown object."""
    if not 0 < object_id <= MAX_INTEGER:
        return lambda _connection: []
    second, skip = after
    entries = (
        select(_S.second, _S.camera_id)
        .where(_S.object_id == object_id, _S.second >= second)
        # Only the few rows of one second are sorted; the seconds come in the order of the key.
        .order_by(_S.second, _S.first_at, _S.camera_id)
        .offset(skip)
        .limit(limit)
    )
    return lambda connection: [TimelineEntry(row[0], row[1]) for row in connection.execute(entries).all()]


def behind(entries: list[TimelineEntry], after: TimelinePlace) -> TimelinePlace:
    """The place behind `entries`, which is the page that begins at `after`."""
    last = entries[-1].second
    of_last = sum(entry.second == last for entry in entries)
    return last, of_last + (after[1] if last == after[0] else 0)


def stopped_before(instant: int, limit: int) -> Question[list[int]]:
    """The ids of objects whose tracking ended before `instant`, the first to end in front."""
    ids = select(_O.id).where(_O.stopped_at < instant).order_by(_O.stopped_at).limit(limit)
    return lambda connection: list(connection.scalars(ids))


def _listed(wanted: ObjectFilter, after: Place | None, limit: int) -> tuple[Select[Any], list[Select[Any]]]:
    """Statements for a page of objects: the first, and those for what it leaves room for, which is all older.

    No index finds what was under way at an instant: it began at any time before, and ended at any time behind. So of
    what began within a day before each is looked at, and of what is older the few that are live, or lasted longer.
    """
    of_camera, of_camera_of_few = [], []
    if wanted.camera_id is not None:
        of_camera = [_O.camera_id == wanted.camera_id]
        # For few objects the index of all on a camera would be a detour, and SQLite would take it.
        of_camera_of_few = [func.coalesce(_O.camera_id, literal("", Utf8)) == wanted.camera_id]
    if wanted.live:
        return _newest(wanted.until, after, limit, LIVE, *of_camera_of_few), []
    state = [] if wanted.live is None else [not_(LIVE)]
    if wanted.since is None:
        return _newest(wanted.until, after, limit, *state, *of_camera), []
    long_before = wanted.since - LONG_MILLISECONDS
    until = long_before if wanted.until is None else min(long_before, wanted.until)
    newest = _newest(
        wanted.until,
        after,
        limit,
        *(_O.started_at >= long_before, or_(LIVE, _O.stopped_at >= wanted.since), *state, *of_camera),
    )
    few = [_newest(until, after, limit, LASTING, _O.stopped_at >= wanted.since, *of_camera_of_few)]
    if wanted.live is None:
        few.append(_newest(until, after, limit, LIVE, *of_camera_of_few))
    return newest, few


def _newest(until: int | None, after: Place | None, limit: int, *conditions: ColumnElement[bool]) -> Select[Any]:
    found = _OBJECT.order_by(_O.started_at.desc(), _O.id.desc()).limit(limit)
    # The place before the window: of two conditions SQLite reads the index from the first.
    if after is not None:
        found = found.where(_behind(_O.started_at, _O.id, after))
    if until is not None:
        found = found.where(_O.started_at < until)
    return found.where(*conditions)


def _behind(instant: ColumnElement[int], row_id: ColumnElement[int], place: Place) -> ColumnElement[bool]:
    at, last_id = place
    return and_(instant <= at, or_(instant < at, row_id < last_id))


def _object(row: Any) -> ObjectRecord:
    started_by, stopped_by = Actor(row[3], row[4], row[5]), Actor(row[9], row[10], row[11])
    return ObjectRecord(row[0], row[1], row[2], started_by, row[6], row[7], row[8], stopped_by, bool(row[12]))
