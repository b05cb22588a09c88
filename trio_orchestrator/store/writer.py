"""One transaction after the other in a worker thread, and what becomes of those whose commands are in it."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, ParamSpec, TypeVar

import trio

from trio_orchestrator.tracking.ports import NewObject, ObjectStop

from .changes import NO_NOTES, Applied, Batch, NoteBatch
from .commands import WaitingCommand
from .database import Database
from .errors import (
    ChangeRefused,
    DatabaseAway,
    DatabaseInUse,
    DatabaseLocked,
    DatabaseUnavailable,
    OutcomeUnknown,
    StoreError,
)
from .reports import Reports

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

_BETWEEN_QUESTIONS: Final = 0.1

# These cost their time to find out; whatever else was to be written would only cost as much again.
_FOR_ALL_ALIKE: Final = (DatabaseInUse, DatabaseLocked, DatabaseAway)


class _Doubt(NamedTuple):
    """A batch of which nobody knows whether it is on disk, its commands having been given up."""

    commands: Sequence[WaitingCommand]
    notes: NoteBatch


class Writer:
    """Makes commands and notes durable and settles the commands.

    Attributes:
        commits: transactions that succeeded.
        failed_transactions: transactions that failed, retries included.
        written_rows: rows of sightings written.
        homeless_notes: rows and feature maps left out because the database has no such object.
        refused_notes: notes left out because the database does not take them.
        refused_commands: commands that the database refused although it worked.
    """

    def __init__(self, database: Database, reports: Reports) -> None:
        self._database = database
        self._reports = reports
        self._thread = trio.CapacityLimiter(1)
        self._waiting = trio.CancelScope()
        self._end = float("inf")
        self._doubt: _Doubt | None = None
        self._found: NoteBatch | None = None  # was in doubt, and is on disk
        self.commits = 0
        self.failed_transactions = 0
        self.written_rows = 0
        self.homeless_notes = 0
        self.refused_notes = 0
        self.refused_commands = 0

    @property
    def is_in_doubt(self) -> bool:
        """Whether it is to be called again, be it with nothing, as a batch may be on disk that was given up."""
        return self._doubt is not None

    def end_by(self, deadline: float) -> None:
        """Wait for no thread beyond `deadline`, on Trio's clock: a database that hangs must not keep the server."""
        self._end = min(self._end, deadline)
        self._waiting.deadline = self._end

    async def write(self, commands: Sequence[WaitingCommand], notes: NoteBatch) -> bool:
        """Write all in one transaction; where that fails, each command and the notes in one of their own.

        When this returns every command is settled. Not to be cancelled halfway: it is shielded, and bounded by
        what the database waits for.

        Returns:
            whether the notes are on disk.
        """
        if self._doubt is not None and (error := await self._dispel(self._doubt)) is not None:
            self._give_up(commands, error)
            return False
        if notes and notes is self._found:
            self._found = None
            return await self._write(commands, NO_NOTES)
        return await self._write(commands, notes)

    async def probe(self) -> None:
        """Write something that nobody needs, between two transactions; whoever cancels leaves the thread to itself.

        Raises:
            StoreError: the database did not take it.
        """
        await trio.to_thread.run_sync(self._database.probe, limiter=self._thread, abandon_on_cancel=True)
        self._reports.fine()

    async def _write(self, commands: Sequence[WaitingCommand], notes: NoteBatch) -> bool:
        if not commands and not notes:
            return True
        error = await self._attempt(commands, notes)
        if error is None:
            return True
        if not isinstance(error, _FOR_ALL_ALIKE) and len(commands) + bool(notes) > 1:
            return await self._write_singly(commands, notes)
        self._give_up(commands, error)
        return not notes

    async def _write_singly(self, commands: Sequence[WaitingCommand], notes: NoteBatch) -> bool:
        for index, command in enumerate(commands):
            error = await self._attempt([command], NO_NOTES)
            if isinstance(error, _FOR_ALL_ALIKE):
                # It has been waited for as long as is sane; the others would only wait likewise.
                self._give_up(commands[index:], error)
                return not notes
            if error is not None:
                self._give_up([command], error)
        if not notes:
            return True
        error = await self._attempt([], notes)
        if error is not None:
            self._give_up([], error)
        return error is None

    async def _attempt(self, commands: Sequence[WaitingCommand], notes: NoteBatch) -> StoreError | None:
        try:
            return await self._carry_out(commands, notes)
        except BaseException:
            for command in commands:
                command.settle(DatabaseUnavailable("the writer failed"))
            raise

    async def _carry_out(self, commands: Sequence[WaitingCommand], notes: NoteBatch) -> StoreError | None:
        batch = Batch([command.pending.change for command in commands], notes)
        try:
            applied = await self._in_thread(self._database.apply, batch)
        except StoreError as error:
            self.failed_transactions += 1
            return await self._find_out(commands, notes, error) if isinstance(error, OutcomeUnknown) else error
        self._succeeded(commands, notes, applied)
        return None

    async def _find_out(
        self, commands: Sequence[WaitingCommand], notes: NoteBatch, error: OutcomeUnknown
    ) -> StoreError | None:
        """Ask, until the commands' deadlines, what became of a batch whose commit was not answered."""
        until = min((command.deadline for command in commands), default=0.0)
        while True:
            try:
                applied = await self._in_thread(self._database.outcome)
            except StoreError:
                if trio.current_time() >= min(until, self._end):
                    self._doubt = _Doubt(commands, notes)
                    return error
                with trio.CancelScope(shield=True):
                    await trio.sleep(_BETWEEN_QUESTIONS)
                continue
            if applied is None:
                return DatabaseAway(str(error))
            self._succeeded(commands, notes, applied)
            return None

    async def _dispel(self, doubt: _Doubt) -> StoreError | None:
        """Make true what was told of a batch in doubt: its starts and stops did not happen, its notes wait or not.

        Returns:
            why that cannot be done now; None once it is done.
        """
        try:
            applied = await self._in_thread(self._database.take_back, [each.pending.change for each in doubt.commands])
        except StoreError as error:
            self.failed_transactions += 1
            return error
        self._doubt = None
        if applied is not None:
            self._found = doubt.notes
            kept = [not isinstance(each.pending.change, NewObject | ObjectStop) for each in doubt.commands]
            self._reports.taken_back(len(kept) - sum(kept))
            self._succeeded([], doubt.notes, applied._replace(object_ids=[]))
            for command, object_id, is_kept in zip(doubt.commands, applied.object_ids, kept, strict=True):
                if is_kept:
                    self._begin_effects(command, object_id)
        return None

    async def _in_thread(
        self, method: Callable[_Arguments, _Answer], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Answer:
        """What `method` returns; whoever cancels must not leave it unknown whether a commit took place."""
        with trio.CancelScope(shield=True, deadline=self._end) as self._waiting:
            return await trio.to_thread.run_sync(
                lambda: method(*args, **kwargs), limiter=self._thread, abandon_on_cancel=True
            )
        raise OutcomeUnknown("the database gave no answer until the end")

    def _succeeded(self, commands: Sequence[WaitingCommand], notes: NoteBatch, applied: Applied) -> None:
        self.commits += 1
        self.written_rows += len(notes.rows)
        self.homeless_notes += applied.homeless_notes
        self._reports.fine()
        self.refused_notes += applied.refused_notes
        self._reports.homeless(applied.homeless_notes)
        self._reports.left_out(applied.refused_notes)
        # No await from the commit to here: effects begin in the order of the changes.
        for command, object_id in zip(commands, applied.object_ids, strict=True):
            self._begin_effects(command, object_id)

    def _begin_effects(self, command: WaitingCommand, object_id: int) -> None:
        try:
            command.pending.then(object_id)
        except Exception as error:
            # The fault of one command must not end the writer: it goes to whoever sent the command.
            if command.is_abandoned:
                self._reports.ownerless(error)
            command.settle(error)
        else:
            command.settle()

    def _give_up(self, commands: Sequence[WaitingCommand], error: StoreError) -> None:
        if isinstance(error, ChangeRefused) and commands:
            self.refused_commands += len(commands)
            self._reports.refused(error)
        else:
            self._reports.trouble(error)
        for command in commands:
            command.settle(error)
