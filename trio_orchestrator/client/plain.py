"""Text of a peer as it may be shown."""

from typing import Final

LONGEST_SHOWN: Final = 500


def plain(text: str) -> str:
    """`text` without what moves the cursor of a terminal, changes its colour or begins a line: "?" in its place.

    Of a long one the first 500 characters.
    """
    shown = "".join(character if character.isprintable() else "?" for character in text[:LONGEST_SHOWN])
    return shown if len(text) <= LONGEST_SHOWN else shown + "…"
