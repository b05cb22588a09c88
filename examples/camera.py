"""A camera: somebody walks through its view again and again, and can be tracked.

python examples/camera.py [ws://localhost:8080]
"""

import itertools
import sys

import trio

from trio_orchestrator.client import Box, Processor, Start, Stop, open_processor


async def main(url: str) -> None:
    """Be the camera `entrance` of the server at `url`."""
    followed: set[int] = set()
    async with open_processor(url, "entrance") as camera, trio.open_nursery() as nursery:
        nursery.start_soon(obey, camera, followed)
        for frame in itertools.count():
            left = frame % 90 / 100
            object_id = max(followed, default=None)
            camera.send_boxes(frame / 10, [Box(1, (left, 0.2, left + 0.1, 0.9), "person", 0.95, object_id)])
            await trio.sleep(0.1)


async def obey(camera: Processor, followed: set[int]) -> None:
    """Whoever is to be found is the one that walks here."""
    async for command in camera:
        if isinstance(command, Start):
            followed.add(command.object_id)
            camera.send_feature_map(command.object_id, [0.6, 0.8])
        elif isinstance(command, Stop):
            followed.discard(command.object_id)


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "ws://localhost:8080")
    except* KeyboardInterrupt:
        pass
