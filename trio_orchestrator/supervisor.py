"""The nursery that owns one cancel scope a tracked object: its tracking timeout."""

import math
from collections.abc import Callable

import trio


class Supervisor:
    """Keeps one deadline a live object; the `Deadlines` of the hub.

    Each live object has one task, which sleeps in one cancel scope. The scope's deadline is the object's timeout:
    assigning it moves the timeout, and assigning the past ends the task.

    Args:
        nursery: owns the tasks; when it is cancelled nothing expires.
        expired: called with the object's id when its deadline has passed, on the event loop.
    """

    def __init__(self, nursery: trio.Nursery, expired: Callable[[int], None]) -> None:
        self._nursery = nursery
        self._expired = expired
        self._scopes: dict[int, trio.CancelScope] = {}

    def start(self, object_id: int, seconds: float | None) -> None:
        """Watch over an object that ends in `seconds` from now on the monotonic clock, never by itself where None.

        Started again, an object gets the new deadline in place of the old one.
        """
        deadline = math.inf if seconds is None else trio.current_time() + seconds
        scope = self._scopes.get(object_id)
        if scope is not None and scope.deadline > trio.current_time():
            scope.deadline = deadline
            return
        self.end(object_id)  # what is due in this very moment cannot be moved any more, only replaced
        scope = self._scopes[object_id] = trio.CancelScope(deadline=deadline)
        self._nursery.start_soon(self._watch, object_id, scope, name=f"timeout of object {object_id}")

    def end(self, object_id: int) -> None:
        """Stop watching: no expiry is reported from now on, not even one that is due in this very moment."""
        scope = self._scopes.pop(object_id, None)
        if scope is not None:
            scope.deadline = -math.inf

    async def _watch(self, object_id: int, scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep_forever()
        # `end` takes the entry out before it wakes this task, so the entry tells an expiry from an end; that it is
        # this very scope, from an object that was started again since.
        if self._scopes.get(object_id) is scope:
            del self._scopes[object_id]
            self._expired(object_id)
