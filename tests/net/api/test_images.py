"""A stored image as bytes: what a client chose may be anything, and takes no longer than its length warrants."""

import subprocess
import sys
import tracemalloc
from typing import Final
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_orchestrator.net.api import images
from trio_orchestrator.net.api.images import UNKNOWN_TYPE, decode

PNG: Final = b"\x89PNG\r\n\x1a\n1234"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (b"iVBORw0KGgoxMjM0", PNG),
        (b" iVBO Rw0K\\nGgox\\tMjM0 ", PNG),
        (b"DATA:image/png;BASE64,iVBORw0KGgoxMjM0", PNG),
        (b"data:;base64,-_8", b"\xfb\xff"),
        (b"data:;base64,-_8=\\n=", b"\xfb\xff"),
        (b"data:;base64,-_8=-", b"data:;base64,-_8=-"),
        (b"data:,a%2cb%2", b"a,b%2"),
        (b"data:,%\xc3\xa9%41", b"%\xc3\xa9A"),
        (b"data:nothing", b"data:nothing"),
        (b"data", b"data"),
        (b"", b""),
    ],
)
def test_what_is_stored_is_decoded(text: bytes, content: bytes) -> None:
    expected = content, "image/png" if content == PNG else UNKNOWN_TYPE
    assert decode(b'"%b"' % text) == expected


@given(st.text("%4aF,", max_size=40), st.integers(3, 9))
def test_percents_are_decoded_wherever_a_piece_ends(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "_PIECE_BYTES", size)
        assert decode(f'"data:,{text}"'.encode()).content == unquote_to_bytes(text)


HOSTILE: Final = ("=", "==x", " ", "a ", "\\\\n", "%", "%41", "data:", "data:,%", ";base64")


def test_what_is_hostile_takes_no_longer_than_its_length_warrants() -> None:
    program = (
        "import sys; from trio_orchestrator.net.api.images import decode\n"
        "for text in sys.argv[1:]:\n"
        "    for start in ('', 'data:,', 'data:;base64,'):\n"
        "        for end in ('', 'x'):\n"
        "            decode(('\"' + start + text * 300_000 + end + '\"').encode())\n"
    )
    # What grows with the square of the length takes hours, and there is a deadline only so that it ends.
    subprocess.run([sys.executable, "-c", program, *HOSTILE], check=True, timeout=300)


def test_percents_take_no_more_memory_than_a_few_times_their_own() -> None:
    stored = b'"data:,' + b"%" * 1_000_000 + b'"'
    tracemalloc.start()
    try:
        decode(stored)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()
