"""The wall in a real browser: tiles, boxes, and whom a click or a key or an image starts a search for."""

import base64
import re
import struct
import zlib

from selenium.webdriver.common.keys import Keys

from tests.e2e.peers import processor

from .browser import Browser
from .operator import Operator
from .scene import FRAMES_A_SECOND

ORANGE, SKY = "#e69f00", "#56b4e9"
COLOURS = [ORANGE, SKY, "#2ec49a", "#f0e442", "#ff8a57", "#e38fc1", "#a9b1ff", "#d5dbe3"]
DROP = """
const [camera, name, kind, encoded] = arguments;
const bytes = encoded === null ? new Uint8Array(7000001) : Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], name, { type: kind }));
const stage = document.querySelector(`.tile[data-camera="${camera}"] .stage`);
for (const event of ['dragover', 'drop']) {
  stage.dispatchEvent(new DragEvent(event, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}
"""


def png() -> bytes:
    """A small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((40 + 4 * y, 110, 200 - 3 * y)) * 24 for y in range(32))
    head = chunk(b"IHDR", struct.pack(">2I5B", 24, 32, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiles(browser: Browser) -> list[str]:
    names: list[str] = browser.run("return [...document.querySelectorAll('.tile')].map((tile) => tile.dataset.camera)")
    return names


def rate(browser: Browser, camera: str) -> float:
    """The frames a second that the camera's tile tells; nought where it tells none."""
    found = re.fullmatch(r"(\d\d|\d\.\d) fps", browser.text(f'.tile[data-camera="{camera}"] .rate'))
    return float(found[1]) if found else 0.0


def test_a_tile_appears_for_each_camera_with_its_frames_a_second(operator: Operator) -> None:
    browser = operator.browser
    browser.until(lambda: tiles(browser) == ["corridor", "entrance", "gate", "hall", "lift", "platform"])
    browser.until(lambda: abs(rate(browser, "gate") - FRAMES_A_SECOND) < 2)
    browser.until(lambda: abs(rate(browser, "entrance") - 5) < 2)
    assert browser.text(".summary") == "6 of 6 cameras online"


def test_cameras_are_found_by_their_names(operator: Operator) -> None:
    browser = operator.browser
    browser.find('.tile[data-camera="platform"]')
    browser.find("#wall-view input[type=search]").send_keys("LI")
    browser.until(lambda: tiles(browser) == ["lift"])


def test_a_click_on_a_box_of_a_replayed_camera_starts_a_search_and_shows_it_in_its_colour(operator: Operator) -> None:
    object_id = operator.track_somebody("entrance")
    operator.browser.until_text("#notices", f"Tracking object {object_id}, started on entrance.")
    operator.browser.until_text('.tile[data-camera="entrance"] .chip', f"#{object_id}")
    colour = COLOURS[(object_id - 1) % len(COLOURS)]
    operator.browser.until(lambda: operator.pixels("entrance", colour) > 50, "its box is not drawn in its colour")
    assert operator.pixels("corridor", colour) == 0
    operator.browser.until_text(f'#rail [data-object="{object_id}"] .where', "On entrance")


def test_whoever_is_tracked_has_the_same_colour_on_the_next_camera(operator: Operator) -> None:
    object_id = operator.track_somebody("gate")
    colour = COLOURS[(object_id - 1) % len(COLOURS)]
    for camera_id in ("hall", "lift"):
        operator.browser.until(lambda camera=camera_id: operator.pixels(camera, colour) > 50, f"not on {camera_id}")


