"""A camera: somebody walks through its view again and again, and can be tracked.

python examples/camera.py [ws://localhost:8080]
"""

import itertools
import sys

import trio

from trio_orchestrator.client import Box, Connected, FeatureMap, Processor, Start, Stop, open_processor

LOOK = [0.6, 0.8]


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
    """Whoever is to be found is the one that walks here, and so is whoever looks like them."""
    started: set[int] = set()
    async for command in camera:
        match command:
            case Connected():
                followed.clear()  # whoever is still tracked is said again
            case Start(object_id=object_id):
                started.add(object_id)
                camera.send_feature_map(object_id, LOOK)
            case FeatureMap(object_id=object_id, feature_map=look) if look == LOOK:
                followed.add(object_id)  # the answer to what was sent, on this connection or an earlier one
            case FeatureMap(object_id=object_id) if command.is_empty and object_id in started:
                camera.send_feature_map(object_id, LOOK)  # it was lost on its way
            case Stop(object_id=object_id):
                started.discard(object_id)
                followed.discard(object_id)


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "ws://localhost:8080")
    except* KeyboardInterrupt:
        pass
