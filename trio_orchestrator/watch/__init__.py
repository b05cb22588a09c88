"""Cameras, rates, objects and their states at a terminal.

`board` keeps what is shown, `tables` shows it on a terminal, drawn by `screen`, `lines` says it line by line elsewhere,
`messages` as it comes; `output` is how all of it leaves, `command` what the command line calls.
"""

from .command import add_flags, main

__all__ = ["add_flags", "main"]
