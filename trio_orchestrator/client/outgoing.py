"""What a processor and a client say to the orchestrator → JSON text (docs/protocol.md)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from .messages import Box, BoxId, FrameId

_ENCODER: Final = msgspec.json.Encoder()


def authenticate(token: str) -> bytes:
    """Either kind of peer shows its token."""
    return _encode({"type": "authenticate", "jwt": token})


def hello(features: Iterable[str]) -> list[bytes]:
    """Either kind of peer asks for features by name; nothing is to be said where there are none."""
    names = strings(features)
    return [_encode({"type": "hello", "features": names})] if names else []


def identifier(camera_id: str) -> bytes:
    """A processor says whose camera it is."""
    return _encode({"type": "identifier", "id": camera_id})


def bounding_boxes(frame_id: FrameId, boxes: Iterable[Box | Mapping[str, object]]) -> bytes:
    """A processor says what it sees in one frame."""
    return _encode({"type": "boundingBoxes", "frameId": frame_id, "boxes": list(boxes)})


def feature_map(object_id: int, features: Any) -> bytes:
    """A processor says what an object looks like; `features` is anything JSON can hold, but None."""
    if features is None:
        raise ValueError("a feature map must not be None; `{}` says that there is none")
    return _encode({"type": "featureMap", "objectId": object_id, "featureMap": features})


def start(
    camera_id: str, image: str | None, frame_id: FrameId | None, box_id: BoxId | None, *, request_id: str
) -> bytes:
    """A client wants an object tracked."""
    if image is None and (frame_id is None or box_id is None):
        raise ValueError("`start` needs an image, or a frame_id and a box_id")
    optional = {"image": image, "frameId": frame_id, "boxId": box_id}
    given = {member: value for member, value in optional.items() if value is not None}
    return _encode({"type": "start", "cameraId": camera_id, **given, "requestId": request_id})


def stop(object_id: int, *, request_id: str) -> bytes:
    """A client wants an object no longer tracked."""
    return _encode({"type": "stop", "objectId": object_id, "requestId": request_id})


def set_uses_images(uses_images: bool) -> bytes:
    """A client does, or does not, want `newObject` and `stop`."""
    return _encode({"type": "setUsesImages", "usesImages": uses_images})


def subscribe(camera_ids: Iterable[str] | None) -> bytes:
    """A client wants the boxes of these cameras only; of all where None."""
    return _encode({"type": "subscribe", "cameraIds": None if camera_ids is None else list(camera_ids)})


def _encode(message: dict[str, Any]) -> bytes:
    """JSON text; raises ValueError where there is a number that JSON has not."""
    text = _ENCODER.encode(message)
    if b"null" in text:  # how msgspec writes NaN and the infinities as well
        # Only JSON that is one already is unknown to `to_builtins`.
        json.dumps(msgspec.to_builtins(message, str_keys=True, enc_hook=lambda _: None), allow_nan=False)
    return text


def strings(values: Iterable[str]) -> list[str]:
    """All of `values`; a single string, which is an iterable of its letters, is taken for none of them.

    Raises:
        ValueError: it is a single string.
    """
    if isinstance(values, str):
        raise ValueError(f"{values!r} is one string, where several are expected")
    return list(values)
