"""The browsable document of the API. If it failed, whoever builds on the API would have to read JSON, or
the page would need more than the content security policy gives.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.platform import Platform
from tests.browser.test_looks import problems

pytestmark = pytest.mark.browser


def test_every_operation_is_listed_and_opens(platform: Platform, open_context: OpenContext) -> None:
    page = open_context(viewport=DESKTOP).new_page()
    page.goto(f"{platform.url}/api/v1/docs")
    operation = page.locator(".opblock", has_text="/socket-ticket")
    expect(operation).to_be_visible()
    operation.get_by_role("button").first.click()
    expect(operation.get_by_text("For whoever has a session")).to_be_visible()
    assert page.locator(".opblock").count() > 50


def test_the_page_is_dark_where_everything_is(platform: Platform, open_context: OpenContext) -> None:
    """A white page would blind who reads at night; dark text would stay on it as the system changes."""
    page = open_context(viewport=DESKTOP, color_scheme="dark", bypass_csp=True).new_page()
    page.goto(f"{platform.url}/api/v1/docs#/Sessions/session.socket_ticket")
    expect(page.get_by_text("For whoever has a session")).to_be_visible()
    assert max(ground(page)) < 64
    # Other things are Swagger's own, in its light colours too.
    assert [one for one in problems(page) if one.startswith("color-contrast")] == []
    page.emulate_media(color_scheme="light")
    expect(page.locator("html.dark-mode")).to_have_count(0)
    assert min(ground(page)) > 240


def ground(page: Page) -> list[int]:
    """The colour that the whole page lies on."""
    said = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return [int(part) for part in re.findall(r"\d+", said)[:3]]
