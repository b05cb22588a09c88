"""One task that waits for many sockets at once and takes what each has, without a task switch for each.

A busy site has many cameras that send one small message at a time; waking a task for each of them would cost more than
the message. The connection's own task stays its owner: it lends the loop a callback, and takes over where something
must be awaited.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Final, TypeAlias

import trio

_SOCKETS_A_TURN: Final = 32
"""After this many sockets, if nobody says otherwise, the turn is over; the next begins with others, as the kernel has
it."""

_SECONDS_AWAKE: Final = 0.001
"""After so much time other tasks get theirs. Until then the loop looks again for itself: what came during a turn makes
the next, and costs no task switch."""

Callback: TypeAlias = Callable[[float], bool]
"""Takes what a socket has, at that instant on Trio's clock; whether it is to be called again."""


class ReadLoop:
    """Calls back whoever has a readable socket. Linux: it is an epoll instance inside of Trio's own.

    Args:
        turn: what each turn, in which many may be called back, is inside of.
        sockets_a_turn: how many that may be.
    """

    def __init__(
        self,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
        sockets_a_turn: Callable[[], int] = lambda: _SOCKETS_A_TURN,
    ) -> None:
        self._turn = turn
        self._sockets_a_turn = sockets_a_turn
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._when_awake: list[Callable[[float], None]] = []

    @contextmanager
    def reading(self, connected: socket.socket, callback: Callback) -> Iterator[None]:
        """Inside, `callback` is called whenever `connected` is readable, until it returns False.

        It must neither await nor raise; it runs in the loop's task.
        """
        number = connected.fileno()
        self._callbacks[number] = callback
        self._epoll.register(number, select.EPOLLIN)
        try:
            yield
        finally:
            self._forget(number, callback)

    @contextmanager
    def when_awake(self, callback: Callable[[float], None]) -> Iterator[None]:
        """Inside, `callback` is called each time that the loop was awake, with the instant on Trio's clock.

        It is for what costs less than to wake up for it. It must neither await nor raise.
        """
        self._when_awake.append(callback)
        try:
            yield
        finally:
            self._when_awake.remove(callback)

    async def run(self) -> None:
        """Call back, for as long as the server lives."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                now = trio.current_time()
                self._take_turns(now)
                for callback in self._when_awake:
                    callback(now)
        finally:
            trio.lowlevel.notify_closing(self._epoll.fileno())
            self._epoll.close()

    def _take_turns(self, now: float) -> None:
        """Take turns until no socket has anything more, or others have waited long enough."""
        until = time.monotonic() + _SECONDS_AWAKE  # not Trio's clock: it is the time of those who wait
        while self._take_turn(now) and time.monotonic() <= until:
            pass

    def _take_turn(self, now: float) -> bool:
        """Call back whoever's socket is readable; whether there was anybody."""
        ready = self._epoll.poll(0, self._sockets_a_turn())
        if not ready:
            return False
        callbacks = self._callbacks
        with self._turn():
            for number, _events in ready:
                callback = callbacks.get(number)
                if callback is not None and not callback(now):
                    self._forget(number, callback)
        return True

    def _forget(self, number: int, callback: Callback) -> None:
        # A socket that was closed has left the epoll instance by itself, and its number may be another's by now.
        if self._callbacks.get(number) is callback:
            del self._callbacks[number]
            with suppress(OSError, ValueError):
                self._epoll.unregister(number)
