"""A few cameras that one group of people walks past, one camera after the other, through the SDK.

As the replayed recordings cannot: somebody who is tracked on one camera is known on the next.
"""

import math
import threading
from collections.abc import Sequence
from typing import Final

import trio

from trio_orchestrator.client import Box, Processor, Start, Stop, open_processor

FRAMES_A_SECOND: Final = 12
_STAY: Final = 4.0  # seconds on each camera
_WALK: Final = 0.8  # seconds between two


class Scene:
    """Cameras in a thread of their own, from the first `with` to its end.

    Args:
        url: the server, `ws://HOST:PORT`.
        cameras: their ids, in the order in which one walks past them.
        people: how many walk.
        token: what the cameras authenticate with.
    """

    def __init__(self, url: str, cameras: Sequence[str], people: int = 3, token: str | None = None) -> None:
        self._url = url
        self._cameras = cameras
        self._people = people
        self._token = token
        self._objects: dict[int, int] = {}
        self._thread = threading.Thread(target=trio.run, args=(self._run,), name="scene")
        self._started = threading.Event()

    def __enter__(self) -> "Scene":
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._trio.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        self._trio = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self._nursery:
            for index, camera_id in enumerate(self._cameras):
                self._nursery.start_soon(self._film, camera_id, index)
            self._started.set()

    async def _film(self, camera_id: str, index: int) -> None:
        async with open_processor(self._url, camera_id, self._token) as camera, trio.open_nursery() as nursery:
            nursery.start_soon(self._obey, camera)
            beginning = trio.current_time()
            for number in range(10**9):
                at = number / FRAMES_A_SECOND
                await trio.sleep_until(beginning + at)
                camera.send_boxes(at, self._boxes(index, trio.current_time()))

    def _boxes(self, index: int, at: float) -> list[Box]:
        marks = {person: object_id for object_id, person in sorted(self._objects.items())}
        boxes = []
        for person in range(self._people):
            turn = (at + person * 1.7) / (_STAY + _WALK)
            passed = (turn % 1) * (_STAY + _WALK) / _STAY
            if int(turn + person) % len(self._cameras) == index and passed <= 1:
                boxes.append(_box(person + 1, passed, marks.get(person + 1)))
        return boxes

    async def _obey(self, camera: Processor) -> None:
        async for command in camera:
            if isinstance(command, Start):
                # One who is looked for by an image alone is the first.
                self._objects[command.object_id] = command.box_id if isinstance(command.box_id, int) else 1
                camera.send_feature_map(command.object_id, [1.0, 2.0])
            elif isinstance(command, Stop):
                self._objects.pop(command.object_id, None)


def _box(person: int, passed: float, object_id: int | None) -> Box:
    depth = 0.5 + 0.12 * person
    height = 0.5 * depth
    x = 0.05 + 0.78 * passed
    foot = 0.5 + 0.35 * depth + 0.06 * math.sin(3 * passed + person)
    rect = (round(x, 4), round(foot - height, 4), round(x + 0.28 * height, 4), round(foot, 4))
    return Box(person, rect, "person", round(0.88 + 0.03 * person, 2), object_id)
