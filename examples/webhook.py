"""Posts a JSON object to a web address whenever a tracked object comes into the view of a camera.

python examples/webhook.py http://localhost:9000/seen [ws://localhost:8080]
"""

import sys
from http.client import HTTPException
from urllib.request import Request, urlopen

import msgspec
import trio

from trio_orchestrator.client import TrackingChange, open_client


async def main(hook: str, url: str) -> None:
    """Tell `hook` what the server at `url` tells of searches; what waits for a slow hook is kept in order."""
    async with open_client(url, features=["tracking"]) as client:
        client.subscribe([])  # no boxes
        async for event in client:
            if isinstance(event, TrackingChange) and event.state == "seen":
                try:
                    await trio.to_thread.run_sync(post, hook, event)
                except (OSError, HTTPException) as error:
                    print(f"object {event.object_id} on {event.camera_id} was not posted: {error}", file=sys.stderr)


def post(hook: str, change: TrackingChange) -> None:
    """Post one change; raises OSError or HTTPException where the hook does not take it within ten seconds."""
    body = msgspec.json.encode({"objectId": change.object_id, "cameraId": change.camera_id, "at": change.at})
    request = Request(hook, body, {"Content-Type": "application/json"})  # noqa: S310 - the address is the user's own
    with urlopen(request, timeout=10):  # noqa: S310
        pass


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "ws://localhost:8080")
    except* KeyboardInterrupt:
        pass
