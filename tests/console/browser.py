"""Chromium, as an operator sits before it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

SECONDS: Final = 30.0
"""Whatever the page is to do, it has done by then."""

_SWITCHES: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
    "--lang=en",
)


def missing() -> str | None:
    """What is needed for a browser and is not there; None where all is."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(lacking)} not installed" if lacking else None


class Browser:
    """One window.

    Args:
        driver: what moves it.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)

    def find(self, selector: str) -> WebElement:
        """The first element of `selector`, once it is there and can be seen."""
        found: WebElement = self.until(
            lambda: next((found for found in self.all(selector) if found.is_displayed()), None), f"no {selector}"
        )
        return found

    def all(self, selector: str) -> list[WebElement]:
        """All elements of `selector` that are there now."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def text(self, selector: str) -> str:
        """What stands in the first element of `selector`, seen or not; empty where there is none."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def run(self, script: str, *arguments: object) -> Any:
        """What the function body `script` returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def until(self, told: Any, message: str = "", seconds: float = SECONDS) -> Any:
        """What `told` returns, once that is something."""
        waiting = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        return waiting.until(lambda _driver: told(), message)

    def until_text(self, selector: str, text: str) -> None:
        """Wait until `text` stands in one of the elements of `selector`."""
        script = "return [...document.querySelectorAll(arguments[0])].some(e => e.textContent.includes(arguments[1]))"
        self.until(lambda: self.run(script, selector, text), f"{text!r} does not come in {selector}")

    def complaints(self) -> list[str]:
        """What the browser had to say of the page since it was asked last: errors, and what the policy forbade."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["level"] in {"WARNING", "SEVERE"}]

    def look(self, *, dark: bool, width: int = 1280, height: int = 800) -> None:
        """Be a window of that size, with the operator's taste in colours."""
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]},
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )


@contextmanager
def window(folder: Path, *switches: str, **preferences: object) -> Iterator[Browser]:
    """A browser that has never been used before.

    Args:
        folder: for what it keeps.
        switches: more of Chromium's.
        preferences: its user's.
    """
    options = Options()
    options.add_experimental_option("prefs", preferences)
    options.binary_location = shutil.which("chromium") or ""
    for switch in (*_SWITCHES, *switches, f"--user-data-dir={folder}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver"), env={**os.environ, "TZ": "UTC"}))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
