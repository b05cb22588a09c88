"""One task that waits for many sockets at once and takes what each has, without a task switch for each.

A busy site has many cameras that send one small message at a time; waking a task for each of them would cost more than
the message. The connection's own task stays its owner: it lends the loop a callback, and takes over where something
must be awaited.
"""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Final, TypeAlias

import trio

_SOCKETS_A_TURN: Final = 64
"""After this many sockets other tasks get their turn; the kernel sees to it that the next turn begins with others."""


Callback: TypeAlias = Callable[[float], bool]
"""Takes what a socket has, at that instant on Trio's clock; whether it is to be called again."""


class ReadLoop:
    """Calls back whoever has a readable socket. Linux: it is an epoll instance inside of Trio's own.

    Args:
        turn: what each turn, in which many may be called back, is inside of.
    """

    def __init__(self, turn: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._turn = turn
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}

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

    async def run(self) -> None:
        """Call back, for as long as the server lives."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                with self._turn():
                    self._call_back(trio.current_time())
        finally:
            trio.lowlevel.notify_closing(self._epoll.fileno())
            self._epoll.close()

    def _call_back(self, now: float) -> None:
        callbacks = self._callbacks
        for number, _events in self._epoll.poll(0, _SOCKETS_A_TURN):
            callback = callbacks.get(number)
            if callback is not None and not callback(now):
                self._forget(number, callback)

    def _forget(self, number: int, callback: Callback) -> None:
        # A socket that was closed has left the epoll instance by itself, and its number may be another's by now.
        if self._callbacks.get(number) is callback:
            del self._callbacks[number]
            with suppress(OSError, ValueError):
                self._epoll.unregister(number)
