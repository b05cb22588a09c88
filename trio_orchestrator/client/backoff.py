"""How long to wait before connecting again."""

import random
from typing import Final

SHORTEST: Final = 0.2
LONGEST: Final = 10.0
_GROWTH: Final = 2.0


class Backoff:
    """Pauses that double from 0.2 to 10 seconds, each drawn at random so that many peers do not come back at once.

    Args:
        source: where the randomness comes from.
    """

    def __init__(self, source: random.Random | None = None) -> None:
        self._random = source or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._ceiling = 2 * SHORTEST

    def next_pause(self) -> float:
        """Seconds to wait now: between a half and the whole of a ceiling that grows with each call."""
        pause = self._random.uniform(self._ceiling / 2, self._ceiling)
        self._ceiling = min(LONGEST, self._ceiling * _GROWTH)
        return pause

    def reset(self) -> None:
        """Begin with the shortest pause again: a connection has held."""
        self._ceiling = 2 * SHORTEST
