"""The course of a sale on the organiser's page, from its first ticket on. If these failed, an organiser who
opens the page would see a sale that seems to begin just then, or one that misses what was sold while their
connection was away.
"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from cluster import processes
from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.platform import EventPage, Platform
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]

HOUR_MS = 3_600_000


def buy(open_context: OpenContext, event: EventPage, count: int) -> None:
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", count)
    buyer.reserve()
    buyer.pay()
    expect(buyer.tickets()).to_have_count(count)


def bars(page: Page) -> Locator:
    return page.get_by_role("img", name="Sold in each").locator(".chart-sold")


def drawn(count: int) -> re.Pattern[str]:
    """How the path of as many bars is written."""
    return re.compile(f"^(M[^M]+){{{count}}}$")


def test_what_was_sold_before_the_page_was_opened_is_seen(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Standing": 50})
    buy(open_context, event, 3)
    platform.make_older(event, 2 * HOUR_MS)
    desk = open_context(viewport=DESKTOP)
    platform.sign_in_owner(desk, event)
    page = desk.new_page()
    page.goto(event.sales_address)
    expect(page.get_by_role("img", name="Sold in each minute since")).to_have_accessible_name(
        re.compile("at most 3, from ")
    )
    expect(bars(page)).to_have_attribute("d", drawn(1))
    expect(page.locator(".chart-axis span")).not_to_have_count(1)
    # None of it was sold within the last minute.
    expect(page.locator(".figure dd")).to_have_text(["3", "0", "47", "0", "0"])
    # What is sold now goes on from there.
    buy(open_context, event, 2)
    expect(bars(page)).to_have_attribute("d", drawn(2))
    expect(page.get_by_role("img", name="Sold and held since")).to_have_accessible_name(
        re.compile("now 5 sold and 0 held")
    )
    # What is sold while the connection is away is where it was sold, and not where it came back.
    desk.set_offline(True)
    expect(page.get_by_text("Connection lost")).to_be_visible()
    buy(open_context, event, 1)
    platform.make_older(event, HOUR_MS)
    # What was counted before is told for a while.
    api = event.sales_address.replace("/organizer/", "/api/v1/organisations/")
    assert processes.wait_until(lambda: sum(desk.request.get(api).json()["whole"]["sold"]) == 6, 20, 0.2)
    desk.set_offline(False)
    expect(page.locator(".figure dd").first).to_have_text("6")
    expect(page.get_by_role("img", name="Sold in each minute since")).to_have_accessible_name(
        re.compile("at most 3, from ")
    )
    page.get_by_role("tab", name="Last ten minutes").click()
    expect(page.get_by_role("img", name="Sold in each 10 seconds since")).to_have_accessible_name(
        re.compile("nothing$")
    )


def test_the_last_minutes_are_seen_closely(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    buy(open_context, event, 2)
    platform.make_older(event, 2 * HOUR_MS)
    buy(open_context, event, 4)
    platform.make_older(event, 30_000)
    desk = open_context(viewport=DESKTOP)
    platform.sign_in_owner(desk, event)
    page = desk.new_page()
    page.goto(event.sales_address)
    expect(bars(page)).to_have_attribute("d", drawn(2))
    # The minute before the page was opened is known, too.
    expect(page.locator(".figure dd").nth(4)).to_have_text("4")
    page.get_by_role("tab", name="Last ten minutes").click()
    expect(bars(page)).to_have_attribute("d", drawn(1))
    expect(page.get_by_role("img", name="Sold in each 10 seconds since")).to_have_accessible_name(
        re.compile("at most 4, from ")
    )


def test_a_past_that_can_not_be_read_is_said_so(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    desk = open_context(viewport=DESKTOP)
    platform.sign_in_owner(desk, event)
    page = desk.new_page()
    page.route("**/api/v1/**/sales", lambda route: route.fulfill(status=500, body="{}"))
    page.goto(event.sales_address)
    expect(page.get_by_text("What was sold before this page was opened can’t be shown")).to_be_visible()
    buy(open_context, event, 1)
    expect(bars(page)).to_have_attribute("d", drawn(1))
