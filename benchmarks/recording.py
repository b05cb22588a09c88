"""How many sightings a recorder takes on SQLite, and what the event loop notices of it."""

import gc
import itertools
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import trio

from trio_orchestrator.protocol.boxes import Sightings
from trio_orchestrator.store.changes import Batch
from trio_orchestrator.store.database import Database
from trio_orchestrator.store.recorder import Recorder
from trio_orchestrator.tracking.ports import NewObject

_PROBE_SECONDS: Final = 0.001
_WARM_UP_SECONDS: Final = 2.0

Frame: TypeAlias = Sightings
"""Who is in one camera's frame."""


class Scene(NamedTuple):
    """What the cameras see: 50,000 sightings a second in each.

    Attributes:
        name: as the table has it.
        cameras: how many there are; each has its own phase.
        frames: how many each sends a second.
        boxes: how many live objects are in each frame.
        objects: how many live objects there are.
        wandering: whether the next frame shows others; else somebody comes and goes once a second.
    """

    name: str
    cameras: int
    frames: int
    boxes: int
    objects: int
    wandering: bool

    @property
    def sightings_a_second(self) -> int:
        """How many sightings there are."""
        return self.cameras * self.frames * self.boxes

    def frames_of(self, camera: int, objects: list[int]) -> Iterator[Frame]:
        """What that camera sees, frame by frame."""
        first = camera * 7
        certainties = (0.5,) * self.boxes
        shown: tuple[int, ...] = ()
        for number in itertools.count():
            step = number * self.boxes if self.wandering else number // self.frames
            showing = tuple(objects[(first + step + box) % len(objects)] for box in range(self.boxes))
            shown = shown if showing == shown else showing  # as the hub has it: the same again is the very same
            yield shown, certainties


SCENES: Final = (
    Scene("crowd", cameras=100, frames=25, boxes=20, objects=500, wandering=False),
    Scene("every sighting a row of its own", cameras=100, frames=25, boxes=20, objects=500, wandering=True),
)


class Recording(NamedTuple):
    """What came of one scene.

    Attributes:
        scene: which.
        taken: sightings a second that the recorder was given.
        rows: rows a second that were written.
        median, p99, worst: how late the event loop was, milliseconds.
        waiting: the most rows that waited, in the second third and in the last.
        lost_pace: seconds by which the cameras were behind at the end.
    """

    scene: str
    taken: float
    rows: float
    median: float
    p99: float
    worst: float
    waiting: tuple[int, int]
    lost_pace: float


async def record(scene: Scene, seconds: float) -> Recording:
    """Put `scene` on a recorder for so many seconds."""
    with (
        tempfile.TemporaryDirectory(prefix="storage-") as folder,
        closing(Database(f"sqlite:///{Path(folder) / 'orchestrator.db'}")) as database,
    ):
        objects: list[int] = []
        for _ in range(0, scene.objects, 100):
            objects += database.apply(Batch([NewObject("camera", b"", None, None)] * 100)).object_ids
        recorder = Recorder(database)
        late: list[float] = []
        waiting: list[int] = []
        # As the command does once it serves (`cli`).
        gc.collect()
        gc.freeze()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run, recorder)
            nursery.start_soon(_probe, late)
            nursery.start_soon(_sample, lambda: recorder.statistics().waiting_rows, waiting)
            await trio.sleep(_WARM_UP_SECONDS)
            late.clear()
            waiting.clear()
            began, written = time.perf_counter(), recorder.statistics().written_rows
            behind = await _play(scene, objects, recorder, seconds)
            took, rows = time.perf_counter() - began, recorder.statistics().written_rows - written
            measured, sampled = sorted(late), list(waiting)
            await recorder.aclose()
            nursery.cancel_scope.cancel()
    third = len(sampled) // 3
    return Recording(
        scene=scene.name,
        taken=scene.sightings_a_second * seconds / took,
        rows=rows / took,
        median=statistics.median(measured) * 1000,
        p99=measured[math.floor(len(measured) * 0.99)] * 1000,
        worst=measured[-1] * 1000,
        waiting=(max(sampled[third : 2 * third]), max(sampled[2 * third :])),
        lost_pace=behind,
    )


async def _play(scene: Scene, objects: list[int], recorder: Recorder, seconds: float) -> float:
    """Every camera's frames at their time, as the hub would tell of them; how late the last one was."""
    cameras = [scene.frames_of(camera, objects) for camera in range(scene.cameras)]
    turn = random.Random(1).sample(range(scene.cameras), scene.cameras)  # noqa: S311 - no secret
    began = trio.current_time()
    interval = 1 / (scene.frames * scene.cameras)
    for number in range(int(seconds * scene.frames * scene.cameras)):
        due = began + number * interval
        if due > trio.current_time():
            await trio.sleep_until(due)
        camera = turn[number % scene.cameras]
        recorder.sighted(f"camera {camera:03}", time.time(), *next(cameras[camera]))
    return trio.current_time() - due


async def _run(recorder: Recorder) -> None:
    await recorder.run()


async def _probe(late: list[float]) -> None:
    while True:
        due = trio.current_time() + _PROBE_SECONDS
        await trio.sleep_until(due)
        late.append(trio.current_time() - due)


async def _sample(value: Callable[[], int], samples: list[int]) -> None:
    while True:
        samples.append(value())
        await trio.sleep(0.1)
