"""A real headless Chromium, where there is one."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from cli.platform import LocalPlatform

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--window-size=1400,1000",
)  # fmt: skip
SECONDS = 30.0


class Browser:
    def __init__(self, driver: Chrome, pictures: Path) -> None:
        self.driver = driver
        self._pictures = pictures

    def open(self, url: str, login: tuple[str, str] | None = None) -> None:
        if login:
            url = url.replace("://", f"://{login[0]}:{login[1]}@", 1)
        self.driver.get(url)

    def see_at(self, url: str, text: str, login: tuple[str, str]) -> None:
        """Open the address, again and again, until the page shows the text."""

        def shown(_: Chrome) -> bool:
            self.open(url, login)
            return text in self.text

        self._wait(shown, f"{url} does not show `{text}`")

    def see(self, text: str) -> None:
        """Wait until the page shows the text."""
        self._wait(lambda _: text in self.text, f"the page does not show `{text}`")

    def find(self, selector: str) -> WebElement:
        """Wait for the element, then bring it into sight."""
        self._wait(lambda driver: driver.find_elements(By.CSS_SELECTOR, selector), f"the page has no `{selector}`")
        element: WebElement = self.driver.find_element(By.CSS_SELECTOR, selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        return element

    def has(self, selector: str) -> bool:
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    @property
    def text(self) -> str:
        return self.driver.find_element(By.TAG_NAME, "body").text

    def picture(self, name: str) -> None:
        """Kept in pytest's temporary folder, for a person to look at."""
        self.driver.save_screenshot(str(self._pictures / f"{name}.png"))

    def requested_hosts(self) -> set[str]:
        """The hosts of everything the browser has asked for since this was last called."""
        sent = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"]
        return {urlsplit(url).hostname or "" for url in urls if url.startswith("http")}

    def complaints(self) -> list[str]:
        """What the console holds against the page: broken scripts, refused sources, missing files."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] == "SEVERE"]

    def _log(self, name: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(name)  # type: ignore[no-untyped-call]
        return entries

    def _wait(self, condition: Any, message: str) -> None:
        WebDriverWait(self.driver, SECONDS, poll_frequency=0.2).until(condition, message)


@pytest.fixture(scope="session")
def flower(workers: LocalPlatform) -> LocalPlatform:
    """The platform with Flower."""
    workers.start_processes(["flower"])
    return workers


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    driver = _start(tmp_path)
    try:
        yield Browser(driver, tmp_path)
    finally:
        driver.quit()


def _start(folder: Path) -> Chrome:
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed (on Debian: apt-get install chromium)")
    control = shutil.which("chromedriver")
    if control is None:
        pytest.skip("no chromedriver is installed (on Debian: apt-get install chromium-driver)")
    options = ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    return Chrome(options=options, service=ChromeService(executable_path=control))
