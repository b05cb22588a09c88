"""Clocks that tests set."""


class WallClock:
    """The time as the test sets it, in `seconds`; since 1970, UTC, where that matters."""

    def __init__(self, seconds: float = 1_795_000_000.5) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds
