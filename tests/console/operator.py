"""What an operator does at the console, and what the server says of it to somebody else."""

import contextlib
import json
import time
from typing import Any, Final

import httpx
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from websockets.sync.client import ClientConnection, connect

from tests.e2e.running import Urls

from .browser import SECONDS, Browser

_PIXEL: Final = """
const tile = [...document.querySelectorAll('.tile')].find((each) => each.dataset.camera === arguments[0]);
const canvas = tile.querySelector('canvas');
// A copy: Chromium would say that the page reads its own canvas too often.
const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
copy.drawImage(canvas, 0, 0);
const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
const [red, green, blue] = arguments[1];
let count = 0;
for (let i = 0; i < data.length; i += 4) {
  if (data[i] === red && data[i + 1] === green && data[i + 2] === blue && data[i + 3] === 255) count += 1;
}
return count;
"""

_PLACE: Final = """
const element = document.querySelector(arguments[0]);
element.scrollIntoView({ block: 'center' });
const { x, y, width, height } = element.getBoundingClientRect();
return [x, y, width, height];
"""


class Operator:
    """Somebody with a browser, who also knows what goes over the wire.

    Args:
        browser: the window.
        urls: where the server is.
    """

    def __init__(self, browser: Browser, urls: Urls) -> None:
        self.browser = browser
        self.urls = urls

    def open(self, view: str = "wall") -> None:
        """Open the console anew."""
        self.browser.open("about:blank")
        self.browser.open(f"{self.urls.plain}/#{view}")
        self.browser.until_text(".state", "Live")

    def go(self, view: str) -> None:
        """Change to another view by its link."""
        self.browser.click(f'#views a[href^="#{view}"]')
        self.browser.find(f"#{view}")

    def keys(self, *keys: str) -> None:
        """Type."""
        ActionChains(self.browser.driver).send_keys(*keys).perform()

    def boxes(self, camera_id: str) -> list[dict[str, Any]]:
        """What the camera sees now, as soon as that is somebody."""
        deadline = time.monotonic() + SECONDS
        with connect(self.urls.websocket("/client")) as client:
            client.send(json.dumps({"type": "subscribe", "cameraIds": [camera_id]}))
            while time.monotonic() < deadline:
                message = json.loads(client.recv(SECONDS))
                if message["type"] == "boundingBoxes" and message["boxes"] and message["cameraId"] == camera_id:
                    boxes: list[dict[str, Any]] = message["boxes"]
                    return boxes
        raise AssertionError(f"nobody comes past {camera_id}")

    def place_of(self, camera_id: str) -> tuple[float, float, float, float]:
        """Where the camera's stage is in the window, once it can be seen: left, top, width and height."""
        stage = f'.tile[data-camera="{camera_id}"] canvas'
        self.browser.find(stage)
        left, top, width, height = self.browser.run(_PLACE, stage)
        return left, top, width, height

    def click_somebody(self, camera_id: str) -> int:
        """Click on a box in the middle of the camera's tile; the box's id."""
        left, top, width, height = self.place_of(camera_id)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for box in self.boxes(camera_id):
                x1, y1, x2, y2 = box["rect"]
                if x1 > 0.1 and x2 < 0.8 and "objectId" not in box:
                    self.click(left + width * (x1 + x2) / 2, top + height * (y1 + y2) / 2)
                    return int(box["boxId"])
        raise AssertionError(f"nobody comes to the middle of {camera_id}")

    def click(self, x: float, y: float) -> None:
        """Press and release the mouse there."""
        at = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, **at})

    def track_somebody(self, camera_id: str) -> int:
        """Click, again where one was too slow and missed, until somebody is tracked; the object's id."""
        before = self.live()
        for _ in range(5):
            self.click_somebody(camera_id)
            with contextlib.suppress(TimeoutException):
                return int(self.browser.until(lambda: max(self.live() - before, default=0), "nobody is tracked", 3))
        raise AssertionError("nobody is tracked")

    def start(self, camera_id: str, *, image: str) -> int:
        """Let somebody else start tracking by an image."""
        with connect(self.urls.websocket("/client")) as client:
            return _asked(client, {"type": "start", "cameraId": camera_id, "image": image})

    def let_erase(self, object_id: int) -> None:
        """Let somebody else erase an object."""
        httpx.delete(f"{self.urls.plain}/objects/{object_id}").raise_for_status()

    def live(self) -> set[int]:
        """The objects that the server tracks."""
        with connect(self.urls.websocket("/client")) as client:
            return _live(client)

    def pixels(self, camera_id: str, colour: str) -> int:
        """How many pixels of the camera's stage have exactly that colour, `#rrggbb`."""
        return int(self.browser.run(_PIXEL, camera_id, [int(colour[i : i + 2], 16) for i in (1, 3, 5)]))

    def leave(self) -> None:
        """Stop tracking everybody, and close the page."""
        with connect(self.urls.websocket("/client")) as client:
            for object_id in _live(client):
                _asked(client, {"type": "stop", "objectId": object_id})
        self.browser.open("about:blank")


def _live(client: ClientConnection) -> set[int]:
    client.send('{"type":"hello","features":["tracking"]}')
    return {each["objectId"] for each in _next(client, "tracked")["objects"]}


def _asked(client: ClientConnection, message: dict[str, Any]) -> int:
    client.send(json.dumps({**message, "requestId": "asked"}))
    return int(_next(client, "accepted")["objectId"])


def _next(client: ClientConnection, kind: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        message: dict[str, Any] = json.loads(client.recv(SECONDS))
        if message["type"] == kind:
            return message
    raise AssertionError(f"no {kind}")
