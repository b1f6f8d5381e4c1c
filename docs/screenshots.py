"""Take the pictures of the documentation: every view, dark, light and as on a phone.

``python docs/screenshots.py`` writes ``docs/images/*.png`` and ``docs/page.png`` anew. It
needs ``pip install -e '.[test]'``, Chromium and chromedriver, and takes a minute: it
installs an embedded stack in a temporary home, fills it with runs and logged values, runs
the demonstration, looks at each view, and removes everything again.
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from multimeter import InfluxDBStorage, ResourceProbe, Result
from multimeter.loggers import ContinuousLogger
from multimeter.visualization.config import read_config
from multimeter.visualization.engines.base import write_lines

DOCS = pathlib.Path(__file__).parent
IMAGES = DOCS / "images"
VISU = str(pathlib.Path(sys.executable).with_name("multimeter-visu"))
S = 10**9
HOUR = 3_600
SECONDS_TO_DRAW = 60
LOOKS = {
    "light": (1280, 860, "light"),
    "dark": (1280, 860, "dark"),
    "phone": (390, 844, "light"),
}
"""Width and height of the window in pixels, and the colours."""

LAB = ["lab_pressure", "lab_temperature", "lab_flow"]
VIEWS = {
    "login": "/login",
    "overview": "/",
    "run": "/?run=training",
    "compare": "/compare?" + urlencode([("run", f"sweep-{n}") for n in (1, 2, 3)]),
    "logs": "/logs?" + urlencode([("codename", name) for name in LAB]),
    "health": "/status",
}
"""The views by their addresses; all but the first with a login."""


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, stack(pathlib.Path(home)) as config_file:
        fill(config_file)
        with going_on(config_file), browser() as driver:
            for name, (width, height, scheme) in LOOKS.items():
                look(driver, width, height, scheme)
                take(driver, config_file, name)
            look(driver, 1280, 920, "light")
            show(driver, config_file, VIEWS["run"])
            save(driver, DOCS / "page.png")


@contextmanager
def stack(home: pathlib.Path) -> Iterator[pathlib.Path]:
    """Install an embedded stack, and remove it in the end."""
    config_file = home / "visu.config.json"
    tool(config_file, "install", "--engine", "embedded", "--port", "0")
    try:
        yield config_file
    finally:
        tool(config_file, "remove", "--yes")


def tool(config_file: pathlib.Path, *words: str) -> str:
    """Run ``multimeter-visu`` and return what it prints."""
    command = [VISU, *words, "--config", str(config_file)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


def fill(config_file: pathlib.Path) -> None:
    """Bring runs, logged values and a dashboard into the stack."""
    store_runs(config_file)
    log_values(config_file)
    tell_health(config_file)
    tool(config_file, "dashboard", "add", str(DOCS / "example-dashboard.toml"))
    for number, seconds in enumerate((6, 8, 7), 1):
        tool(config_file, "demo", f"sweep-{number}", "--seconds", str(seconds))
    tool(config_file, "demo", "training", "--no-browser")


def store_runs(config_file: pathlib.Path) -> None:
    """Store runs of the last days, of different lengths and sizes."""
    chance = random.Random(3)  # noqa: S311 - just data
    storage = InfluxDBStorage.from_stack(config_file, live=False)
    for number in range(18):
        name, host = chance.choice(["nightly", "import", "render"]), chance.choice("abc")
        tags = {"host": f"node-{host}", "branch": chance.choice(["main", "next"])}
        result = Result(ResourceProbe(), identifier=f"{name}-{118 + number}", tags=tags)
        start = time.time_ns() - (18 - number) * 5 * HOUR * S
        seconds, size = chance.randrange(40, 900), chance.randrange(60, 2_000) * 1024
        for second in range(seconds):
            wave = math.sin(second / 20 + number)
            result.append(
                start + second * S,
                {
                    "process.cpu_rate_user": max(0.0, 0.6 + 0.4 * wave),
                    "process.cpu_rate_system": 0.05,
                    "process.memory_rss_max": size * min(1.0, 0.3 + second / 60),
                },
            )
        storage.store(result)
    storage.close()
    store_crash(config_file)


def store_crash(config_file: pathlib.Path) -> None:
    """Store a run whose program has stopped without a word."""
    start = time.time_ns() - 90 * 60 * S
    points = (
        f"import-136,branch=next,host=node-b process.cpu_rate_user=0.7,"
        f"process.cpu_rate_system=0.1,process.memory_rss_max={90_000 + 9_000 * n}"
        f" {start + n * S}"
        for n in range(140)
    )
    entry = (
        'multimeter_runs,measurement=import-136 identifier="import-136",state="running",'
        f"start={start}i,alive_until={start + 200 * S}i {start}"
    )
    write_lines(read_config(config_file), "\n".join((entry, *points)).encode())


def log_values(config_file: pathlib.Path) -> None:
    """Log the last hour of a laboratory, with a time in which nothing came."""
    logger = ContinuousLogger.to_stack(
        LAB,
        config=config_file,
        units={"lab_pressure": "mbar", "lab_temperature": "°C", "lab_flow": "l/min"},
    )
    chance = random.Random(5)  # noqa: S311 - just data
    now = time.time()
    with logger:
        for second in range(0, HOUR, 4):
            if 2_000 < second < 2_300:  # noqa: PLR2004 - the gap
                continue
            moment = now - HOUR + second
            pressure = 900 * math.exp(-second / 300) + 0.02 * chance.uniform(0.8, 1.2)
            heat = 21 + 18 * (1 - math.exp(-second / 900)) + chance.gauss(0, 0.15)
            flow = 4.2 + 0.2 * math.sin(second / 200) + chance.gauss(0, 0.03)
            for name, value in zip(LAB, (pressure, heat, flow)):
                logger.enqueue_point(name, (moment, value))


def tell_health(config_file: pathlib.Path) -> None:
    """Say what a logger has delivered in five hours, with a trouble of half an hour."""
    url = read_config(config_file).url
    tags = f"program=rig.py,host=lab,delivery=4711.1,sink=InfluxDB\\ at\\ {url}"
    now, minutes = time.time_ns(), 300
    lines = []
    for minute in range(minutes):
        accepted, away = 150 * minute, max(0, min(minute - 180, 30))
        queued = 150 * away if 0 < away < 30 else 0  # noqa: PLR2004 - then it is back
        lines.append(
            f"multimeter_health,{tags} accepted={accepted}i,delivered={accepted - queued}i,"
            f"queued={queued}i,retries={4 * away}i,rejected=0i,dropped=0i,left_out=0i,"
            f"resumed=0i,closed=false"
            f" {now - (minutes - minute) * 60 * S}"
        )
    write_lines(read_config(config_file), "\n".join(lines).encode())


@contextmanager
def going_on(config_file: pathlib.Path) -> Iterator[None]:
    """Have a run that is live meanwhile."""
    command = [VISU, "demo", "sweep-4", "--seconds", "600", "--config", str(config_file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


@contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Start Chromium without a window."""
    options = Options()
    options.binary_location = (
        shutil.which("chromium") or shutil.which("google-chrome") or ""
    )
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def look(driver: webdriver.Chrome, width: int, height: int, scheme: str) -> None:
    """Set the size of the window, and what the system prefers."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    colors = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": colors})


def take(driver: webdriver.Chrome, config_file: pathlib.Path, name: str) -> None:
    """Take a picture of each view as it looks now."""
    driver.delete_all_cookies()
    for view, path in VIEWS.items():
        show(driver, config_file, path)
        save(driver, IMAGES / f"{view}-{name}.png")
    show(driver, config_file, VIEWS["run"])
    # The group that somebody has made stands at the end.
    driver.execute_script("document.querySelector('.group').scrollIntoView()")
    wait_for_panels(driver)
    save(driver, IMAGES / f"dashboard-{name}.png")


def show(driver: webdriver.Chrome, config_file: pathlib.Path, path: str) -> None:
    """Open a view, with a login where it needs one, and wait until it is drawn."""
    url = json.loads(config_file.read_text())["url"]
    if path == "/login":
        driver.get(url + path)
        return
    if not driver.get_cookies():
        driver.get(json.loads(tool(config_file, "open", "--json"))["login"])
    driver.get(url + path)
    wait_for_panels(driver)


def wait_for_panels(driver: webdriver.Chrome) -> None:
    """Wait until all that is in sight is drawn."""
    ready = (
        "return document.body.dataset.state === 'ready' &&"
        " [...document.querySelectorAll('[data-panel]')].every(panel =>"
        " panel.dataset.state === 'ready' ||"
        " panel.getBoundingClientRect().top > innerHeight)"
    )
    WebDriverWait(driver, SECONDS_TO_DRAW).until(lambda _: driver.execute_script(ready))


def save(driver: webdriver.Chrome, file: pathlib.Path) -> None:
    """Save what is seen."""
    driver.save_screenshot(str(file))
    sys.stdout.write(f"{os.path.relpath(file)}  {file.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
