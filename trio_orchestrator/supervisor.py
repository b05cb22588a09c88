"""The nursery that owns one cancel scope a tracked object: its tracking timeout."""

import math
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import trio

Key = TypeVar("Key", bound=Hashable)


class Supervisor(Generic[Key]):
    """Keeps one deadline a key, such as a live object's id; the `Deadlines` of the hub.

    Each key has one task, which sleeps in one cancel scope. The scope's deadline is the key's: assigning it moves the
    timeout, and assigning the past ends the task.

    Args:
        nursery: owns the tasks; when it is cancelled nothing comes due.
        due: called with the key when its deadline has passed, on the event loop.
    """

    def __init__(self, nursery: trio.Nursery, due: Callable[[Key], None]) -> None:
        self._nursery = nursery
        self._due = due
        self._scopes: dict[Key, trio.CancelScope] = {}

    def start(self, key: Key, seconds: float | None) -> None:
        """Let `key` be due in `seconds` from now on the monotonic clock, never by itself where None.

        Started again, a key gets the new deadline in place of the old one.
        """
        deadline = math.inf if seconds is None else trio.current_time() + seconds
        scope = self._scopes.get(key)
        if scope is not None and scope.deadline > trio.current_time():
            scope.deadline = deadline
            return
        self.end(key)  # what is due in this very moment cannot be moved any more, only replaced
        scope = self._scopes[key] = trio.CancelScope(deadline=deadline)
        self._nursery.start_soon(self._watch, key, scope, name=f"deadline of {key}")

    def end(self, key: Key) -> None:
        """Let `key` not be due: nothing is reported from now on, even if it is due in this very moment."""
        scope = self._scopes.pop(key, None)
        if scope is not None:
            scope.deadline = -math.inf

    async def _watch(self, key: Key, scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep_forever()
        # `end` takes the entry out before it wakes this task, so the entry tells an expiry from an end; that it is
        # this very scope, from a key that was started again since.
        if self._scopes.get(key) is scope:
            del self._scopes[key]
            self._due(key)
