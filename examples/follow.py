"""Has the first box that any camera shows tracked, watches that object for ten seconds, and ends the tracking.

python examples/follow.py [ws://localhost:8080]
"""

import sys

import trio

from trio_orchestrator.client import BoundingBoxes, Client, open_client


async def main(url: str) -> None:
    """Be a client of the server at `url`."""
    async with open_client(url) as client:
        frame = await next_frame_with_boxes(client)
        clicked = frame.boxes[0]
        print(f"{frame.camera_id} shows box {clicked.box_id} at {frame.frame_id} s: start")
        object_id = await client.start(frame.camera_id, frame_id=frame.frame_id, box_id=clicked.box_id)
        with trio.move_on_after(10):
            while True:
                frame = await next_frame_with_boxes(client)
                for box in frame.boxes:
                    if box.object_id == object_id:
                        corners = ", ".join(f"{fraction:.2f}" for fraction in box.rect)
                        print(f"{frame.camera_id} sees object {object_id} at {frame.frame_id} s in ({corners})")
        await client.stop(object_id)
        print(f"object {object_id} is no longer tracked")


async def next_frame_with_boxes(client: Client) -> BoundingBoxes:
    """Wait for a camera that sees something."""
    async for event in client:
        if isinstance(event, BoundingBoxes) and event.boxes:
            return event
    raise EOFError("the connection is over for good")


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "ws://localhost:8080")
    except* KeyboardInterrupt:
        pass
