"""Notices peers that say nothing: pings them, and ends those who do not answer. One task for all of them.

A timer for each connection would do the same. But where thousands were opened together their timers go off in one pass
of the scheduler, which holds everybody up; and each round leaves objects that live until the next one, by which the
garbage collector is led to go through all that there is, again and again. Even one timer costs more than the ping: so
whoever is awake looks first.
"""

import heapq
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import trio

from trio_orchestrator.connections.outbox import Outbox
from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.protocol.frames import PING_FRAME

_PEERS_A_TURN: Final = 64
"""After this many peers other tasks get their turn."""

_PATIENCE: Final = 0.01
"""So many seconds a peer may be due before anybody wakes up for it: a timeout costs Trio four times what a ping does,
and on a busy server somebody else is awake by then."""

_FEW_EMPTY: Final = 64


class Heard(Protocol):
    """Who knows when a peer was last heard of."""

    @property
    def heard(self) -> float:
        """When that was, on Trio's clock."""


class _Watched:
    """One peer.

    Attributes:
        intake: knows when it was last heard of; None once it is no longer watched.
        outbox: what it is to be told.
        pinged_at: when it was last pinged, on Trio's clock.
    """

    __slots__ = ("intake", "outbox", "pinged_at")

    def __init__(self, intake: Heard, outbox: Outbox) -> None:
        self.intake: Heard | None = intake
        self.outbox: Outbox | None = outbox
        self.pinged_at = -math.inf


class SilenceWatch:
    """Pings whoever has been silent.

    Args:
        interval: seconds of silence after which a peer is pinged.
        timeout: seconds it then has to say anything at all.
    """

    def __init__(self, interval: float, timeout: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self._due: list[tuple[float, int, _Watched]] = []
        """A heap: when to look at a peer next; the number tells apart what is due at the same instant."""
        self._empty = 0
        """How many places in it are those of peers that have gone."""
        self._numbers = itertools.count()
        self._alarm = trio.CancelScope()
        """Ends the sleep of `run`."""

    @contextmanager
    def watching(self, intake: Heard, outbox: Outbox) -> Iterator[None]:
        """Inside, the peer is pinged when it has been silent, and `outbox` is closed when it does not answer."""
        watched = _Watched(intake, outbox)
        self._look_at(intake.heard + self._interval, watched)
        if self._due[0][2] is watched:
            self._set_alarm()
        try:
            yield
        finally:
            # Its place in the heap is left empty until it is due, or most are: taking it out would cost more.
            watched.intake = watched.outbox = None
            self._empty += 1
            if self._empty > _FEW_EMPTY and 2 * self._empty > len(self._due):
                self._due = [place for place in self._due if place[2].intake is not None]
                heapq.heapify(self._due)
                self._empty = 0

    async def run(self) -> None:
        """Look at those at whom nobody else looks, for as long as the server lives."""
        while True:
            with trio.CancelScope() as self._alarm:
                self._set_alarm()
                await trio.sleep_forever()
            self.look(trio.current_time())

    def look(self, now: float) -> None:
        """Look at those who are due at the instant `now` on Trio's clock, at not more than others can wait for."""
        if self._first_due() > now:
            return
        for _ in range(_PEERS_A_TURN):
            self._look(heapq.heappop(self._due)[2], now)
            if self._first_due() > now:
                break
        self._set_alarm()

    def _first_due(self) -> float:
        return self._due[0][0] if self._due else math.inf

    def _set_alarm(self) -> None:
        self._alarm.deadline = self._first_due() + _PATIENCE

    def _look(self, watched: _Watched, now: float) -> None:
        if watched.intake is None or watched.outbox is None:
            self._empty -= 1
            return
        heard = watched.intake.heard
        if heard < watched.pinged_at:
            watched.outbox.close(CloseCode.TOO_SLOW, "no answer to a ping")
        elif heard + self._interval <= now:
            watched.pinged_at = now
            watched.outbox.offer_raw(PING_FRAME)
            self._look_at(now + self._timeout, watched)
        else:
            self._look_at(heard + self._interval, watched)

    def _look_at(self, due: float, watched: _Watched) -> None:
        heapq.heappush(self._due, (due, next(self._numbers), watched))
