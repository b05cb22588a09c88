"""One frame of a camera: what its boxes say about tracked objects; all else in them is the peers' own business.

A real box is `{"boxId":3,"rect":[x1,y1,x2,y2],"objectType":"person","certainty":0.97,"objectId":7}` with `rect`
in fractions of the frame and `objectId` only where the box was re-identified.
"""

from typing import Final, TypeAlias

import msgspec
from msgspec import Raw, Struct

from .errors import InvalidMessage, TooLarge

Certainty: TypeAlias = float | None
"""How sure the detector is that there is something, 0 to 1; None where it did not say."""

Sightings: TypeAlias = tuple[tuple[int, ...], tuple[Certainty, ...]]
"""The boxes that were re-identified: which object each is said to be, not necessarily one that is tracked, and how sure
the detector is of each. The ids by themselves, as one frame after the other shows the same objects."""


class Frame(Struct, frozen=True, gc=False, tag_field="type", tag="boundingBoxes"):
    """What a processor sees in one frame, understood.

    Attributes:
        frame_id: the frame's time in seconds, usually; any JSON but null, to be passed on verbatim.
        boxes: the boxes as JSON, likewise.
        object_ids: of those boxes that were re-identified, in their order, which object each is said to be.
        certainties: of the same boxes, how sure the detector is of each.
    """

    frame_id: bytes
    boxes: bytes
    object_ids: tuple[int, ...]
    certainties: tuple[Certainty, ...]


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


_NULL: Final = b"null"
_BOXES: Final = msgspec.json.Decoder(list[_Box] | dict[str, _Box])
_ODD_BOXES: Final = msgspec.json.Decoder(list[_OddBox] | dict[str, _OddBox])
_INTEGER: Final = msgspec.json.Decoder(int)
_NUMBER: Final = msgspec.json.Decoder(float)


def read_frame(frame_id: Raw, boxes: Raw) -> Frame:
    """The frame of that id with these boxes, an array of objects or an object whose values are objects.

    Raises:
        InvalidMessage: `boxes` has another shape, or is nested deeper than is sane; or `frame_id` is null. A box with
            an odd `objectId` is fine, and no sighting.
        TooLarge: there are too many.
    """
    frame_id_text, text = bytes(frame_id), bytes(boxes)
    if frame_id_text == _NULL:
        raise InvalidMessage("`frameId` must not be null")
    if len(text) > MAX_BOXES and text.count(b"{") > MAX_BOXES:
        raise TooLarge(f"`boxes` may hold {MAX_BOXES} objects")
    try:
        try:
            sightings = sightings_of(text)
        except msgspec.ValidationError:
            sightings = _sightings_of_odd(text)
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"`boxes` must be an array of objects: {error}") from None
    except RecursionError:  # how deep is too deep depends on how much of the stack is used: here a little more is
        raise InvalidMessage("`boxes` is nested too deep") from None
    return Frame(frame_id_text, text, *sightings)


def sightings_of(boxes: bytes) -> Sightings:
    """The re-identified ones of `boxes`, where each has an `objectId` and a `certainty` of the right type, if any.

    Raises:
        msgspec.DecodeError: another one has not, or this is no array of objects nor an object whose values are objects.
        RecursionError: it is nested too deep.
    """
    found = _BOXES.decode(boxes)
    object_ids: list[int] = []
    certainties: list[Certainty] = []
    for box in found.values() if isinstance(found, dict) else found:
        if box.object_id is not None:
            object_ids.append(box.object_id)
            certainties.append(box.certainty)
    return tuple(object_ids), tuple(certainties)


def _sightings_of_odd(boxes: bytes) -> Sightings:
    found = _ODD_BOXES.decode(boxes)
    object_ids: list[int] = []
    certainties: list[Certainty] = []
    for box in found.values() if isinstance(found, dict) else found:
        object_id = _value(_INTEGER, box.object_id)
        if object_id is not None:
            object_ids.append(object_id)
            certainties.append(_value(_NUMBER, box.certainty))
    return tuple(object_ids), tuple(certainties)


def _value(decoder: "msgspec.json.Decoder[int] | msgspec.json.Decoder[float]", json: Raw) -> int | None:
    try:
        return decoder.decode(json)  # type: ignore[return-value]
    except msgspec.ValidationError:
        return None
