"""Streams of WebSocket frames as a peer sends them, good and bad, and what comes of them."""

import itertools
from collections.abc import Iterable, Iterator

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from trio_orchestrator.protocol.frames import ForEngine, FrameReader, NotText, TooLong

FIN = 0x80
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


MASK = b"\x12\x34\x56\x78"


def frame(first: int, payload: bytes, mask: bytes | None = MASK, length_bytes: int | None = None) -> bytes:
    """One frame; `first` holds FIN and the opcode, `length_bytes` is how many follow the short length (0, 2 or 8)."""
    length = len(payload)
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[length_bytes]
    head = bytes((first, short if mask is None else short | 0x80))
    if length_bytes:
        head += length.to_bytes(length_bytes, "big")
    return head + (payload if mask is None else mask + apply(mask, payload))


def apply(mask: bytes, payload: bytes) -> bytes:
    """RFC 6455, section 5.3, to the letter."""
    return bytes(octet ^ key for octet, key in zip(payload, itertools.cycle(mask), strict=False))


# What a peer may send.

masks = st.binary(min_size=4, max_size=4)
lengths = st.sampled_from([0, 1, 3, 124, 125, 126, 127, 1000]) | st.integers(0, 300)
texts = (
    st.text(max_size=20).map(str.encode)
    | st.builds(lambda length, letter: (letter * length).encode(), lengths, st.sampled_from("aé€😀"))
    | st.sampled_from([b"a" * 65535, b"b" * 65536, "é".encode() * 32768])
)
almost_texts = st.builds(lambda text, odd, at: text[:at] + odd + text[at:], texts, st.binary(max_size=3), lengths)
controls = st.builds(
    lambda opcode, payload, mask: frame(FIN | opcode, payload, mask),
    st.sampled_from([PING, PONG]),
    st.binary(max_size=125) | lengths.filter(lambda length: length <= 125).map(bytes),
    masks,
)
close_payloads = st.sampled_from([b"", b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa0", b"\x03", b"\x03\xed", b"\x00\x01"]) | (
    st.binary(max_size=125)
)
closings = st.builds(lambda payload, mask: frame(FIN | CLOSE, payload, mask), close_payloads, masks)


@st.composite
def messages(draw: DrawFn) -> list[bytes]:
    """One message, in one frame or in fragments with control frames in between."""
    payload = draw(texts | almost_texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
    pieces = [payload[start:end] for start, end in itertools.pairwise([0, *cuts, len(payload)])]
    frames = []
    for index, piece in enumerate(pieces):
        first = CONTINUATION if index else draw(st.sampled_from([TEXT, BINARY]))
        frames.append(frame(first | (FIN if index == len(pieces) - 1 else 0), piece, draw(masks)))
        if index < len(pieces) - 1:
            frames += draw(st.lists(controls, max_size=1))
    return frames


@st.composite
def odd_frames(draw: DrawFn) -> list[bytes]:
    """A frame that may be wrong in any way, alone or where it does not belong."""
    first = draw(
        st.sampled_from([TEXT, FIN | TEXT, FIN | BINARY, CONTINUATION, FIN | CONTINUATION]) | st.integers(0, 255)
    )
    payload = draw(texts | st.binary(max_size=130))
    fitting = [0, 2, 8] if len(payload) < 126 else [2, 8] if len(payload) < 65536 else [8]
    mask = draw(st.none() | masks)
    return [frame(first, payload, mask, draw(st.sampled_from(fitting)))]


endless = st.sampled_from([b"\x81\xff" + b"\xff" * 8 + bytes(4), b"\x82\xff\x80" + bytes(11)]).map(lambda head: [head])
parts = messages() | messages() | controls.map(lambda one: [one]) | odd_frames() | closings.map(lambda one: [one])
streams = st.lists(parts | endless, min_size=1, max_size=6).map(
    lambda parts: b"".join(itertools.chain.from_iterable(parts))
)


@st.composite
def reads(draw: DrawFn) -> list[bytes]:
    """A stream as it is read from a socket: cut anywhere."""
    return cut(*draw(st.tuples(streams, st.lists(st.integers(0, 1_000_000), max_size=8))))


def cut(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """`stream`, cut at `cuts`, which count round and round."""
    places = sorted(place % (len(stream) + 1) for place in cuts)
    return [stream[start:end] for start, end in itertools.pairwise([0, *places, len(stream)])]


# What comes of it.


class Engine:
    """wsproto's side of a server's socket once the opening handshake is done."""

    def __init__(self) -> None:
        self._connection = Connection(ConnectionType.SERVER)
        self._message = bytearray()
        self._closed = False

    def feed(self, data: bytes) -> Iterator[str | bytes]:
        """What comes of `data`: messages as bytes, all else as text."""
        if not self._closed:
            self._connection.receive_data(data)
            for event in self._connection.events():
                yield from self._tell(event)

    def _tell(self, event: Event) -> Iterator[str | bytes]:
        match event:
            case Ping():
                yield f"pong {bytes(event.payload).hex()}"
            case Pong():
                pass  # nobody asked for it who waits for it here, and it needs no answer
            case CloseConnection():
                self._closed = True
                yield f"closed: {int(event.code)}"
            case TextMessage() | BytesMessage():
                piece = event.data
                self._message += piece.encode() if isinstance(piece, str) else piece
                if event.message_finished:
                    yield message_or_not(bytes(self._message))
                    self._message.clear()


def message_or_not(payload: bytes) -> str | bytes:
    """What a session makes of a message: a binary one need not be text."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return "not text"
    return payload


class FastLane:
    """The reader with the engine behind it."""

    def __init__(self, max_message_bytes: int = 1 << 40) -> None:
        self._reader = FrameReader(max_message_bytes)
        self._engine = Engine()

    def feed(self, data: bytes) -> Iterator[str | bytes]:
        """What comes of `data`, in the engine's words; read as `net.intake` reads it."""
        message = self._reader.receive_one(data)
        for received in self._reader.receive(data) if message is None else [message]:
            match received:
                case ForEngine():
                    yield from self._engine.feed(received.data)
                case TooLong():
                    yield "too long"
                case NotText():
                    yield "not text"
                case bytes():
                    yield received
