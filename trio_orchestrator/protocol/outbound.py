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


def json_string(text: str) -> str:
    """`text` as a JSON string."""
    return _encode(text).decode()


def bounding_boxes_head(camera_id: str) -> bytes:
    """The part of a camera's `boundingBoxes` that is the same in every frame."""
    return b'{"type":"boundingBoxes","cameraId":%b,"frameId":' % _encode(camera_id)


def bounding_boxes(head: bytes, frame_id: Raw, boxes: Raw) -> bytes:
    """One frame of boxes for the clients, behind the camera's `head`."""
    return b"".join((head, frame_id, b',"boxes":', boxes, b"}"))
