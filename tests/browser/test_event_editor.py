"""The editor of an event saves by itself and overwrites nobody, in a real browser against the whole platform.

If this failed, two people who work on one event would lose what the other wrote, or somebody what they wrote
last.
"""

import uuid

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]


def saved(page: Page) -> Locator:
    return page.locator(".save-state[data-state=saved]")


def test_the_second_of_two_editors_is_told(platform: Platform, open_context: OpenContext) -> None:
    mark = uuid.uuid4().hex[:8]
    first = Organiser(open_context(), platform.url, f"ada-{mark}@example.org")
    first.have_account(platform, "Ada")
    first.have_organisation("Two desks", f"two-desks-{mark}")
    first.have_draft("Draft", "2030-06-19T20:00")
    other = first.context.new_page()
    other.goto(first.page.url)
    expect(other.get_by_label("Title")).to_have_value("Draft")

    first.fill("Title", "From the first desk")
    expect(saved(first.page)).to_be_visible()
    other.get_by_label("In one sentence").fill("From the second desk.")
    conflict = other.get_by_role("alert").filter(has_text="Somebody else has changed this event")
    expect(conflict).to_be_visible()
    # What was written is still there, and nothing of it is on the server yet.
    expect(other.get_by_label("In one sentence")).to_have_value("From the second desk.")
    conflict.get_by_role("button", name="Put mine on top").click()
    expect(saved(other)).to_be_visible()
    expect(other.get_by_label("Title")).to_have_value("From the first desk")
    other.reload()
    expect(other.get_by_label("In one sentence")).to_have_value("From the second desk.")
    expect(other.get_by_label("Title")).to_have_value("From the first desk")

    # Markdown is shown as visitors will see it; HTML in it is text.
    other.get_by_role("textbox", name="Description").fill("**Loud** <img src=x onerror=alert(1)>")
    expect(other.locator(".preview strong", has_text="Loud")).to_be_visible()
    expect(other.locator(".preview .prose img")).to_have_count(0)
    other.get_by_label("Title").fill("Nonsense")
    other.locator(".save-state").get_by_role("button", name="Undo").click()
    expect(other.get_by_label("Title")).to_have_value("From the first desk")
    expect(saved(other)).to_be_visible()


def test_a_ticket_that_was_removed_comes_back(platform: Platform, open_context: OpenContext) -> None:
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(open_context(), platform.url, f"ben-{mark}@example.org")
    owner.have_account(platform, "Ben")
    owner.have_organisation("One desk", f"one-desk-{mark}")
    kinds = TicketKind("Seat", "12.00", places=40), TicketKind("Bench", "8.00", pool="Seat")
    owner.have_draft("Draft", "2030-06-19T20:00", *kinds)
    owner.ticket_types().filter(has_text="Bench").click()
    owner.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(owner.ticket_types()).to_have_count(1)
    owner.page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(owner.ticket_types()).to_have_count(2)
    owner.page.reload()
    expect(owner.ticket_types()).to_have_count(2)
    expect(owner.pools()).to_contain_text("Shared by Seat and Bench")


def test_a_code_ends_when_it_did_after_an_edit_of_something_else(
    platform: Platform, open_context: OpenContext
) -> None:
    """A code that ends in the hour that comes twice would end earlier because its uses were changed."""
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(open_context(), platform.url, f"cleo-{mark}@example.org")
    owner.have_account(platform, "Cleo")
    owner.have_organisation("Third desk", f"third-desk-{mark}")
    owner.have_draft("Draft", "2030-11-19T20:00", TicketKind("Seat", "12.00", places=40))
    vouchers = f"{owner.event}/vouchers"
    exact = "2030-10-27T02:30:15+01:00"
    owner.ask("POST", vouchers, {"code": "LATE", "amount_minor": 100, "ends_at": exact})
    owner.page.reload()
    owner.tab("Codes")
    owner.page.get_by_role("button", name="Edit LATE").click()
    dialog = owner.page.get_by_role("dialog")
    dialog.get_by_label("How often it works").fill("5")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    (kept,) = owner.ask("GET", vouchers)["items"]
    assert (kept["uses_max"], kept["ends_at"]) == (5, exact)
