"""What nearly all cameras send, taken in and framed for the clients with as little work as Python allows.

Where it is compiled, `speedups.c` does this. Whatever is written in an unusual way is nothing to either, and left to
those who understand everything; what both take they read alike.
"""

from struct import Struct
from typing import Final, TypeAlias

import msgspec

try:
    from websockets.speedups import apply_mask as apply_mask
except ImportError:  # no compiled wheel for this machine: the same in Python, about fifteen times slower
    from websockets.utils import apply_mask as apply_mask

from .boxes import MAX_BOXES, Certainty, sightings_of

UsualMembers: TypeAlias = tuple[bytes, bytes, tuple[int, ...], tuple[Certainty, ...]]
"""The members of a `Frame`."""

_HEAD: Final = Struct(">2sH")
_HEAD_BYTES: Final = 8
"""How long the head of a usual frame is: two bytes, its length in two, the masking key in four."""

USUAL_BEGINS: Final = b"\x81\xfe"
"""A whole text in one frame (FIN and opcode 1), masked, with two bytes of length (RFC 6455, section 5.2)."""

_LEAST_LENGTH: Final = 126
"""Shorter ones have their length in one byte, and must."""

_LEAST_LONG_LENGTH: Final = 1 << 16
"""This long ones, and longer, have it in eight."""

_WHOLE_TEXT: Final = 0x81
_TWO_BYTE_LENGTH: Final = 126
_TWO_BYTE_HEADER: Final = Struct(">BBH")

_FORMS: Final = (
    (b'{"type": "boundingBoxes", "frameId": ', b', "boxes": ['),  # json.dumps of Python
    (b'{"type":"boundingBoxes","frameId":', b',"boxes":['),  # JSON.stringify, and most other libraries
)
"""How a message begins, and how it goes on behind its frame's id."""

_ANY_JSON: Final = msgspec.json.Decoder(msgspec.Raw)


def text_frame_header(length: int) -> bytes:
    """What goes before a text message of `length` bytes; a server's frames carry no mask, so all peers share them."""
    if length < _LEAST_LENGTH:
        return bytes((_WHOLE_TEXT, length))
    if length < _LEAST_LONG_LENGTH:
        return _TWO_BYTE_HEADER.pack(_WHOLE_TEXT, _TWO_BYTE_LENGTH, length)
    return b"\x81\x7f" + length.to_bytes(8, "big")


def text_frame(*parts: bytes) -> bytes:
    """A message, UTF-8, as one frame; it is made of `parts`, one behind the other."""
    return b"".join((text_frame_header(sum(map(len, parts))), *parts))


def usual_text(data: bytes, longest: int) -> bytes | None:
    """The message that `data` is, where that is one usual WebSocket frame and nothing else; None where it is not.

    A usual one is a text in one frame, masked, of 126 to 65,535 bytes and not more than `longest`, and ASCII.
    """
    length = _usual_length(data, 0, longest)
    return _ascii(data, _HEAD_BYTES, len(data)) if length and _HEAD_BYTES + length == len(data) else None


def usual_texts(data: bytes, position: int, longest: int) -> tuple[list[bytes], int]:
    """The messages in usual frames, one right behind the other, the first of them at `position`; where they end."""
    texts: list[bytes] = []
    while length := _usual_length(data, position, longest):
        start = position + _HEAD_BYTES
        text = _ascii(data, start, start + length)
        if text is None:
            break
        texts.append(text)
        position = start + length
    return texts, position


def _usual_length(data: bytes, position: int, longest: int) -> int:
    """How long the text is whose frame begins at `position`; 0 where that cannot be a usual one."""
    if len(data) - position < _HEAD_BYTES:
        return 0
    begins, length = _HEAD.unpack_from(data, position)
    is_there = position + _HEAD_BYTES + length <= len(data)
    return length if begins == USUAL_BEGINS and _LEAST_LENGTH <= length <= longest and is_there else 0


def _ascii(data: bytes, start: int, stop: int) -> bytes | None:
    """What is masked between the two, behind its key; None where it is not ASCII."""
    text = apply_mask(data[start:stop], data[start - 4 : start])
    return text if text.isascii() else None


def usual_members(text: bytes) -> UsualMembers | None:
    """What a `boundingBoxes` says that is written as nearly all processors do; None: look at it more closely.

    Between the two pieces that are known, and from the bracket to the last brace, there is one JSON value each. So the
    whole is one object with three members, and its boxes are read once instead of first as JSON and then as boxes.
    """
    for start, behind_id in _FORMS:
        if text.startswith(start):
            end = text.find(behind_id, len(start))
            if end < 0 or not text.endswith(b"]}") or len(text) > MAX_BOXES:
                return None
            frame_id, boxes = text[len(start) : end], text[end + len(behind_id) - 1 : -1]
            try:
                # White space around the value would be JSON, but none of the sender's own words.
                if len(_ANY_JSON.decode(frame_id)) != len(frame_id) or frame_id == b"null":
                    return None
                return frame_id, boxes, *sightings_of(boxes)
            except (msgspec.DecodeError, RecursionError):
                return None
    return None
