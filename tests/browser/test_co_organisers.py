"""Two organisations and one event, and a code that is changed while it is used, in real browsers against the
whole running platform.

If these failed, who works together would have to share a password, and a code's limits would be guesswork.
"""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform
from tests.browser.test_looks import problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]


def test_another_organisation_is_asked_accepts_works_and_leaves(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(
        open_context(viewport=DESKTOP, bypass_csp=True), platform.url, f"ida-{mark}@example.org"
    )
    owner.have_account(platform, "Ida Falk")
    owner.have_organisation("Hafenhalle", f"hafen-{mark}")
    guest = Organiser(
        open_context(viewport=DESKTOP, bypass_csp=True), platform.url, f"noor-{mark}@example.org"
    )
    guest.have_account(platform, "Noor Amin")
    guest.have_organisation("Blue Note", f"blue-{mark}")

    owner.have_draft("Harbour jazz", "2030-06-19T20:00", TicketKind("Seat", "12.00", places=40))
    owner.tab("Co-organisers")
    owner.fill("Address of their page", "nobody-has-this")
    owner.press("Ask them")
    expect(owner.page.get_by_text("No organisation has this page.")).to_be_visible()
    owner.fill("Address of their page", f"{platform.url}/o/blue-{mark}")
    owner.page.get_by_label("Work on it too").check()
    owner.press("Ask them")
    partner = owner.page.locator(".partner-row")
    expect(partner).to_contain_text("Blue Note")
    expect(partner).to_contain_text("Asked, no answer yet")
    assert problems(owner.page) == []

    guest.page.goto(f"{guest.desk(guest.organisation)}/events")
    expect(guest.page.get_by_role("heading", name="You are asked to join in")).to_be_visible()
    assert problems(guest.page) == []
    guest.press("Accept")
    guest.page.locator(".event-row").get_by_role("link", name="Harbour jazz").click()
    expect(guest.heading("Harbour jazz")).to_be_visible()
    guest.fill("Title", "Harbour jazz, all night")
    expect(guest.saved()).to_be_visible()
    owner.page.reload()
    expect(owner.heading("Harbour jazz, all night")).to_be_visible()
    expect(partner).to_contain_text("Accepted")

    guest.tab("Co-organisers")
    expect(guest.page.get_by_text("This event belongs to Hafenhalle.")).to_be_visible()
    guest.press("Work on it no more")
    expect(guest.heading("Events")).to_be_visible()
    expect(guest.page.get_by_text("Harbour jazz")).to_have_count(0)


def test_a_code_is_changed_and_says_how_often_it_is_used(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(
        open_context(viewport=DESKTOP, bypass_csp=True), platform.url, f"uma-{mark}@example.org"
    )
    owner.have_account(platform, "Uma Falk")
    owner.have_organisation("Hafenhalle", f"halle-{mark}")
    page, seat = owner.page, TicketKind("Seat", "12.00", places=40)
    owner.have_draft("Harbour jazz", "2030-06-19T20:00", seat, venue_name="Hall")
    owner.publish()
    owner.add_voucher("EARLY", 25, 3)
    row = page.get_by_role("row").filter(has_text="EARLY")
    expect(row).to_contain_text("3 of 3 left")
    owner.press("Edit EARLY")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("How much")).to_have_value("25")
    dialog.get_by_label("How often it works").fill("5")
    dialog.get_by_label("Works until").fill("2030-06-01T12:00")
    assert problems(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(row).to_contain_text("5 of 5 left")
    expect(row).to_contain_text("0 used, 0 held")
    assert problems(page) == []
