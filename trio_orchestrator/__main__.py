"""`python -m trio_orchestrator`: what has to be seen to before anything else of it is imported, and behind it all."""

import os
import signal
import sys
from typing import Final, TextIO

_STANDARD_FILES: Final = (0, 1, 2)


def main() -> int:
    """Do what the command line says; the exit status."""
    # Importing all of it takes a second, in which Ctrl-C would be a traceback. Where it is ignored, it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_what_is_closed()
    try:
        from .cli import main as carry_out

        return carry_out()
    finally:
        for file in (sys.stdout, sys.stderr):
            _give_up_what_cannot_be_written(file)


def _open_what_is_closed() -> None:
    """Where it was started with `>&-`, the next file to be opened, a database say, would be taken for stdout."""
    for number in _STANDARD_FILES:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115 - likewise


def _give_up_what_cannot_be_written(file: TextIO) -> None:
    """Python would try again at its end, complain, and change the exit status to 120."""
    try:
        file.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


if __name__ == "__main__":
    sys.exit(main())
