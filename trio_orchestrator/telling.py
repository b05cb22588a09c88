"""What commands say of themselves, on files that may be full or gone."""

import contextlib
from typing import TextIO


def tell(text: str, file: TextIO) -> None:
    """Write `text` to stdout or stderr at once; where it cannot be written it is lost, as a line of the log is."""
    with contextlib.suppress(OSError):
        file.write(text)
        file.flush()
