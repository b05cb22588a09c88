"""What is fuzzed: each target takes any bytes, and raises where a promise about them is not kept."""

import contextlib
import ipaddress
import json
from collections.abc import Callable, Sequence
from typing import Final

import trio

from tests.protocol.streams import Engine, FastLane
from tests.tokens import CLIENT_ROLE, token_checker
from trio_orchestrator.auth.keys import NoKeys, parse_key_set
from trio_orchestrator.net.forwarded import Proxies, headers_of
from trio_orchestrator.protocol import fast_lane, usual
from trio_orchestrator.protocol.boxes import Frame
from trio_orchestrator.protocol.errors import InvalidMessage, NotJson, PeerError
from trio_orchestrator.protocol.inbound import (
    CLIENT_MESSAGES,
    PROCESSOR_MESSAGES,
    Start,
    request_id_of,
)
from trio_orchestrator.protocol.outbound import bounding_boxes, bounding_boxes_head

_MAX_MESSAGE_BYTES: Final = 1000
_ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")


class Broken(Exception):
    """A promise is not kept."""


def frames(data: bytes) -> None:
    """Bytes of a WebSocket: however they are cut, the same comes of them, and it is what wsproto makes of them.

    The first byte says how they are cut.
    """
    if not data:
        return
    size, stream = data[0] + 1, data[1:]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    lane, engine = FastLane(_MAX_MESSAGE_BYTES), Engine()
    cut = [told for piece in pieces for told in lane.feed(piece)]
    if cut != list(FastLane(_MAX_MESSAGE_BYTES).feed(stream)):
        raise Broken("cut otherwise, other messages come of it")
    # wsproto has no limit here, so what is too long ends the comparison; the lane tells a message whole or not at all.
    limit = cut.index("too long") if "too long" in cut else len(cut)
    if cut[:limit] != [told for piece in pieces for told in engine.feed(piece)][:limit]:
        raise Broken("wsproto makes something else of it")
    if any(isinstance(message, bytes) and len(message) > _MAX_MESSAGE_BYTES for message in cut):
        raise Broken("a message is too long")


def messages(data: bytes) -> None:
    """A message of either kind of peer: understood, or refused with an error of the list; what is passed on is JSON."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return  # the wire lets none of these through
    for decoder in (CLIENT_MESSAGES, PROCESSOR_MESSAGES):
        try:
            message = decoder.decode(data)
        except (NotJson, InvalidMessage):
            request_id_of(data)
            continue
        if isinstance(message, Frame):
            json.loads(b"".join(bounding_boxes(bounding_boxes_head("cam1"), message.frame_id, message.boxes)))
        elif isinstance(message, Start):
            for member in (message.image, message.frame_id, message.box_id):
                if bytes(member):
                    json.loads(bytes(member))


def boxes(data: bytes) -> None:
    """A frame in its usual form is read as the same is in any other: here, behind a member that nobody knows."""
    for read in (fast_lane.usual_members, usual.usual_members):
        members = read(data)
        if members is not None and Frame(*members) != PROCESSOR_MESSAGES.decode(b'{"":0,' + data.lstrip()[1:]):
            raise Broken("the usual form is read otherwise")


def texts(data: bytes) -> None:
    """Usual WebSocket frames are read alike, compiled or not.

    The first two bytes say where they begin, and how long a message may be.
    """
    if len(data) < 2:
        return
    position, longest, stream = data[0], 4 * data[1], data[2:]
    for begun in (stream, stream[:position] + b"\x81\xfe" + stream[position:]):
        at = min(position, len(begun))
        one = fast_lane.usual_text(begun, longest) == usual.usual_text(begun, longest)
        if not one or fast_lane.usual_texts(begun, at, longest) != usual.usual_texts(begun, at, longest):
            raise Broken("what is compiled reads it otherwise")


def tokens(data: bytes) -> None:
    """A token that nobody signed: refused with an error of the list."""

    async def check() -> None:
        try:
            await token_checker(CLIENT_ROLE).check(data.decode("utf-8", "surrogatepass"))
        except (PeerError, UnicodeDecodeError):
            return
        raise Broken("a token that nobody signed")

    trio.run(check)


def keys(data: bytes) -> None:
    """What a key server answers: some keys, or none."""
    with contextlib.suppress(NoKeys):
        parse_key_set(data, _ALGORITHMS)


def heads(data: bytes) -> None:
    """The head of a request that a proxy passes on: whom it speaks for is an address, or the proxy itself."""
    known, alone = Proxies((ipaddress.ip_network("192.0.2.0/24"),)), "192.0.2.1"
    for believed in (known.client(alone, headers_of(data)), Proxies(()).client(alone, headers_of(data))):
        ipaddress.ip_address(believed)


TARGETS: Final[Sequence[Callable[[bytes], None]]] = (frames, texts, messages, boxes, tokens, keys, heads)
