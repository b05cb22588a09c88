"""A small quarter in which people walk past eight cameras, to try everything without a camera or any data.

`world` is where they walk, `views` what a camera there sees, `tracker` what its processor makes of that and gets wrong,
`cameras` lets the processors speak through the SDK, `command` is what the command line calls.
"""

from .command import add_flags, main

__all__ = ["add_flags", "main"]
