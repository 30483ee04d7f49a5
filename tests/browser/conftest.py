"""A real Chromium for the pages, and what every visit is held to: no script error, nothing that the content
security policy blocks.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser import platform as platform_module

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}

# A module that is there already is not made again: what is awaited is that it has run.
RUN_MODULES = """async () => {
    for (const script of document.querySelectorAll('script[type=module]')) {
        await import(script.src);
    }
}"""

OpenContext = Callable[..., BrowserContext]


def run_modules(page: Page) -> None:
    """Returns when the modules of a page have run. They wait for texts, and the page's load does not wait for
    them: what the server has drawn can be pressed before anything listens.
    """
    page.evaluate(RUN_MODULES)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The machine may be busy with other tests.
        expect.set_options(timeout=20_000)
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_context(browser: Browser) -> Iterator[OpenContext]:
    """Opens contexts, each a buyer of their own; what went wrong in any of their pages fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            troubles.append(message.text)

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", heard)

    def opened(**options: Any) -> BrowserContext:
        context = browser.new_context(
            **{"viewport": PHONE, "locale": "en-GB", "reduced_motion": "reduce", **options}
        )
        context.set_default_timeout(20_000)
        # A page is a dozen requests, and three processes of tests share two cores.
        context.set_default_navigation_timeout(60_000)
        context.on("page", watch)
        contexts.append(context)
        return context

    yield opened
    for context in contexts:
        context.close()
    assert not troubles, troubles


@pytest.fixture(scope="session")
def platform(servers_folder: Path) -> Iterator[platform_module.Platform]:
    """The whole platform, as `make up` starts it."""
    with platform_module.running(servers_folder / "platform") as started:
        yield started
