"""A stored image → bytes and a type that no browser takes for a page.

What is stored is the JSON string that a client sent: usually a `data:` URL (RFC 2397) or bare base64, but anything
goes. The type is told by the bytes themselves and not by what the client claims.
"""

import base64
import binascii
import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

UNKNOWN_TYPE: Final = "application/octet-stream"

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "attachment",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
}
"""What goes with it."""

_SCHEME: Final = b"data:"
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_WHITE_SPACE: Final = b" \t\n\v\f\r"
_PIECE_BYTES: Final = 65536

_SIGNATURES: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "image/avif"),
    (re.compile(rb"BM....\0\0\0\0", re.DOTALL), "image/bmp"),
)

TYPES: Final = tuple(media_type for _, media_type in _SIGNATURES)


class Image(NamedTuple):
    """The bytes, and what they are."""

    content: bytes
    media_type: str


def decode(stored: bytes) -> Image:
    """The image that a stored JSON string stands for; the string itself where it stands for none."""
    text = msgspec.json.decode(stored, type=str).encode()
    content = _of_url(text) if text[: len(_SCHEME)].lower() == _SCHEME else _of_bare_base64(text)
    content = text if content is None else content
    return Image(content, _type_of(content))


def _of_url(text: bytes) -> bytes | None:
    head, comma, encoded = text.partition(b",")
    if not comma:
        return None
    return _from_base64(encoded) if head.lower().endswith(b";base64") else _from_percents(encoded)


def _of_bare_base64(text: bytes) -> bytes | None:
    """None also where anything could be meant: nearly every word is base64 of something."""
    content = _from_base64(text)
    return None if content is None or _type_of(content) == UNKNOWN_TYPE else content


# A client chooses what both of these get, up to MAX_IMAGE_BYTES of it: their time must grow as its length does, and
# nothing may hold the interpreter for long, for nobody else is served meanwhile.


def _from_base64(text: bytes) -> bytes | None:
    plain = text.translate(_URL_SAFE, _WHITE_SPACE).rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return None


def _from_percents(text: bytes) -> bytes:
    """Piece by piece: it is split at each percent sign, at fifty times its size."""
    decoded = bytearray()
    start = 0
    while start < len(text):
        end = start + _PIECE_BYTES
        cut = text.rfind(b"%", end - 2, end)  # its two digits would be in the next piece
        end = end if cut < 0 else cut
        decoded += unquote_to_bytes(text[start:end])
        start = end
    return bytes(decoded)


def _type_of(content: bytes) -> str:
    return next((kind for signature, kind in _SIGNATURES if signature.match(content)), UNKNOWN_TYPE)
