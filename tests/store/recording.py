"""A recorder at work, for tests.

Worker threads are in play then, so these tests run on the real clock: they wait for what is to happen, under a
`fail_after`. Where the writer does not run, or finds nothing to write, there is no thread, and the mock clock is sound.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from trio_orchestrator.store.changes import Applied, Batch
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.recorder import Recorder
from trio_orchestrator.tracking.ports import Journal, NewObject, Pending

PATIENCE = 20


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[trio.Nursery]:
    """The recorder at work; whatever the test leaves behind is cancelled at the end."""
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            await nursery.start(run, recorder)
            yield nursery
            nursery.cancel_scope.cancel()


async def run(recorder: Recorder, task_status: "trio.TaskStatus[None]") -> None:
    """`recorder.run` with its argument in the form that `Nursery.start` is typed for."""
    await recorder.run(task_status=task_status)


class PatientDatabase(Database):
    """Waits for a lock as long as a test may take, and counts the transactions that were begun."""

    def __init__(self, address: str) -> None:
        super().__init__(address, busy_timeout=PATIENCE)
        self.transactions = 0

    def apply(self, batch: Batch) -> Applied:
        self.transactions += 1
        return super().apply(batch)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another task or thread is to do; to be used under a `fail_after`."""
    while not condition():  # noqa: ASYNC110 - a counter, or a row in a database, has no event to wait for
        await trio.sleep(0.001)


def new_object(
    then: Callable[[int], None], camera: str = "cam", image: bytes = b"", request_id: str | None = None
) -> Pending:
    return Pending(NewObject(camera, image, None, None), then, request_id)


def no_effect(_object_id: int) -> None:
    pass


def as_journal(recorder: Recorder) -> Journal:
    """The type checker's proof that a recorder is one."""
    return recorder
