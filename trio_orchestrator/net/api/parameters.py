"""What a request asks for, as types: texts of the query are read strictly, and an unknown name is an error.

A filter that is misspelt and passed over would tell of everybody.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field
from starlette.requests import Request

from trio_orchestrator.store.schema import MAX_INTEGER

from .errors import BadRequest

MAX_PAGE: Final = 1000
DEFAULT_PAGE: Final = 100

_Parameters = TypeVar("_Parameters", bound=Struct)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL: Final = re.compile(r"[0-9]{1,19}")
# In a query a plus sign that is not escaped arrives as a space.
_LOST_PLUS: Final = re.compile(r" ([0-9]{2}:[0-9]{2})$")
_TEXTS: Final = {"true": True, "false": False}

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Limit: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_PAGE)]
ObjectId: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
CameraId: TypeAlias = Annotated[str, Meta(max_length=256)]
Cursor: TypeAlias = Annotated[str, Meta(description="as a page before gave it")]


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing can be asked for."""


class _Window(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What lies between two instants: `from` belongs to it, `to` does not."""

    from_: Instant | UnsetType = field(default=UNSET, name="from")
    to: Instant | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.from_ is not UNSET and self.to is not UNSET and self.from_ > self.to:
            raise ValueError("`from` must not be later than `to`")

    @property
    def since(self) -> int | None:
        """`from` in milliseconds since 1970, UTC."""
        return _milliseconds(self.from_)

    @property
    def until(self) -> int | None:
        """`to` likewise."""
        return _milliseconds(self.to)


class ObjectsQuery(_Window, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which objects: tracked now or not, started on a camera, tracked at some time of the window."""

    live: bool | UnsetType = UNSET
    camera_id: CameraId | UnsetType = UNSET
    limit: Limit = DEFAULT_PAGE
    cursor: Cursor | UnsetType = UNSET


class SightingsQuery(_Window, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which sightings: on a camera, begun within the window; all of them where no limit is set."""

    camera_id: CameraId | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET
    cursor: Cursor | UnsetType = UNSET


class AuditQuery(_Window, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which entries: about an object, of the window."""

    object_id: ObjectId | UnsetType = UNSET
    limit: Limit = DEFAULT_PAGE
    cursor: Cursor | UnsetType = UNSET


def read(request: Request, kind: type[_Parameters]) -> _Parameters:
    """The parameters of `request`.

    Raises:
        BadRequest: one is unknown, given twice, or no value of its type.
    """
    texts = request.query_params.multi_items()
    names = [name for name, _ in texts]
    if len(set(names)) < len(names):
        raise BadRequest("a parameter is given more than once")
    readers = _readers(kind)
    values = {name: readers[name](text) if name in readers else text for name, text in texts}
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise BadRequest(f"a parameter is not right: {error}") from None


def object_id(request: Request) -> int:
    """The id in the path.

    Raises:
        BadRequest: it is none.
    """
    text: str = request.path_params["object_id"]
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_INTEGER:
        raise BadRequest("an object's id is a positive whole number in plain decimal digits")
    return int(text)


def given(value: Any) -> Any:
    """`value`, or None where the parameter was not given."""
    return None if value is UNSET else value


def _readers(kind: type[Struct]) -> dict[str, Callable[[str], object]]:
    """How the text of each parameter is read that is not simply a text."""
    found: dict[str, Callable[[str], object]] = {}
    for parameter in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        types = getattr(parameter.type, "types", (parameter.type,))
        for one in types:
            if isinstance(one, msgspec.inspect.IntType):
                found[parameter.encode_name] = _integer
            elif isinstance(one, msgspec.inspect.BoolType):
                found[parameter.encode_name] = lambda text: _TEXTS.get(text, text)
            elif isinstance(one, msgspec.inspect.DateTimeType):
                found[parameter.encode_name] = lambda text: _LOST_PLUS.sub(r"+\1", text)
    return found


def _integer(text: str) -> object:
    return int(text) if _DECIMAL.fullmatch(text) else text


def _milliseconds(at: datetime | UnsetType) -> int | None:
    return None if at is UNSET else (at - _EPOCH) // timedelta(milliseconds=1)
