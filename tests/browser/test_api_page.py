"""The browsable document of the API. If it failed, whoever builds on the API would have to read JSON, or
the page would need more than the content security policy gives.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.platform import Platform

pytestmark = pytest.mark.browser


def test_every_operation_is_listed_and_opens(platform: Platform, open_context: OpenContext) -> None:
    page = open_context(viewport=DESKTOP).new_page()
    page.goto(f"{platform.url}/api/v1/docs")
    operation = page.locator(".opblock", has_text="/socket-ticket")
    expect(operation).to_be_visible()
    operation.get_by_role("button").first.click()
    expect(operation.get_by_text("For whoever has a session")).to_be_visible()
    assert page.locator(".opblock").count() > 50
