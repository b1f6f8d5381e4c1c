"""Chromium without a window, looking at a stack that the real tool installed."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 60


class Browser:
    """A browser that is logged in to one stack.

    Args:
        driver: The driver of the browser.
        tool: The stack.
        artifacts: Where screenshots go.
    """

    def __init__(
        self, driver: webdriver.Chrome, tool: Any, artifacts: pathlib.Path
    ) -> None:
        self.driver = driver
        self._tool = tool
        self._artifacts = artifacts

    def log_in(self) -> None:
        self.driver.get(self._tool.json("open")["login"])
        self.wait_for("empty", "ready")

    def open(self, query: str) -> None:
        self.driver.get(self._tool.config["url"] + query)
        self.wait_for("ready")

    def wait_for(self, *states: str) -> None:
        self.until(
            lambda: self.run("return document.body?.dataset.state") in states,
            f"the page to be {' or '.join(states)}",
        )

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        waiting = WebDriverWait(self.driver, SECONDS, poll_frequency=0.05)
        return waiting.until(lambda _: condition(), f"waited for {what}")

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def shot(self, name: str) -> None:
        self._artifacts.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(self._artifacts / f"{name}.png"))

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(
            self.run(
                "const root = document.documentElement;"
                "return root.scrollWidth - root.clientWidth"
            )
        )

    def errors(self) -> list[str]:
        """What the console said, a refused policy included.

        That a network interface came or went on this machine is not the page's fault;
        it loads itself again then.
        """
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] in ("SEVERE", "WARNING")
            and "ERR_NETWORK_CHANGED" not in entry["message"]
        ]

    def look(self, width: int, height: int, scheme: str) -> None:
        """Set the size of the window, and what the system prefers."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )


@pytest.fixture(scope="module")
def browser(
    shared_stack: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A browser that is logged in to the stack of this file."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver_path = shutil.which("chromedriver")
    if not chromium or not driver_path:
        missing = "Chromium and chromedriver are needed to look at the page."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    options = Options()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1400,1000",
        # Only the stack is reachable: whatever the page asks for elsewhere fails.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    folder = os.environ.get("MULTIMETER_TEST_ARTIFACTS")
    artifacts = pathlib.Path(folder) if folder else tmp_path_factory.mktemp("screenshots")
    browser = Browser(driver, shared_stack, artifacts)
    try:
        browser.log_in()
        yield browser
    finally:
        driver.quit()
