"""Keeps the garbage collector from holding everybody up: while it looks, everything stands still.

What comes and goes with a connection is freed without it, as nothing of that refers to itself (tests see to that). It
looks all the same, and by itself at all that there is each time: with ten thousand connections for close to a second.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SECONDS_BETWEEN_LOOKS_AT_ALL: Final = 6 * 3600.0
"""How long it may take until garbage is found that had lived through a full collection first."""

_OLDEST: Final = 2
"""The generation whose collection is a full one."""


@contextmanager
def short_pauses(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Inside, a full collection looks only at what has come since the one before.

    What it finds alive is set aside, as likely to stay. Once in six hours, by `clock`, it looks at everything.
    """
    looked_at_all = clock()

    def heed(phase: str, info: dict[str, int]) -> None:
        nonlocal looked_at_all
        if info["generation"] != _OLDEST:
            return
        if phase == "stop":
            gc.freeze()
        elif clock() - looked_at_all >= SECONDS_BETWEEN_LOOKS_AT_ALL:
            looked_at_all = clock()
            gc.unfreeze()

    gc.callbacks.append(heed)
    try:
        yield
    finally:
        gc.callbacks.remove(heed)
        gc.unfreeze()
