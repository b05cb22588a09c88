"""One transaction after the other in a worker thread, and what becomes of those whose commands are in it."""

from collections.abc import Sequence

import trio

from .changes import NO_NOTES, Applied, Batch, NoteBatch
from .commands import WaitingCommand
from .database import Database
from .errors import ChangeRefused, DatabaseLocked, DatabaseUnavailable, StoreError
from .reports import Reports


class Writer:
    """Makes commands and notes durable and settles the commands.

    Attributes:
        commits: transactions that succeeded.
        failed_transactions: transactions that failed, retries included.
        written_rows: rows of sightings written.
        homeless_notes: rows and feature maps left out because the database has no such object.
        refused_commands: commands that the database refused although it worked.
    """

    def __init__(self, database: Database, reports: Reports) -> None:
        self._database = database
        self._reports = reports
        self._thread = trio.CapacityLimiter(1)
        self.commits = 0
        self.failed_transactions = 0
        self.written_rows = 0
        self.homeless_notes = 0
        self.refused_commands = 0

    async def write(self, commands: Sequence[WaitingCommand], notes: NoteBatch) -> bool:
        """Write all in one transaction; where that fails, each command and the notes in one of their own.

        When this returns every command is settled. Not to be cancelled halfway: it is shielded, and bounded by
        the database's busy timeout.

        Returns:
            whether the notes are on disk.
        """
        error = await self._attempt(commands, notes)
        if error is None:
            return True
        if not isinstance(error, DatabaseLocked) and len(commands) + bool(notes) > 1:
            return await self._write_singly(commands, notes)
        self._give_up(commands, error)
        return False

    async def _write_singly(self, commands: Sequence[WaitingCommand], notes: NoteBatch) -> bool:
        for index, command in enumerate(commands):
            error = await self._attempt([command], NO_NOTES)
            if isinstance(error, DatabaseLocked):
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
        batch = Batch([command.pending.change for command in commands], notes)
        try:
            # Whoever cancels must not leave it unknown whether the commit took place.
            with trio.CancelScope(shield=True):
                applied = await trio.to_thread.run_sync(self._database.apply, batch, limiter=self._thread)
        except StoreError as error:
            self.failed_transactions += 1
            return error
        except BaseException:
            for command in commands:
                command.settle(DatabaseUnavailable("the writer failed"))
            raise
        self._succeeded(commands, notes, applied)
        return None

    def _succeeded(self, commands: Sequence[WaitingCommand], notes: NoteBatch, applied: Applied) -> None:
        self.commits += 1
        self.written_rows += len(notes.rows)
        self.homeless_notes += applied.homeless_notes
        self._reports.fine()
        self._reports.homeless(applied.homeless_notes)
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
