"""Cameras, rates, objects and their states at a terminal.

`board` keeps what is shown, `tables` shows it on a terminal, `lines` says it line by line elsewhere, `command` is what
the command line calls.
"""

from .command import add_flags, main

__all__ = ["add_flags", "main"]
