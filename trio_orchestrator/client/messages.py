"""What the orchestrator says to a processor and to a client, as the SDK hands it out (docs/protocol.md)."""

from collections.abc import Hashable
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Raw, Struct

from .errors import ClientError
from .news import NEWS, News, Received

FrameId: TypeAlias = int | float | str
BoxId: TypeAlias = int | float | str
Rect: TypeAlias = tuple[float, float, float, float]


class Box(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One thing seen in a frame.

    Attributes:
        box_id: names the box within its frame, usually the tracker's own number.
        rect: x1, y1, x2, y2 in fractions of the frame's width and height, from the top left corner.
        object_type: what it is, `person` for example; None where not said.
        certainty: how sure the detector is, 0 to 1; None where not said.
        object_id: the tracked object it was re-identified as; None where it was not.
    """

    box_id: BoxId
    rect: Rect
    object_type: str | None = None
    certainty: float | None = None
    object_id: int | None = None


class Connected(Struct, frozen=True):
    """A connection was made; what was known from an earlier one may be out of date and is now said again.

    Attributes:
        number: 1 for the first, counting up.
    """

    number: int


class Start(Received, frozen=True, tag="start"):
    """To a processor: find and follow this object, and say what it looks like.

    Attributes:
        object_id: the object, from now on.
        frame_id: the frame it was clicked in, as this processor named it; None in a start by image alone.
        box_id: the clicked box in that frame; None in a start by image alone.
        image: a cut-out of the object as the client gave it; None where it gave none.
    """

    object_id: int
    frame_id: FrameId | None = None
    box_id: BoxId | None = None
    image: str | None = None


class Stop(Received, frozen=True, tag="stop"):
    """To a processor: `object_id` is no longer tracked."""

    object_id: int


class FeatureMap(Received, frozen=True, tag="featureMap"):
    """To a processor: what an object looks like, from any camera, this one included.

    Attributes:
        object_id: the object.
        feature_map: any JSON; empty (`{}`) while nobody has said. Whoever follows the object then says it again, as
            what was sent just before a connection broke may never have arrived.
    """

    object_id: int
    feature_map: Any

    @property
    def is_empty(self) -> bool:
        """Whether nobody has said yet (docs/protocol.md, "Settled details")."""
        return self.feature_map is None or self.feature_map in ({}, [])


class BoundingBoxes(Struct, frozen=True):
    """To a client: what a camera sees in one frame.

    Attributes:
        camera_id: the camera.
        frame_id: the frame, usually its time in seconds; give it back in `start` as it is.
        boxes: the boxes; those that are not as every known processor writes them are left out.
    """

    camera_id: str
    frame_id: FrameId
    boxes: tuple[Box, ...]


class NewObject(Received, frozen=True, tag="newObject"):
    """To a client that uses images: an object is tracked; `image` as its client gave it, None where it gave none."""

    object_id: int
    image: str | None = None


class Stopped(Received, frozen=True, tag="stop"):
    """To a client that uses images: `object_id` is no longer tracked."""

    object_id: int


class Accepted(Received, frozen=True, tag="accepted"):
    """To the sender of a request: it is durable. `Client.start` and `Client.stop` wait for it."""

    request_id: str
    object_id: int


class Error(Received, frozen=True, tag="error"):
    """To either: a message could not be carried out.

    Attributes:
        code: one of `protocol.codes.ErrorCode`, or a newer one.
        message: what was wrong, for humans.
        request_id: the request it answers; None where the message carried none.
    """

    code: str
    message: str = ""
    request_id: str | None = None


class Frame(Received, frozen=True, tag="boundingBoxes"):
    """`boundingBoxes` as it is on the wire."""

    camera_id: str
    frame_id: FrameId
    boxes: Raw


Command: TypeAlias = Start | Stop | FeatureMap | Connected | News
Event: TypeAlias = BoundingBoxes | NewObject | Stopped | Error | Connected | News

_BOXES: Final = msgspec.json.Decoder(tuple[Box, ...] | dict[str, Box])
_ODD_BOXES: Final = msgspec.json.Decoder(list[Raw] | dict[str, Raw])
_BOX: Final = msgspec.json.Decoder(Box)


def key_of(message: Command | Event | Accepted) -> Hashable:
    """What a message is about that the server says for each live object, and all again on a new connection.

    Of those only the newest is of use to a busy reader. None for any other; a start without an image is said once.
    """
    match message:
        case FeatureMap():
            return FeatureMap, message.object_id
        case Start() | NewObject() if message.image is not None:
            return type(message), message.object_id
    return None


class NotUnderstood(ClientError):
    """A message of the orchestrator is not what the contract says; it is left out. Never leaves the SDK."""


class _Envelope(Struct, frozen=True):
    type: str


_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_Message = TypeVar("_Message")


class Decoder(Generic[_Message]):
    """Understands what one kind of peer is sent.

    Args:
        union: the messages it knows.
    """

    def __init__(self, *union: type[Received]) -> None:
        kinds: Any = union[0]
        for kind in union[1:]:
            kinds |= kind
        self._decoder: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(kinds)
        self._types = frozenset(kind.__struct_config__.tag for kind in union)

    def decode(self, text: str | bytes) -> _Message | None:
        """What `text` says; None where its type is one that this version does not know.

        Raises:
            NotUnderstood: it is not JSON, or a member is missing or of the wrong type.
        """
        try:
            # Of a binary frame nobody has seen yet that it is UTF-8, and msgspec does not look into what stays raw.
            return self._decoder.decode(text if isinstance(text, str) else text.decode())
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            if self._is_unknown(text):
                return None
            raise NotUnderstood(str(error)) from None

    def _is_unknown(self, text: str | bytes) -> bool:
        try:
            return _ENVELOPES.decode(text).type not in self._types
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return False


COMMANDS: Final[Decoder[Start | Stop | FeatureMap | Error | News]] = Decoder(Start, Stop, FeatureMap, Error, *NEWS)
EVENTS: Final[Decoder[Frame | NewObject | Stopped | Accepted | Error | News]] = Decoder(
    Frame, NewObject, Stopped, Accepted, Error, *NEWS
)


def decode_event(text: str | bytes) -> BoundingBoxes | NewObject | Stopped | Accepted | Error | News | None:
    """What `text`, sent to a client, says; None and `NotUnderstood` as in `Decoder.decode`."""
    message = EVENTS.decode(text)
    if isinstance(message, Frame):
        return BoundingBoxes(message.camera_id, message.frame_id, _parse_boxes(message.boxes))
    return message


def _parse_boxes(json: Raw) -> tuple[Box, ...]:
    """The boxes of an array, or of an object's values."""
    try:
        boxes = _BOXES.decode(json)
    except msgspec.ValidationError:
        return _known_boxes(json)
    return tuple(boxes.values()) if isinstance(boxes, dict) else boxes


def _known_boxes(json: Raw) -> tuple[Box, ...]:
    try:
        boxes = _ODD_BOXES.decode(json)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"`boxes`: {error}") from None
    known = []
    for box in boxes.values() if isinstance(boxes, dict) else boxes:
        try:
            known.append(_BOX.decode(box))
        except msgspec.ValidationError:
            continue
    return tuple(known)
