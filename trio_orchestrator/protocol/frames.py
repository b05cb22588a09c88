"""WebSocket frames on the server's side (RFC 6455, section 5): whole messages out of bytes, and into them.

This is the fast lane. It takes the data messages out of what a peer sent, drops the pongs, and leaves the rest, other
control frames and whatever breaks the protocol, to an engine that knows all of the RFC: it gets those bytes as they
came.
"""

from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from .fast_lane import text_frame as text_frame
from .fast_lane import usual_text, usual_texts
from .usual import USUAL_BEGINS, apply_mask
from .usual import text_frame_header as text_frame_header

_FIN: Final = 0x80
_RESERVED: Final = 0x70
_OPCODE: Final = 0x0F
_MASKED: Final = 0x80

_CONTINUATION: Final = 0x0
_TEXT: Final = 0x1
_BINARY: Final = 0x2
_CLOSE: Final = 0x8
_PONG: Final = 0xA

_TWO_BYTE_LENGTH: Final = 126
_EIGHT_BYTE_LENGTH: Final = 127
_NO_MASK: Final = bytes(4)
PING_FRAME: Final = b"\x89\x00"
_PING_START: Final = b"\x89"
_MAX_REASON_BYTES: Final = 123


def close_frame(code: int, reason: str) -> bytes:
    """A closing frame; of a reason that is too long its beginning (RFC 6455, section 5.5)."""
    text = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore").encode()
    return bytes((_FIN | _CLOSE, 2 + len(text))) + code.to_bytes(2, "big") + text


def is_ping(data: bytes) -> bool:
    """Whether `data`, bytes for the engine, are a ping or begin like one."""
    return data.startswith(_PING_START)


class ForEngine(NamedTuple):
    """Bytes that are no data message: a ping or a closing frame, or the beginning of what breaks the protocol."""

    data: bytes


class TooLong:
    """A message is, or announces to be, longer than allowed; nothing after it is read."""


class NotText:
    """A binary message that is no UTF-8; a text message that is none breaks the protocol."""


TOO_LONG: Final = TooLong()
NOT_TEXT: Final = NotText()
Received: TypeAlias = bytes | ForEngine | TooLong | NotText | None
"""What one frame gives: None where that is nothing, or nothing yet. It is told all the same, as it took its time."""


class _Breach(Exception):
    """The bytes break the protocol."""


