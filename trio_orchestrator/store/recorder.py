"""From the event loop to the database: what is to be kept waits here, bounded, until the writer takes it."""

from typing import Final

import trio

from trio_orchestrator.protocol.boxes import Certainty
from trio_orchestrator.protocol.errors import StorageUnavailable
from trio_orchestrator.tracking.ports import Actor, Pending, StopReason

from .changes import NO_NOTES, OwnStop
from .commands import CommandQueue, WaitingCommand
from .database import Database
from .errors import ChangeRefused, DatabaseUnavailable, StoreError
from .notes import Notes
from .reports import Reports
from .statistics import RecorderStatistics
from .writer import Writer

_COMMAND_LINGER: Final = 0.005
_NOTE_LINGER: Final = 0.25
_FIRST_RETRY: Final = 0.25
_SLOWEST_RETRY: Final = 2.0
_AT_ONCE: Final = float("-inf")
_NEVER: Final = float("inf")
_GRACE: Final = 1.0  # for a transaction that is under way when the closing time is over

_NOT_NOW: Final = "the database cannot take the change now; nothing was changed"
_NOT_THIS: Final = "the database does not take this change; nothing was changed"


class Recorder:
    """Writes to the database for all, one transaction at a time. A `tracking.ports.Journal`.

    `run` is the writer's task and must be running. Notes (what a Journal takes) never wait and are written in
    the background, again and again while the database does not work. Commands (`commit`) are waited for, and
    fail where the database does not work. Commands that come close together share a transaction with each
    other and with the notes. All is called on Trio's thread.

    Args:
        database: where to write.
        command_deadline: seconds after which a command fails that the writer has not begun to write.
        closing_time: seconds for writing what waits when `run` is to end.
        max_waiting_rows: rows of sightings that may wait before seconds are merged.
    """

    def __init__(
        self,
        database: Database,
        *,
        command_deadline: float = 5.0,
        closing_time: float = 3.0,
        max_waiting_rows: int = 200_000,
    ) -> None:
        self._database = database
        self._command_deadline = command_deadline
        self._closing_time = closing_time
        self._reports = Reports()
        self._writer = Writer(database, self._reports)
        self._commands = CommandQueue()
        self._notes = Notes(max_waiting_rows, self._on_first_note)
        self._notes_since = _NEVER
        self._behind_since = _NEVER
        self._merges_reported = 0
        self._losses_reported = 0
        self._retry_at = _AT_ONCE
        self._retry_delay = _FIRST_RETRY
        self._is_stuck = False
        self._flushing = 0
        self._is_running = False
        self._is_closing = False
        self._ended = trio.Event()
        self._wake = trio.Event()  # there is something new for the writer's task
        self._progress = trio.Event()  # notes were written; each event tells once

    def sighted(
        self, camera_id: str, at: float, object_ids: tuple[int, ...], certainties: tuple[Certainty, ...]
    ) -> None:
        """See `tracking.ports.Journal`."""
        self._notes.sighted(camera_id, at, object_ids, certainties)

    def feature_map_changed(self, object_id: int, feature_map: bytes) -> None:
        """See `tracking.ports.Journal`."""
        self._notes.feature_map_changed(object_id, feature_map)

    def stopped(self, object_id: int, reason: StopReason) -> None:
        """See `tracking.ports.Journal`."""
        self._notes.stopped(object_id, OwnStop(reason, self._database.now()))

    def looked_up(self, object_id: int, actor: Actor) -> None:
        """Somebody is told of an object now: a note for the audit, at most one a second of the same."""
        self._notes.looked_up(object_id, actor, self._database.now())

    async def commit(self, pending: Pending) -> None:
        """Make a command's change durable; when this returns it is, and `pending.then` has been called.

        It is the writer's task that calls `pending.then`, right after the transaction and in the order of the
        changes, even where whoever called `commit` was cancelled meanwhile: what is on disk has begun. Should
        `pending.then` raise, its exception comes from here.

        Raises:
            StorageUnavailable: the change could not be made durable in time. Nothing was changed.
        """
        now = trio.current_time()
        command = WaitingCommand(pending, now, now + self._command_deadline)
        if self._is_closing or not self._commands.put(command):
            pending.otherwise()
            raise StorageUnavailable(_NOT_NOW, request_id=pending.request_id)
        self._wake.set()
        try:
            await self._settled(command)
        except trio.Cancelled:
            command.is_abandoned = True
            raise
        if isinstance(command.failure, StoreError):
            text = _NOT_THIS if isinstance(command.failure, ChangeRefused) else _NOT_NOW
            raise StorageUnavailable(text, request_id=pending.request_id) from command.failure
        if command.failure is not None:
            raise command.failure

    async def flush(self) -> None:
        """Wait until all notes taken so far are on disk; as long as it takes, so bound it.

        Raises:
            DatabaseUnavailable: `run` ended before they were.
        """
        await trio.lowlevel.checkpoint()
        mark = self._notes.mark()
        self._flushing += 1
        self._retry_at = _AT_ONCE
        self._wake.set()
        try:
            while not self._notes.is_written(mark):
                if self._ended.is_set():
                    raise DatabaseUnavailable("the recorder ended before all was written")
                await self._progress.wait()
        finally:
            self._flushing -= 1

    async def probe(self) -> None:
        """Find out whether the database takes changes now, by making one; may be cancelled.

        Raises:
            StoreError: it takes none.
        """
        await self._writer.probe()

    async def run(self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Write what comes until cancelled or closed, and what waits then; to be run once.

        Whoever owns this task ends it by `aclose` after all that write to the recorder. It then takes no longer
        than the closing time and a second, even where the database hangs: its thread is left behind. What could
        not be written by then is told in the log.
        """
        self._is_running = True
        task_status.started()
        try:
            while await self._work_is_due():
                await self._write()
        finally:
            self._is_closing = True
            self._writer.end_by(trio.current_time() + self._closing_time + _GRACE)
            try:
                with trio.move_on_after(self._closing_time, shield=True):
                    await self._write_all_that_waits()
            finally:
                self._end()

    async def aclose(self) -> None:
        """End `run` in good order and wait for that; from now on commands fail."""
        self._is_closing = True
        self._writer.end_by(trio.current_time() + self._closing_time + _GRACE)
        self._wake.set()
        if self._is_running:
            await self._ended.wait()
        else:
            await trio.lowlevel.checkpoint()

    @property
    def is_stuck(self) -> bool:
        """Whether notes wait that the database did not take when they were tried last."""
        return self._is_stuck

    def statistics(self) -> RecorderStatistics:
        """The counters as they are now."""
        return RecorderStatistics(
            waiting_commands=len(self._commands),
            waiting_rows=self._notes.waiting_rows,
            waiting_feature_maps=self._notes.waiting_feature_maps,
            waiting_stops=self._notes.waiting_stops,
            waiting_look_ups=self._notes.waiting_look_ups,
            lag=trio.current_time() - self._behind_since if self._notes else 0.0,
            commits=self._writer.commits,
            failed_transactions=self._writer.failed_transactions,
            written_rows=self._writer.written_rows,
            merged_rows=self._notes.merged,
            lost_look_ups=self._notes.lost_look_ups,
            homeless_notes=self._writer.homeless_notes,
            refused_notes=self._writer.refused_notes,
            refused_commands=self._writer.refused_commands,
            in_trouble=self._reports.in_trouble,
        )

    async def _settled(self, command: WaitingCommand) -> None:
        """Wait for what comes of `command`; past its deadline only where its transaction is under way."""
        with trio.move_on_at(command.deadline):
            await command.settled.wait()
        if not command.settled.is_set():
            if self._commands.withdraw(command):
                command.settle(DatabaseUnavailable("the writer did not come to it in time"))
            await command.settled.wait()

    def _on_first_note(self) -> None:
        self._notes_since = trio.current_time()
        if not self._notes.has_backlog:
            self._behind_since = self._notes_since
        self._wake.set()

    def _due(self) -> float:
        """When to write next, on Trio's clock."""
        due = self._commands.due(_COMMAND_LINGER)
        if self._writer.is_in_doubt:
            due = min(due, self._retry_at)
        if not self._notes:
            return due
        if self._flushing or self._notes.has_backlog:
            return min(due, self._retry_at)
        return min(due, max(self._notes_since + _NOTE_LINGER, self._retry_at))

    async def _work_is_due(self) -> bool:
        """Wait until something is to be written; False where the writer is to end instead."""
        await trio.lowlevel.checkpoint()
        while not self._is_closing:
            due = self._due()
            if due <= trio.current_time():
                return True
            self._wake = trio.Event()
            with trio.move_on_at(due):
                await self._wake.wait()
        return False

    async def _write(self) -> None:
        """Write one transaction's share of what waits."""
        now = trio.current_time()
        commands, late = self._commands.take(now)
        for command in late:
            command.settle(DatabaseUnavailable("the writer did not come to it in time"))
        notes = self._notes.take() if self._notes and self._retry_at <= now else NO_NOTES
        if commands or notes or (self._writer.is_in_doubt and self._retry_at <= now):
            commits = self._writer.commits
            notes_are_written = await self._writer.write(commands, notes)
            if self._writer.commits > commits:
                self._retry_at = _AT_ONCE
            if notes and notes_are_written:
                self._on_notes_written()
            elif notes or self._writer.is_in_doubt:
                self._is_stuck = bool(notes)
                self._retry_at = trio.current_time() + self._retry_delay
                self._retry_delay = min(2 * self._retry_delay, _SLOWEST_RETRY)
        self._reports.merged(self._notes.merged - self._merges_reported)
        self._merges_reported = self._notes.merged
        self._reports.unaudited(self._notes.lost_look_ups - self._losses_reported)
        self._losses_reported = self._notes.lost_look_ups

    def _on_notes_written(self) -> None:
        self._notes.written()
        self._is_stuck = False
        if not self._notes.has_backlog:
            self._behind_since = self._notes_since
        self._retry_delay = _FIRST_RETRY
        self._progress.set()
        self._progress = trio.Event()

    async def _write_all_that_waits(self) -> None:
        self._retry_at = _AT_ONCE
        while self._commands or self._notes or self._writer.is_in_doubt:
            await self._write()
            if self._notes or self._writer.is_in_doubt:
                await trio.sleep_until(max(self._retry_at, trio.current_time()))

    def _end(self) -> None:
        self._ended.set()
        self._progress.set()
        for command in self._commands.take_all():
            command.settle(DatabaseUnavailable("the recorder ended before"))
        if self._notes:
            notes = self._notes
            self._reports.lost(notes.waiting_rows, notes.waiting_feature_maps, notes.waiting_stops)
            self._reports.unaudited(notes.waiting_look_ups)
