"""The eight cameras and their one world, on Trio: each speaks through the SDK as a real processor does."""

import itertools
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final

import trio

from trio_orchestrator.client import (
    BoundingBoxes,
    Box,
    Client,
    OrchestratorError,
    Processor,
    open_client,
    open_processor,
)

from .tracker import Answer, Tracker
from .views import VIEWS
from .world import World

FRAMES_PER_SECOND: Final = 10
_WARM_UP: Final = 60.0
"""Seconds that people have walked before anybody looks."""


class Quarter:
    """World and trackers, which go on together.

    Args:
        people: how many walk there.
        seed: the same one is the same day, frame by frame.
        errors: of the trackers, from 0 to 1.
    """

    def __init__(self, people: int, seed: int, errors: float) -> None:
        self.trackers = [Tracker(view, people, seed, errors) for view in VIEWS]
        self._world = World(people, seed)
        self._world.advance(_WARM_UP)
        self._frame = 0

    def step(self) -> Iterator[tuple[Tracker, float, list[Box], list[Answer]]]:
        """The next frame of each camera: its id, its boxes, and what else is to be said."""
        at = self._frame / FRAMES_PER_SECOND
        for tracker in self.trackers:
            yield tracker, at, tracker.see(at, self._world.walkers), tracker.look_for_wanted()
        self._world.advance(1 / FRAMES_PER_SECOND)
        self._frame += 1


async def run_cameras(url: str, quarter: Quarter) -> None:
    """Be all cameras of `quarter` at the server `url`, until cancelled."""
    async with AsyncExitStack() as stack:
        cameras = [
            (tracker, await stack.enter_async_context(open_processor(url, tracker.camera_id)))
            for tracker in quarter.trackers
        ]
        async with trio.open_nursery() as nursery:
            for tracker, processor in cameras:
                nursery.start_soon(_obey, processor, tracker)
            for _, processor in cameras:
                await processor.wait_connected()
            await _send_frames(quarter, {tracker.camera_id: processor for tracker, processor in cameras})


async def _send_frames(quarter: Quarter, processors: dict[str, Processor]) -> None:
    began = trio.current_time()
    for frame in itertools.count():
        await trio.sleep_until(began + frame / FRAMES_PER_SECOND)
        for tracker, at, boxes, answers in quarter.step():
            processors[tracker.camera_id].send_boxes(at, boxes)
            _answer(processors[tracker.camera_id], answers)


async def _obey(processor: Processor, tracker: Tracker) -> None:
    async for command in processor:
        _answer(processor, tracker.obey(command))


def _answer(processor: Processor, answers: list[Answer]) -> None:
    for answer in answers:
        processor.send_feature_map(answer.object_id, answer.look)


async def start_some(url: str, count: int, seed: int) -> None:
    """Be an operator who has `count` people tracked, one on each of as many cameras (no more than there are)."""
    count = min(count, len(VIEWS))
    source = random.Random(seed)  # noqa: S311 - whom to click on, guards nothing
    cameras: set[str] = set()
    async with open_client(url) as client:
        while len(cameras) < count:
            frame = await _next_frame(client)
            if frame.camera_id in cameras:
                continue
            try:
                box = source.choice(frame.boxes)
                await client.start(frame.camera_id, frame_id=frame.frame_id, box_id=box.box_id)
            except OrchestratorError:
                continue  # the camera went away meanwhile
            cameras.add(frame.camera_id)


async def _next_frame(client: Client) -> BoundingBoxes:
    async for event in client:
        if isinstance(event, BoundingBoxes) and event.boxes:
            return event
    raise EOFError("the connection is over for good")
