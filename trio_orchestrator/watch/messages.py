"""Messages as they come, JSON on a line each, safe to be shown by a terminal."""

import json


def line_of_message(message: bytes, *, is_ascii: bool = False) -> bytes:
    r"""The line for a message, JSON text without line breaks: it says the same, and nothing in it can be obeyed.

    Camera ids and texts are their senders' own. What would move a terminal's cursor, or hide or reorder text (controls,
    DEL, U+0080 to U+009F, bidi overrides …), is written as its escape, `\u0085`; in JSON all of it stands in strings.

    Args:
        message: the message.
        is_ascii: whether all else that is not ASCII is to be escaped as well, for an output that is not UTF-8.
    """
    text = message.decode(errors="replace")
    if not text.isprintable() or (is_ascii and not text.isascii()):
        text = "".join(_shown(character, is_ascii) for character in text)
    return text.encode() + b"\n"


def _shown(character: str, is_ascii: bool) -> str:
    if character == "\t":
        return " "  # between members; within a string JSON has it as an escape
    if character.isprintable() and (character.isascii() or not is_ascii):
        return character
    return json.dumps(character)[1:-1]
