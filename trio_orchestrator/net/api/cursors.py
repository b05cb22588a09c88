"""Cursors: where the next page begins, as a text that means nothing to whoever carries it."""

import base64
import binascii
import re
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from trio_orchestrator.store.questions import Place, SightingPlace
from trio_orchestrator.store.schema import MAX_INTEGER

from .errors import BadRequest

_PlaceType = TypeVar("_PlaceType", Place, SightingPlace)

_Whole = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
_BASE64: Final = re.compile(r"[A-Za-z0-9_-]{1,4000}")  # a camera's id may be 256 characters, of six bytes each


class Cursors(Generic[_PlaceType]):
    """The cursors of one kind of pages.

    Args:
        kind: tells them from those of other kinds.
        form: the type of what is in one: its kind, then its place.
    """

    def __init__(self, kind: str, form: object) -> None:
        self._kind = kind
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(form)

    def write(self, place: _PlaceType) -> str:
        """The cursor of the page behind `place`."""
        return base64.urlsafe_b64encode(msgspec.json.encode([self._kind, *place])).rstrip(b"=").decode()

    def read(self, cursor: str | UnsetType) -> _PlaceType | None:
        """The place behind which the page begins; None for the first page.

        Raises:
            BadRequest: nobody has given out this cursor for pages of this kind.
        """
        if cursor is UNSET:
            return None
        try:
            if not _BASE64.fullmatch(cursor):
                raise ValueError
            _, *place = self._decoder.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
            raise BadRequest("`cursor` is not one that a page before gave") from None
        return cast("_PlaceType", tuple(place))


OBJECTS: Final[Cursors[Place]] = Cursors("o", tuple[Literal["o"], _Whole, _Whole])
AUDIT: Final[Cursors[Place]] = Cursors("a", tuple[Literal["a"], _Whole, _Whole])
SIGHTINGS: Final[Cursors[SightingPlace]] = Cursors("s", tuple[Literal["s"], _Whole, str])
