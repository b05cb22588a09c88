"""What can be said of looks: contrast, small windows, and pictures for the documentation.

`SCREENSHOTS=1` writes the pictures to docs/screenshots.
"""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .browser import Browser
from .operator import Operator
from .test_wall import png

SHOWN: Final = {"wall-dark", "objects-light", "timeline-dark", "wall-phone", "timeline-phone"}
"""The pictures that the documentation has."""

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"

# Texts whose contrast with what lies behind them is below AA (WCAG 2.2, 1.4.3).
_FAINT: Final = """
const parse = (colour) => {
  const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
  return { parts: [red, green, blue].map((part) => part / 255), alpha };
};
const luminance = ({ parts }) => {
  const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = parse(getComputedStyle(each).backgroundColor);
    if (colour.alpha === 1) return colour;
  }
  return parse('rgb(255, 255, 255)');
};
const faint = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !element.checkVisibility({ visibilityProperty: true }) || element.closest(':disabled')) continue;
  const style = getComputedStyle(element);
  const isSvg = element instanceof SVGElement;
  const onBar = isSvg && element.closest('.bar');
  const behind = onBar ? parse(getComputedStyle(element.previousElementSibling).fill) : ground(element);
  const [dark, light] = [luminance(parse(isSvg ? style.fill : style.color)), luminance(behind)].sort((a, b) => a - b);
  const contrast = (light + 0.05) / (dark + 0.05);
  const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
  if (contrast < least) faint.push(`${element.className} ${element.textContent.slice(0, 20)} ${contrast.toFixed(2)}`);
}
return faint;
"""


_BEYOND_MAIN: Final = "const main = document.querySelector('#main'); return main.scrollWidth - main.clientWidth"


def visit_everything(operator: Operator, see: Callable[[str], None]) -> None:
    """Track three people, one by an image, and `see` each view once there is something in it."""
    browser = operator.browser
    image = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    tracked = [operator.start("gate", image=image), operator.track_somebody("entrance")]
    # Last, as what follows is where this one goes.
    tracked.append(operator.track_somebody("gate"))
    for camera_id in ("hall", "lift"):
        browser.until_text(f'#rail [data-object="{tracked[-1]}"] .where', f"On {camera_id}")
    browser.until(lambda: not browser.all(".notice"))
    see("wall")
    operator.go("objects")
    browser.until_text("#objects .where", "On ")
    see("objects")
    operator.open(f"timeline/{','.join(map(str, tracked))}")
    browser.until_text("#timeline tbody tr", "hall")
    see("timeline")


def test_every_text_can_be_read_and_all_fits_a_phone(operator: Operator) -> None:
    """In one walk, as it takes its time until somebody has been on three cameras."""
    browser = operator.browser
    faint: dict[str, list[str]] = {}
    beyond: dict[str, int] = {}

    def see(view: str) -> None:
        for look in ("dark", "light"):
            browser.look(dark=look == "dark")
            browser.run("document.getAnimations().forEach((each) => each.finish())")  # no colour on its way
            faint[f"{view}, {look}"] = browser.run(_FAINT)
            show(browser, f"{view}-{look}")
        browser.look(dark=True, width=390, height=844)
        browser.until(lambda: browser.run("return innerWidth") == 390)
        beyond[view] = browser.run(_BEYOND_MAIN)
        beyond[f"{view} as a page"] = browser.run("return document.documentElement.scrollWidth - innerWidth")
        show(browser, f"{view}-phone")
        browser.look(dark=True)

    visit_everything(operator, see)
    operator.keys("?")
    browser.find("dialog.help[open]")
    see("help")
    assert not any(faint.values()), faint
    assert set(beyond.values()) == {0}, beyond
    assert (len(faint), len(beyond)) == (8, 8)


def test_nothing_moves_by_itself_for_those_who_do_not_want_it(operator: Operator) -> None:
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    operator.browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    script = """return [...document.querySelectorAll('body, body *')].filter((element) => {
      const style = getComputedStyle(element);
      return style.transitionDuration !== '0s' || style.animationName !== 'none';
    }).length"""
    operator.browser.find('.tile[data-camera="gate"]')
    assert operator.browser.run(script) == 0


def show(browser: Browser, name: str) -> None:
    """Keep a picture, where pictures are wanted."""
    if os.environ.get("SCREENSHOTS") and name in SHOWN:
        FOLDER.mkdir(exist_ok=True)
        browser.driver.save_screenshot(str(FOLDER / f"{name}.png"))