class FrameReader:
    """Takes whole data messages out of the bytes that one client or processor sends.

    Args:
        max_message_bytes: the longest message taken, over all of its frames.

    Attributes:
        max_message_bytes: likewise; may be changed between messages. A lower one holds from the next `receive` on.
    """

    def __init__(self, max_message_bytes: int) -> None:
        self.max_message_bytes = max_message_bytes
        self._rest = bytearray()
        """Bytes of a frame that is not complete."""
        self._needed = 0
        """How many bytes `_rest` must hold before it is worth looking at."""
        self._opcode = _CONTINUATION
        """The kind of the fragmented message under way; continuation where there is none."""
        self._fragments = bytearray()
        self._utf8: IncrementalDecoder | None = None
        self._overflown = False
        self._skip = 0
        """How many bytes of a message that is too long are still to come."""
        self._given_up = False
        self._ended = False
        self._is_idle = True
        """Whether nothing is under way: what comes next is a message from its beginning on, and may be taken."""

    def receive_one(self, data: bytes) -> bytes | None:
        """The message that `data` is, where it is one usual frame and nothing else; None: it is for `receive`.

        So it comes where the server keeps up with its cameras: one message at a time, each from another socket.
        """
        return usual_text(data, self.max_message_bytes) if self._is_idle else None

    def receive(self, data: bytes) -> Iterator[Received]:
        """Take `data` in; what comes of each of its frames, in order.

        A message is `bytes`, known to be UTF-8. The iterator must be used up, or dropped together with the reader.
        After TOO_LONG there are no more messages, only control frames; after a breach of the protocol all bytes are
        the engine's; after a closing frame there is nothing, for its sender has no more to say (RFC 6455, section
        5.5.1).
        """
        if self._is_idle:
            texts, position = usual_texts(data, 0, self.max_message_bytes)
            if position == len(data):  # so it is with nearly all that the cameras of a busy site send
                return iter(texts)
        elif self._ended:
            return iter(())
        else:
            data = self._behind_the_rest(data)
            texts, position = self._usual_texts(data, 0)
        return chain(texts, self._take_all(data, position))

    def _usual_texts(self, data: bytes, position: int) -> tuple[list[bytes], int]:
        """The messages in usual frames, one right behind the other, the first of them at `position`; where they end."""
        if data.startswith(USUAL_BEGINS, position) and self._is_between_messages():
            return usual_texts(data, position, self.max_message_bytes)
        return [], position

    def _take_all(self, data: bytes, position: int) -> Iterator[Received]:
        """Take all frames from `position` on, the first of which is none of the usual ones."""
        self._is_idle = False
        while position < len(data):
            received, position = self._take(data, position)
            yield received
            texts, position = self._usual_texts(data, position)
            yield from texts
        self._is_idle = self._is_between_messages() and not (self._rest or self._skip or self._ended)

    def _behind_the_rest(self, data: bytes) -> bytes:
        """`data` behind what was left before; nothing while that is known not to complete a frame."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if not self._rest:
            return data
        self._rest += data
        if len(self._rest) < self._needed:
            return b""
        data = bytes(self._rest)
        self._rest.clear()
        return data

    def _is_between_messages(self) -> bool:
        """Whether what comes next is a message from its beginning on, and may be taken."""
        return not (self._opcode or self._overflown or self._given_up)

    def _take(self, data: bytes, position: int) -> tuple[Received, int]:
        """Take whatever frame begins at `position`: what comes of it, and where to go on."""
        end = len(data)
        if self._given_up:
            return ForEngine(data[position:]), end
        try:
            header = _parse_header(data, position)
            if header is None:
                self._keep(data[position:], needed=0)
                return None, end
            first, size, length = header
            start = position + size
            stop = start + length
            is_control = first & _OPCODE >= _CLOSE
            if not is_control and (self._overflown or length + len(self._fragments) > self.max_message_bytes):
                return self._leave_out(stop - end), min(stop, end)
            if stop > end:
                self._keep(data[position:], needed=stop - position)
                return None, end
            if first & _OPCODE == _PONG:
                return None, stop  # it needs no answer, and the engine has not pinged (RFC 6455, section 5.5.3)
            if is_control:
                self._ended = first & _OPCODE == _CLOSE
                return ForEngine(data[position:stop]), end if self._ended else stop
            return self._message(first, apply_mask(data[start:stop], data[start - 4 : start])), stop
        except _Breach:
            self._given_up = True
            return ForEngine(self._fragmented_state() + data[position:]), end
        except UnicodeDecodeError:
            self._given_up = True
            return ForEngine(b"\x81\x81" + _NO_MASK + b"\xff"), end

    def _keep(self, rest: bytes, needed: int) -> None:
        """A frame is not complete: it is looked at again once there are `needed` bytes of it."""
        self._rest += rest
        self._needed = needed

    def _leave_out(self, to_come: int) -> TooLong | None:
        """A frame belongs to a message that is too long; `to_come`, if positive: how many of its bytes are to come."""
        said = None if self._overflown else TOO_LONG
        self._overflown = True
        self._skip = max(to_come, 0)
        return said

    def _message(self, first: int, payload: bytes) -> bytes | NotText | None:
        """What a frame completes; None where more fragments follow."""
        opcode = first & _OPCODE
        if first & _FIN and opcode and not self._opcode:
            return _text(payload) if opcode == _TEXT else _binary(payload)
        if (opcode == _CONTINUATION) is not (self._opcode != _CONTINUATION):
            raise _Breach
        if opcode:
            self._opcode = opcode
            self._utf8 = getincrementaldecoder("utf-8")() if opcode == _TEXT else None
        self._fragments += payload
        if self._utf8 is not None:
            self._utf8.decode(payload, final=bool(first & _FIN))
        if not first & _FIN:
            return None
        message = bytes(self._fragments)
        text = self._utf8 is not None
        self._opcode, self._utf8 = _CONTINUATION, None
        self._fragments.clear()
        return message if text else _binary(message)

    def _fragmented_state(self) -> bytes:
        """An empty first fragment, which lets the engine know that a message is under way."""
        return bytes((self._opcode, _MASKED)) + _NO_MASK if self._opcode else b""


def _parse_header(data: bytes, position: int) -> tuple[int, int, int] | None:
    """The head of the frame at `position`; None where it is not complete.

    Returns:
        Its first byte, which holds FIN and the opcode; its own size, masking key included; the payload's length.

    Raises:
        _Breach: no frame of a client begins so.
    """
    available = len(data) - position
    if available < 2:
        return None
    first, second = data[position], data[position + 1]
    opcode, length = first & _OPCODE, second ^ _MASKED
    if first & _RESERVED or _BINARY < opcode < _CLOSE or opcode > _PONG or length > _EIGHT_BYTE_LENGTH:
        raise _Breach  # the last: a mask bit that was not set is set now
    if opcode >= _CLOSE and (length >= _TWO_BYTE_LENGTH or not first & _FIN):
        raise _Breach
    if length < _TWO_BYTE_LENGTH:
        size = 6
    else:
        size, least = (8, _TWO_BYTE_LENGTH) if length == _TWO_BYTE_LENGTH else (14, 1 << 16)
        if available >= size:
            length = int.from_bytes(data[position + 2 : position + size - 4], "big")
            if length < least or length >> 63:
                raise _Breach
    return (first, size, length) if available >= size else None


def _text(payload: bytes) -> bytes:
    payload.decode()
    return payload


def _binary(payload: bytes) -> bytes | NotText:
    try:
        return _text(payload)
    except UnicodeDecodeError:
        return NOT_TEXT
