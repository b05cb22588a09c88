"""Text of a peer as it may be shown."""


def plain(text: str) -> str:
    """`text` without what moves the cursor of a terminal, changes its colour or begins a line: "?" in its place."""
    return "".join(character if character.isprintable() else "?" for character in text)
