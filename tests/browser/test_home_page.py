"""Looking for events on the home page, in a real browser. If these failed, somebody would be told that a sale
has opened when it has not, or find what they did not look for.
"""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenContext, run_modules
from tests.browser.platform import Platform

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]

_LISTED = 24


def test_a_countdown_begins_when_its_card_comes(platform: Platform, open_context: OpenContext) -> None:
    """What is looked for later counted from when the page was opened: the sale was said to open too early."""
    platform.add_event({"Chair": 5}, opens_in_ms=3_600_000, city="Jena")
    page = open_context().new_page()
    page.clock.install()
    page.goto(f"{platform.url}/?city=Jena")
    badge = page.locator(".event-card .badge")
    page.clock.run_for(1_100)
    expect(badge).to_have_text(re.compile(r"On sale in 59:\d\d"))
    page.clock.run_for(1_800_000)
    expect(badge).to_have_text(re.compile(r"On sale in (29|30):\d\d"))
    page.get_by_role("link", name="Any time").click()
    expect(badge).not_to_have_text(re.compile("On sale in [23]"))
    page.clock.run_for(1_100)
    expect(badge).to_have_text(re.compile(r"On sale in 59:\d\d"))


def test_what_was_chosen_is_kept_when_words_are_typed(platform: Platform, open_context: OpenContext) -> None:
    platform.add_event({"Chair": 5}, city="Suhl")
    page = open_context().new_page()
    page.goto(f"{platform.url}/?city=Suhl")
    expect(page.locator(".event-card")).to_have_count(1)
    page.get_by_role("link", name="Free", exact=True).click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_label("What", exact=True).fill("Nachtlicht")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page).to_have_url(re.compile("q=Nachtlicht"))
    assert "free=true" in page.url
    assert "city=Suhl" in page.url
    expect(page.locator(".event-card")).to_have_count(0)
    # And taken back again.
    page.get_by_role("link", name="Free", exact=True).click()
    expect(page.locator(".event-card")).to_have_count(1)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".event-card")).to_have_count(1)
    assert "free" not in page.url


def test_more_of_another_list_is_not_put_below_this_one(
    platform: Platform, open_context: OpenContext
) -> None:
    for _ in range(_LISTED + 1):
        platform.add_event({"Chair": 5}, city="Gera")
    page = open_context().new_page()
    page.goto(f"{platform.url}/?city=Gera")
    run_modules(page)
    late: list[Route] = []

    def held_up(route: Route) -> None:
        late.append(route)

    page.route(re.compile("cursor="), held_up)
    page.get_by_role("link", name="Show more events").click()
    page.get_by_label("What", exact=True).fill("nothing of the kind")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_label("What", exact=True).fill("Nachtlicht")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".event-card")).to_have_count(_LISTED)
    with page.expect_response(re.compile("cursor=")):
        late[0].continue_()
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    expect(page.locator(".event-card")).to_have_count(_LISTED)
    expect(page.get_by_role("link", name="Show more events")).to_be_visible()
