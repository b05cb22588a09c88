"""What the boxes of one frame say about tracked objects; all else in them is the peers' own business.

A real box is `{"boxId":3,"rect":[x1,y1,x2,y2],"objectType":"person","certainty":0.97,"objectId":7}` with `rect`
in fractions of the frame and `objectId` only where the box was re-identified.
"""

from typing import Final, TypeAlias

import msgspec
from msgspec import Raw, Struct

from .errors import InvalidMessage, TooLarge

Sighting: TypeAlias = tuple[int, float | None]
"""One box that was re-identified: the object it is said to be, not necessarily one that is tracked, and how sure the
detector is that there is something, 0 to 1, None where it did not say. A plain tuple: they come by the thousand."""

MAX_BOXES: Final = 100_000
"""Objects in one frame, what is nested in them included: a million would hold everybody up for half a second."""


class _Box(Struct, gc=False, rename="camel"):
    """A box as every known processor writes it."""

    object_id: int | None = None
    certainty: float | None = None


class _OddBox(Struct, gc=False, rename="camel"):
    """A box whose `objectId` or `certainty` may be anything; it passes, and counts only as far as it can."""

    object_id: Raw = Raw(b"null")
    certainty: Raw = Raw(b"null")


_BOXES: Final = msgspec.json.Decoder(list[_Box] | dict[str, _Box])
_ODD_BOXES: Final = msgspec.json.Decoder(list[_OddBox] | dict[str, _OddBox])
_INTEGER: Final = msgspec.json.Decoder(int)
_NUMBER: Final = msgspec.json.Decoder(float)


def parse_boxes(boxes: Raw) -> list[Sighting]:
    """The sightings among `boxes`, in their order.

    Args:
        boxes: an array of objects, or an object whose values are objects.

    Raises:
        InvalidMessage: `boxes` has another shape, or is nested deeper than is sane. A box with an odd `objectId`
            is fine, and no sighting.
        TooLarge: there are too many.
    """
    text = memoryview(boxes)
    if len(text) > MAX_BOXES and bytes(text).count(b"{") > MAX_BOXES:
        raise TooLarge(f"`boxes` may hold {MAX_BOXES} objects")
    try:
        try:
            found = _BOXES.decode(boxes)
        except msgspec.ValidationError:
            return _sightings_of_odd(boxes)
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"`boxes` must be an array of objects: {error}") from None
    except RecursionError:  # how deep is too deep depends on how much of the stack is used: here a little more is
        raise InvalidMessage("`boxes` is nested too deep") from None
    return [
        (box.object_id, box.certainty)
        for box in (found.values() if isinstance(found, dict) else found)
        if box.object_id is not None
    ]


def _sightings_of_odd(boxes: Raw) -> list[Sighting]:
    found = _ODD_BOXES.decode(boxes)
    sightings: list[Sighting] = []
    for box in found.values() if isinstance(found, dict) else found:
        object_id = _value(_INTEGER, box.object_id)
        if object_id is not None:
            sightings.append((object_id, _value(_NUMBER, box.certainty)))
    return sightings


def _value(decoder: "msgspec.json.Decoder[int] | msgspec.json.Decoder[float]", json: Raw) -> int | None:
    try:
        return decoder.decode(json)  # type: ignore[return-value]
    except msgspec.ValidationError:
        return None
