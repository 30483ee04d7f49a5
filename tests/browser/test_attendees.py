"""Taking the people of an event along, in a real browser. If this failed, an organiser would not get the
list, or would get it without being asked who they are, or be shown a button that does nothing for them.
"""

import csv
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.organiser import Client, Organiser
from tests.browser.platform import PASSWORD, EventPage, Platform
from tests.browser.test_looks import problems
from tests.browser.test_privacy_page import prove
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]

NAME = {"label": "Name on the list"}


def orders_of(event: EventPage) -> str:
    """The address of the orders in the editor."""
    return event.sales_address.removesuffix("/sales") + "#orders"


@pytest.fixture(scope="module")
def bought(platform: Platform, browser: Browser) -> Iterator[tuple[EventPage, str]]:
    """An event of which somebody with an account has bought two tickets, and their address."""
    event = platform.add_event({"Standing": 50}, questions=[NAME])
    context = browser.new_context(locale="en-GB", reduced_motion="reduce")
    email = f"mia-{uuid.uuid4().hex[:8]}@example.org"
    platform.add_account(email, "Mia, “the Voice” Öberg", PASSWORD)
    platform.sign_in(context, email)
    visit = Visitor(context, event.address)
    visit.choose("Standing", 2)
    visit.reserve()
    visit.page.get_by_role("textbox", name="Name on the list").fill("=cmd|' /C calc'!A0")
    visit.pay()
    expect(visit.tickets()).to_have_count(2)
    context.close()
    yield event, email


def test_an_owner_takes_the_attendees_along_after_a_proof(
    platform: Platform, open_context: OpenContext, bought: tuple[EventPage, str]
) -> None:
    event, email = bought
    context = open_context(accept_downloads=True, viewport=DESKTOP)
    platform.sign_in_owner(context, event)
    page = context.new_page()
    page.goto(orders_of(event))
    button = page.get_by_role("button", name="Download attendees (CSV)")
    # Who does not prove it gets nothing, and may try again.
    button.click()
    page.get_by_role("dialog", name="Is it still you?").get_by_role("button", name="Close").click()
    expect(button).to_have_attribute("aria-busy", "false")
    with page.expect_download() as downloading:
        button.click()
        prove(page)
    expect(page.get_by_text("The list is among your downloads.")).to_be_visible()
    assert downloading.value.suggested_filename == f"attendees-{event.slug}.csv"
    with Path(downloading.value.path()).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["ticket_type"], one["price"], one["buyer_name"], one["buyer_email"]) for one in rows] == [
        ("Standing", "49.00", "Mia, “the Voice” Öberg", email)
    ] * 2
    assert {one["Name on the list"] for one in rows} == {"'=cmd|' /C calc'!A0"}
    # Not asked again within the minutes that a proof holds, and each time is in the log.
    with page.expect_download():
        button.click()
    page.goto(event.sales_address.partition("/events/")[0] + "/audit")
    written = page.get_by_role("listitem").filter(has_text="Ada downloaded the attendees of")
    expect(written.first).to_be_visible()
    expect(page.get_by_text(email)).to_have_count(0)


def test_who_may_not_is_not_offered_it(
    platform: Platform, open_context: OpenContext, bought: tuple[EventPage, str]
) -> None:
    event, _ = bought
    owner = open_context()
    platform.sign_in_owner(owner, event)
    helper = Organiser(open_context(viewport=DESKTOP), platform.url, f"jo-{uuid.uuid4().hex[:8]}@example.org")
    organisation = event.sales_address.split("/organizer/")[1].partition("/")[0]
    invited = {"email": helper.email, "role": "event_manager"}
    Client(owner, platform.url).ask("POST", f"/organisations/{organisation}/invitations", invited)
    link = helper.link_of_mail("/invitation")
    helper.have_account(platform, "Jo")
    helper.page.goto(link)
    helper.press("Join the team")
    expect(helper.heading("Events")).to_be_visible()
    helper.page.goto(orders_of(event))
    expect(helper.page.get_by_role("region", name="Orders").get_by_role("row").nth(1)).to_be_visible()
    expect(helper.page.get_by_role("button", name="Download attendees (CSV)")).to_have_count(0)


@pytest.mark.parametrize(
    ("viewport", "language", "scheme"),
    [(PHONE, "en", "light"), (DESKTOP, "ar", "dark")],
    ids=["phone-en-light", "desktop-ar-dark"],
)
def test_axe_finds_nothing_around_it(
    platform: Platform,
    open_context: OpenContext,
    bought: tuple[EventPage, str],
    viewport: dict[str, int],
    language: str,
    scheme: str,
) -> None:
    event, _ = bought
    context = open_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    platform.sign_in_owner(context, event)
    context.add_cookies([{"name": "bilten_language", "value": language, "url": platform.url}])
    page = context.new_page()
    page.goto(orders_of(event))
    expect(page.locator("#panel-orders .form-actions button")).to_be_visible()
    assert problems(page) == []
    inner, whole = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    assert whole <= inner
