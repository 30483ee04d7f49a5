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


def test_every_operation_is_listed_and_opens_in_the_dark_as_well(
    platform: Platform, open_context: OpenContext
) -> None:
    """A white page would blind who reads at night; dark text would stay on it as the system changes.

    It is one test: no page takes as long to open.
    """
    page = open_context(viewport=DESKTOP, color_scheme="dark").new_page()
    page.goto(f"{platform.url}/api/v1/docs#/Sessions/session.socket_ticket")
    operation = page.locator(".opblock", has_text="/socket-ticket")
    described = operation.get_by_text("For whoever has a session")
    # By the address, and by hand. On a busy machine the page is drawn for half a minute.
    expect(described).to_be_visible(timeout=60_000)
    for is_open in (False, True):
        operation.get_by_role("button").first.click()
        expect(described).to_be_visible(visible=is_open)
    assert page.locator(".opblock").count() > 50
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
