"""Keys that the issuer of tokens publishes at a URL (RFC 7517): fetched, kept, and fetched again.

Only one task fetches. Whoever needs a key that is not known waits for its next attempt, of which there is at most one
in five seconds: one that is under way may have been answered before the key was published. Whoever needs one that is
known never waits, whatever has become of the server.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
import trio

from .fetching import FetchFailed, fetch
from .keys import Key, KeySet, NoKeys, parse_key_set

FETCH_TIMEOUT: Final = 4.0
MAX_ANSWER_BYTES: Final = 262_144
MIN_PAUSE: Final = 5.0
"""Seconds from one attempt to the next: with its time-out this is less than a peer has to authenticate."""

REFRESH: Final = 300.0
_SLOWEST_RETRY: Final = 60.0

_log = structlog.get_logger(__name__)


async def _fetch(url: str) -> bytes:
    return await fetch(url, seconds=FETCH_TIMEOUT, max_bytes=MAX_ANSWER_BYTES)


class KeyServer:
    """The keys at a URL; `run` must be running.

    What the server says replaces what was known, so a key that it publishes no more is good no more. While it says
    nothing that can be used, what was known stays good.

    Args:
        url: where the keys are.
        algorithms: those that a token may be signed with.
        get: gets what is at a URL; raises FetchFailed.
    """

    def __init__(self, url: str, algorithms: Sequence[str], *, get: Callable[[str], Awaitable[bytes]] = _fetch) -> None:
        self._url = url
        self._algorithms = tuple(algorithms)
        self._get = get
        self._keys: KeySet = {}
        self._wanted = trio.Event()  # somebody waits for a key that is not known
        # Each of these is set once an attempt is over; none is under way yet.
        self._under_way = trio.Event()
        self._under_way.set()
        self._next = trio.Event()
        self._failing = False

    @property
    def algorithms(self) -> Sequence[str]:
        """The algorithms that are allowed."""
        return self._algorithms

    async def find(self, key_id: str | None, algorithm: str) -> Key | None:
        """The key of that name; where it is not known, waits for an attempt to fetch it that has not begun yet.

        One that is under way may bring it as well, and then sooner.
        """
        if key_id is None:
            return None  # which of them it is must be said
        name = key_id, algorithm
        if name not in self._keys:
            self._wanted.set()
            for attempt in (self._under_way, self._next):
                await attempt.wait()
                if name in self._keys:
                    break
        return self._keys.get(name)

    async def run(self) -> None:
        """Fetch the keys, at the start, when one is wanted, and every five minutes; for as long as the server lives."""
        retry = MIN_PAUSE
        while True:
            begun = trio.current_time()
            # Whoever wants a key from here on wants the attempt after this one.
            self._wanted = trio.Event()
            self._under_way, self._next = self._next, trio.Event()
            fetched = await self._attempt()
            self._under_way.set()
            with trio.move_on_at(begun + (REFRESH if fetched else retry)):
                await self._wanted.wait()
                await trio.sleep_until(begun + MIN_PAUSE)
            retry = MIN_PAUSE if fetched else min(2 * retry, _SLOWEST_RETRY)

    async def _attempt(self) -> bool:
        try:
            keys = parse_key_set(await self._get(self._url), self._algorithms)
        except (FetchFailed, NoKeys) as error:
            if not self._failing:
                _log.warning(
                    "the keys of tokens cannot be fetched", url=self._url, reason=str(error), known=len(self._keys)
                )
            self._failing = True
            return False
        if self._failing or keys.keys() != self._keys.keys():
            _log.info("the keys of tokens were fetched", url=self._url, keys=sorted({name for name, _ in keys}))
        self._failing = False
        self._keys = keys
        return True
