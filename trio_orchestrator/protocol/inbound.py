"""Bytes → what a peer said: decoded once, checked once, ready to be decided on.

Members that are passed on verbatim (`frameId`, `boxId`, `boxes`, `image`, `featureMap`) stay the sender's own
JSON text, as `msgspec.Raw`. Elsewhere a member that is `null` counts as absent; unknown members are ignored.
"""

from typing import Final, TypeAlias, Union

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import force_setattr

from .boxes import Frame, read_frame
from .errors import InvalidMessage, NotJson, PeerError, TooLarge
from .fast_lane import usual_members

ABSENT: Final = Raw(b"")
MAX_CAMERA_ID_CHARACTERS: Final = 256
MAX_SUBSCRIBED_CAMERAS: Final = 4096
MAX_SHORT_MESSAGE_BYTES: Final = 1 << 20

_LONG_TYPES: Final = frozenset({"start", "boundingBoxes", "featureMap"})

_NUMBERS_AND_STRINGS: Final = frozenset(b'"-0123456789')
_NULL: Final = b"null"


class _Message(Struct, frozen=True, tag_field="type", rename="camel"):
    """A JSON object told apart by its member `type`."""


class Authenticate(_Message, frozen=True, tag="authenticate"):
    """Either kind of peer shows its token: `jwt`, a JSON Web Token in compact form (RFC 7519)."""

    jwt: str


class Hello(_Message, frozen=True, tag="hello"):
    """Either kind of peer asks for `features` by name; unknown ones are ignored. A second one replaces the first."""

    features: frozenset[str]


class Start(_Message, frozen=True, tag="start"):
    """A client wants a new object tracked.

    Attributes:
        camera_id: the connected camera whose processor is to find the object.
        image: a cut-out of the object, a JSON string passed on verbatim; empty where absent.
        frame_id: the frame the operator clicked in, the camera's own JSON number or string; empty where absent.
        box_id: the clicked box in that frame, likewise.
        request_id: given back in `accepted` or `error`.
    """

    camera_id: str
    image: Raw = ABSENT
    frame_id: Raw = ABSENT
    box_id: Raw = ABSENT
    request_id: str | None = None

    def __post_init__(self) -> None:
        for attribute in ("image", "frame_id", "box_id"):
            force_setattr(self, attribute, _owned(getattr(self, attribute)))
        if self.image and _first_byte(self.image) != ord('"'):
            raise ValueError("`image` must be a string")
        for member, json in (("frameId", self.frame_id), ("boxId", self.box_id)):
            if json and _first_byte(json) not in _NUMBERS_AND_STRINGS:
                raise ValueError(f"`{member}` must be a number or a string")
        if not self.image and not (self.frame_id and self.box_id):
            raise ValueError("`start` needs `image`, or `frameId` and `boxId`")


class Stop(_Message, frozen=True, tag="stop"):
    """A client wants an object no longer tracked; `request_id` is given back in `accepted` or `error`."""

    object_id: int
    request_id: str | None = None


class SetUsesImages(_Message, frozen=True, tag="setUsesImages"):
    """A client does, or does not, want `newObject` and `stop`."""

    uses_images: bool


class Subscribe(_Message, frozen=True, tag="subscribe"):
    """A client wants the boxes of these cameras only; of all cameras where `camera_ids` is None."""

    camera_ids: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.camera_ids is None:
            return
        if len(self.camera_ids) > MAX_SUBSCRIBED_CAMERAS:
            raise ValueError(f"`cameraIds` must have at most {MAX_SUBSCRIBED_CAMERAS} members")
        if max(map(len, self.camera_ids), default=0) > MAX_CAMERA_ID_CHARACTERS:
            raise ValueError(f"`cameraIds` must have at most {MAX_CAMERA_ID_CHARACTERS} characters each")


class Identifier(_Message, frozen=True, tag="identifier"):
    """A processor says whose camera it is (at most 256 characters)."""

    id: str

    def __post_init__(self) -> None:
        if len(self.id) > MAX_CAMERA_ID_CHARACTERS:
            raise ValueError(f"`id` must have at most {MAX_CAMERA_ID_CHARACTERS} characters")


class BoundingBoxes(_Message, frozen=True, gc=False, tag="boundingBoxes"):
    """A processor says what it sees in one frame.

    Attributes:
        frame_id: the frame's time in seconds, usually; any JSON, passed on verbatim.
        boxes: the boxes, passed on verbatim; as a `Frame` it is told what they hold.
    """

    frame_id: Raw
    boxes: Raw


class FeatureMap(_Message, frozen=True, tag="featureMap"):
    """A processor has computed what an object looks like: any JSON but null, passed on verbatim."""

    object_id: int
    feature_map: Raw

    def __post_init__(self) -> None:
        force_setattr(self, "feature_map", _owned(self.feature_map))
        if not self.feature_map:
            raise ValueError("`featureMap` must not be null")


class Unknown(Struct, frozen=True):
    """A well-formed message of a type this kind of peer does not send; it gets no answer."""

    type: str


ClientMessage: TypeAlias = Authenticate | Hello | Start | Stop | SetUsesImages | Subscribe
ProcessorMessage: TypeAlias = Authenticate | Hello | Identifier | BoundingBoxes | FeatureMap
Inbound: TypeAlias = ClientMessage | ProcessorMessage | Frame | Unknown


class _Envelope(Struct, frozen=True):
    """As much of a message as tells its type."""

    type: str


class _Request(Struct, frozen=True, rename="camel"):
    """As much of a message as an `error` gives back."""

    request_id: str | None = None


_ANY_JSON: Final = msgspec.json.Decoder(Raw)
_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_REQUESTS: Final = msgspec.json.Decoder(_Request)


class Decoder:
    """Understands the messages of one kind of peer.

    Args:
        union: the messages this kind of peer may send, `ClientMessage` or `ProcessorMessage`.
    """

    def __init__(self, union: object) -> None:
        self._decoder: msgspec.json.Decoder[ClientMessage | ProcessorMessage] = msgspec.json.Decoder(union)
        self._types = frozenset(member.__struct_config__.tag for member in getattr(union, "__args__", ()))
        # The same messages without any members: tells the type as the other decoder does, and builds nothing.
        heads = [msgspec.defstruct(f"_Is_{tag}", [], tag_field="type", tag=tag) for tag in sorted(self._types)]
        self._heads: msgspec.json.Decoder[Struct] = msgspec.json.Decoder(Union[tuple(heads)])  # noqa: UP007

    def decode(self, text: bytes) -> Inbound:
        """What `text`, JSON known to be valid UTF-8, says.

        Raises:
            NotJson: it is not JSON (RFC 8259; `NaN` is not), or nested deeper than is sane.
            InvalidMessage: a member is missing or has the wrong type.
            TooLarge: a message of this type has no reason to be so long.
        """
        try:
            if len(text) > MAX_SHORT_MESSAGE_BYTES:
                self._check_length(text)
            return self._decoder.decode(text)
        except msgspec.ValidationError as error:
            return self._explain(text, error)
        except (msgspec.DecodeError, RecursionError) as error:
            raise NotJson(f"not JSON: {error}") from None

    def _check_length(self, text: bytes) -> None:
        """Take only such long messages that are passed on as they are: a million strings would hold everybody up."""
        kind = self._heads.decode(text).__struct_config__.tag
        if kind not in _LONG_TYPES:
            limit = f"`{kind}` may have {MAX_SHORT_MESSAGE_BYTES} bytes"
            raise TooLarge(limit, request_id=request_id_of(text))

    def _explain(self, text: bytes, error: msgspec.ValidationError) -> Unknown:
        """Tell an unknown type, which is no error, from a message that is wrong, and both from what is no JSON."""
        try:
            # The member that was found wrong ended the reading; what comes after it may be no JSON.
            _ANY_JSON.decode(text)
            kind = _ENVELOPES.decode(text).type
        except msgspec.ValidationError as envelope_error:
            raise InvalidMessage(str(envelope_error), request_id=request_id_of(text)) from None
        except (msgspec.DecodeError, RecursionError) as broken:
            raise NotJson(f"not JSON: {broken}") from None
        if kind not in self._types:
            return Unknown(kind)
        raise InvalidMessage(str(error), request_id=request_id_of(text)) from None


class _ProcessorDecoder(Decoder):
    """Understands processors, whose `boundingBoxes` are all but all there is to understand: each becomes a `Frame`."""

    def decode(self, text: bytes) -> Inbound:
        members = usual_members(text)
        if members is not None:
            return Frame(*members)
        message = super().decode(text)
        if not isinstance(message, BoundingBoxes):
            return message
        try:
            return read_frame(message.frame_id, message.boxes)
        except PeerError as error:
            error.request_id = request_id_of(text)
            raise


CLIENT_MESSAGES: Final = Decoder(ClientMessage)
PROCESSOR_MESSAGES: Final = _ProcessorDecoder(ProcessorMessage)


def request_id_of(text: bytes) -> str | None:
    """The `requestId` of a message that may be wrong otherwise, to be given back in an `error`; None where absent."""
    try:
        return _REQUESTS.decode(text).request_id
    except (msgspec.DecodeError, RecursionError):
        return None


def _owned(json: Raw) -> Raw:
    """The member's own bytes, so that keeping it does not keep the whole message; ABSENT for null."""
    return ABSENT if bytes(json) == _NULL else json.copy()


def _first_byte(json: Raw) -> int:
    return memoryview(json)[0]