def test_all_of_it_goes_with_the_keyboard_alone(operator: Operator) -> None:
    browser = operator.browser
    browser.find('.tile[data-camera="platform"]')
    browser.until_text('.tile[data-camera="entrance"] .rate', "fps")
    # From the search to the first tile, and on to the second.
    browser.run("document.querySelector('#wall-view .segments button:last-child').focus()")
    operator.keys(Keys.TAB)
    active = "return document.activeElement.dataset.camera ?? ''"
    assert browser.run(active) == "corridor"
    operator.keys(Keys.ARROW_RIGHT)
    assert browser.run(active) == "entrance"
    browser.until(lambda: operator.boxes("entrance"))
    operator.keys(Keys.ENTER)
    browser.until_text("#announcer", "Box 1 of")
    operator.keys(Keys.ENTER)
    object_id = browser.until(lambda: max(operator.live(), default=0), "nobody is tracked")
    # It can be stopped as soon as it is shown as tracked.
    browser.until(lambda: operator.pixels("entrance", COLOURS[(object_id - 1) % len(COLOURS)]) > 50)
    operator.keys("s")
    browser.until(lambda: not operator.live(), "it is still tracked")
    operator.keys(Keys.ESCAPE, "2")
    browser.find("#objects")
    operator.keys("?")
    browser.find("dialog.help[open]")
    operator.keys(Keys.ESCAPE)
    browser.until(lambda: not browser.all("dialog.help"))


def test_an_image_that_is_dropped_on_a_camera_starts_a_search(operator: Operator) -> None:
    browser = operator.browser
    browser.find('.tile[data-camera="hall"]')
    browser.run(DROP, "hall", "somebody.png", "image/png", base64.b64encode(png()).decode())
    object_id = browser.until(lambda: max(operator.live(), default=0), "nobody is tracked")
    image = browser.find(f'#rail [data-object="{object_id}"] img')
    assert (image.get_attribute("src") or "").startswith("data:image/png;base64,")
    browser.until(lambda: browser.run("return arguments[0].naturalWidth", image) == 24)


def test_what_is_no_image_or_too_large_is_not_sent(operator: Operator) -> None:
    browser = operator.browser
    browser.find('.tile[data-camera="hall"]')
    browser.run(DROP, "hall", "page.svg", "image/svg+xml", base64.b64encode(b"<svg/>").decode())
    browser.until_text("#notices", "“page.svg” is no PNG, JPEG, WebP or GIF image.")
    browser.run(DROP, "hall", "huge.png", "image/png", None)
    browser.until_text("#notices", "“huge.png” has 7.0 MB; images may have up to 7.0 MB.")
    assert operator.live() == set()


def test_boxes_of_cameras_that_are_not_looked_at_are_not_asked_for(operator: Operator) -> None:
    browser = operator.browser
    browser.until(lambda: rate(browser, "gate") > 0)
    browser.run(
        """window.asked = [];
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
          const message = JSON.parse(text);
          if (message.type === "subscribe") window.asked.push(message.cameraIds);
          return send.call(this, text);
        };"""
    )
    operator.go("objects")
    assert browser.until(lambda: browser.run("return window.asked")) == [[]]
    operator.go("wall")
    browser.until(lambda: browser.run("return window.asked.at(-1)") is None)
    browser.until(lambda: rate(browser, "gate") > 0)


def test_a_box_without_an_id_is_not_tracked_and_keeps_none_from_being(operator: Operator) -> None:
    browser = operator.browser
    with processor(operator.urls, "yard") as camera:
        left, top, width, height = operator.place_of("yard")

        def show_and_click(**box: object) -> None:
            camera.say("boundingBoxes", frameId=1.5, boxes=[{"rect": [0.2, 0.2, 0.8, 0.8], **box}])
            operator.click(left + width / 2, top + height / 2)

        def is_told() -> bool:
            show_and_click()
            return "Nothing is tracked from yard: the camera gave this box no id." in browser.text("#notices")

        browser.until(is_told, "why nothing is tracked is not told")
        assert operator.live() == set()

        def is_tracked() -> bool:
            show_and_click(boxId=3)
            return bool(operator.live())

        browser.until(is_tracked, "nothing is tracked from that camera any more")
        assert "not understand" not in browser.text("#notices")
