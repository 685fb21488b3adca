"""Headless Chromium for tests of web pages, and an account of what went on behind a page while it was used.

Driven by Playwright (playwright.dev/python/docs/library), with the Chromium of this machine: nothing is downloaded. It
resolves no host name (`--host-resolver-rules`, Chromium's `net/dns/mapped_host_resolver.h`), so whatever a page asks of
another host fails the same way on every machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, Response, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""What Chromium is called by distributions."""
LOOPBACK = "127.0.0.1"
WITHIN_MS = 30_000
"""What is to come onto a page comes within this time, on a busy machine too."""
SIZE = (1280, 800)
"""Of the window, in pixels."""
SCREENSHOTS = "PREFMILL_SCREENSHOTS"
"""Environment variable: the folder that screenshots are written to. None are where it is not set."""


@dataclass
class Visit:
    """A page, and what went on behind it and behind whatever it opened."""

    page: Page
    home: str
    """What addresses of its own begin with."""
    outside: list[str] = field(default_factory=list)
    """Addresses of other hosts that were asked for anything."""
    failed: list[str] = field(default_factory=list)
    """Requests to its own that failed, with the reason or the status."""
    complaints: list[str] = field(default_factory=list)
    """Errors that no code caught, and errors on the console but for those about `outside`."""

    def screenshot(self, name: str) -> None:
        """Write what is on the screen, where screenshots are wanted."""
        if folder := os.environ.get(SCREENSHOTS):
            self.page.mouse.move(0, 0)  # No tooltip on it.
            self.page.screenshot(path=Path(folder) / name, animations="disabled", caret="hide")

    def asked(self, request: Request) -> None:
        """Keep a request to another host."""
        if not self._own(request.url):
            self.outside.append(request.url)

    def broke(self, request: Request) -> None:
        """Keep a request of its own that got no reply."""
        if self._own(request.url):
            self.failed.append(f"{request.method} {request.url}: {request.failure}")

    def answered(self, response: Response) -> None:
        """Keep a request that was refused."""
        if response.status >= 400:
            self.failed.append(f"{response.request.method} {response.url}: {response.status}")

    def said(self, message: ConsoleMessage) -> None:
        """Keep an error on the console."""
        where = message.location["url"]
        if message.type == "error" and (not where or self._own(where)):
            self.complaints.append(f"{where}: {message.text}")

    def _own(self, url: str) -> bool:
        return url.startswith((self.home, "data:", "blob:", "about:"))


def chromium() -> str | None:
    """The program: what the environment variable CHROMIUM names, or the first of `NAMES` on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def visit(home: str) -> Iterator[Visit]:
    """A window that is open as long as the block, on nothing yet; the test is skipped where there is no Chromium.

    Playwright's event loop runs inside the block: what calls `asyncio.run` has to stand outside.
    """
    program = chromium()
    if program is None:
        pytest.skip(f"no Chromium: CHROMIUM names none, and none of {', '.join(NAMES)} is on the path")
    rules = f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {LOOPBACK}"
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        # Chromium refuses to run in its sandbox as root.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.geteuid() != 0, args=[rules])
        width, height = SIZE
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
        opened = Visit(context.new_page(), home)
        context.on("request", opened.asked)
        context.on("requestfailed", opened.broke)
        context.on("response", opened.answered)
        context.on("console", opened.said)
        context.on("weberror", lambda error: opened.complaints.append(str(error.error)))
        try:
            yield opened
        finally:
            browser.close()
