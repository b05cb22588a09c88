"""What the orchestrator says → bytes, members in the order of the contract.

Members passed on verbatim are re-emitted unparsed, byte for byte.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from .codes import ErrorCode
from .inbound import ABSENT

NO_FEATURES: Final = Raw(b"{}")
_encode = msgspec.json.Encoder().encode


class _Outbound(Struct, frozen=True, tag_field="type", rename="camel", omit_defaults=True):
    """A message whose absent members are left out."""

    def encode(self) -> bytes:
        """The message as JSON text in UTF-8."""
        return _encode(self)


class StartCommand(_Outbound, frozen=True, tag="start"):
    """Tells one processor to find and follow an object; members as the client gave them in `start`."""

    object_id: int
    frame_id: Raw = ABSENT
    box_id: Raw = ABSENT
    image: Raw = ABSENT


class FeatureMapUpdate(_Outbound, frozen=True, tag="featureMap"):
    """Tells a processor what an object looks like, `{}` while nobody has said."""

    object_id: int
    feature_map: Raw


class StopNotice(_Outbound, frozen=True, tag="stop"):
    """Tells a processor or a client that an object is no longer tracked."""

    object_id: int


class NewObjectNotice(_Outbound, frozen=True, tag="newObject"):
    """Tells a client that uses images about a tracked object; `image` as the client gave it, if it did."""

    object_id: int
    image: Raw = ABSENT


class Accepted(_Outbound, frozen=True, tag="accepted"):
    """Tells the sender of a `start` or `stop` with a `requestId` that it is durable."""

    request_id: str
    object_id: int


class Error(_Outbound, frozen=True, tag="error"):
    """Tells the sender of a message why it was not carried out; `message` is for humans and may change."""

    code: ErrorCode
    message: str
    request_id: str | None = None


class Welcome(_Outbound, frozen=True, tag="welcome"):
    """Answers `hello`.

    Attributes:
        server: name and version of this program, for people.
        features: those asked for that will be given, in alphabetical order.
        epoch: another one with every start of the server.
    """

    server: str
    features: tuple[str, ...]
    epoch: str


class CameraState(Struct, frozen=True, rename="camel"):
    """One camera in `cameras`: whether its processor is connected, and since when (RFC 3339)."""

    camera_id: str
    online: bool
    since: str


class Cameras(_Outbound, frozen=True, tag="cameras"):
    """All cameras known since the server started, to a peer that asked for the feature of that name."""

    cameras: tuple[CameraState, ...]


class CameraChange(_Outbound, frozen=True, tag="camera"):
    """A camera came or went; members as in `CameraState`."""

    camera_id: str
    online: bool
    since: str


class TrackedState(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One live object in `tracked`.

    Attributes:
        object_id: the object.
        state: where its search is, as in `TrackingChange`.
        camera_id: the camera of its last change of state.
        started_at: RFC 3339.
        expires_at: RFC 3339; absent where it does not end by itself.
        has_image: whether it was started with a cut-out.
        seen_on: the cameras it is seen on now, in alphabetical order.
    """

    object_id: int
    state: str
    camera_id: str
    started_at: str
    expires_at: str | None = None
    has_image: bool
    seen_on: tuple[str, ...]


class Tracked(_Outbound, frozen=True, tag="tracked"):
    """All live objects, to a peer that asked for the feature `tracking`."""

    objects: tuple[TrackedState, ...]


class TrackingChange(_Outbound, frozen=True, kw_only=True, tag="tracking"):
    """What became of a search.

    Attributes:
        object_id: the object.
        state: `started`, `features`, `seen`, `lost`, `failed` or `stopped`.
        camera_id: where it was started, who sent the features, where it is seen, where it was lost.
        by: the subject of the token of whoever started or stopped it; absent where no token was asked for.
        reason: of `failed` and `stopped`.
        at: when, RFC 3339; of `lost`, when it was last seen.
    """

    object_id: int
    state: str
    camera_id: str | None = None
    by: str | None = None
    reason: str | None = None
    at: str


class Lagged(_Outbound, frozen=True, tag="lagged"):
    """Frames of boxes were left out since the last such message, for this peer is slow."""

    dropped: int


def json_string(text: str) -> str:
    """`text` as a JSON string."""
    return _encode(text).decode()


def bounding_boxes_head(camera_id: str) -> bytes:
    """The part of a camera's `boundingBoxes` that is the same in every frame."""
    return b'{"type":"boundingBoxes","cameraId":%b,"frameId":' % _encode(camera_id)


def bounding_boxes(head: bytes, frame_id: bytes, boxes: bytes) -> tuple[bytes, ...]:
    """One frame of boxes for the clients, behind the camera's `head`; in parts, to be put together once."""
    return head, frame_id, b',"boxes":', boxes, b"}"
