"""Commands that wait for the writer, in the order in which they came."""

from collections import deque
from typing import Final

import trio

from trio_orchestrator.tracking.ports import NewObject, Pending

# Bounds on what one transaction takes, and on what may wait: images travel in commands.
_COMMANDS_A_BATCH: Final = 100
_BYTES_A_BATCH: Final = 16 * 1024 * 1024
_BYTES_WAITING: Final = 128 * 1024 * 1024
_BYTES_A_COMMAND: Final = 1024


class WaitingCommand:
    """A change that somebody waits for.

    Args:
        pending: the change, and what is to be done once it is on disk.
        queued_at: when it came, on Trio's clock.
        deadline: until when it must have been taken by the writer, on Trio's clock.

    Attributes:
        settled: set once the outcome is known.
        failure: what came of it, once settled: None where the change is on disk and its effects have begun.
        is_abandoned: whether whoever waited does so no more.
    """

    def __init__(self, pending: Pending, queued_at: float, deadline: float) -> None:
        self.pending = pending
        self.queued_at = queued_at
        self.deadline = deadline
        self.settled = trio.Event()
        self.failure: Exception | None = None
        self.is_abandoned = False

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        change = self.pending.change
        return _BYTES_A_COMMAND + (len(change.image) if isinstance(change, NewObject) else 0)

    def settle(self, failure: Exception | None = None) -> None:
        """Tell whoever waits what came of it."""
        self.failure = failure
        if failure is not None:
            self.pending.otherwise()
        self.settled.set()


class CommandQueue:
    """The commands that no transaction has taken yet; bounded in bytes."""

    def __init__(self) -> None:
        self._waiting: deque[WaitingCommand] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, command: WaitingCommand) -> bool:
        """Queue `command` behind the others; False where there is no room for it."""
        if self._waiting and self._bytes + command.size > _BYTES_WAITING:
            return False
        self._waiting.append(command)
        self._bytes += command.size
        return True

    def withdraw(self, command: WaitingCommand) -> bool:
        """Take `command` back; False where a transaction has taken it."""
        if command not in self._waiting:
            return False
        self._waiting.remove(command)
        self._bytes -= command.size
        return True

    def take(self, now: float) -> tuple[list[WaitingCommand], list[WaitingCommand]]:
        """The oldest commands, as many as make a transaction, and those among the waiting that are too late."""
        taken: list[WaitingCommand] = []
        late: list[WaitingCommand] = []
        size = 0
        while self._waiting and len(taken) < _COMMANDS_A_BATCH:
            command = self._waiting[0]
            if command.deadline > now and taken and size + command.size > _BYTES_A_BATCH:
                break
            self._waiting.popleft()
            self._bytes -= command.size
            if command.deadline <= now:
                late.append(command)
            else:
                taken.append(command)
                size += command.size
        return taken, late

    def take_all(self) -> list[WaitingCommand]:
        """All that wait, nothing being written any more."""
        taken = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return taken

    def due(self, linger: float) -> float:
        """When the next transaction is to take them, on Trio's clock: `linger` seconds after the first came."""
        if not self._waiting:
            return float("inf")
        if len(self._waiting) >= _COMMANDS_A_BATCH:
            return self._waiting[0].queued_at
        return self._waiting[0].queued_at + linger
