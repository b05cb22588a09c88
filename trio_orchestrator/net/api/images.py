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

_DATA_URL: Final = re.compile(r"data:[^,]*?(;base64)?,", re.IGNORECASE)
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
    text = msgspec.json.decode(stored, type=str)
    url = _DATA_URL.match(text)
    if url is None:
        content = _from_base64(text)
        if content is None or _type_of(content) == UNKNOWN_TYPE:
            content = text.encode("utf-8", "replace")
    else:
        encoded = text[url.end() :]
        found = _from_base64(encoded) if url[1] else unquote_to_bytes(encoded)
        content = text.encode("utf-8", "replace") if found is None else found
    return Image(content, _type_of(content))


def _from_base64(text: str) -> bytes | None:
    plain = re.sub(r"\s+|=+\Z", "", text.strip()).translate({ord("-"): "+", ord("_"): "/"})
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None


def _type_of(content: bytes) -> str:
    return next((kind for signature, kind in _SIGNATURES if signature.match(content)), UNKNOWN_TYPE)
