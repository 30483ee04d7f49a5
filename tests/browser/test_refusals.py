"""What an organiser can't do is said in their language, by field and reason, in a real browser against the
whole platform.

If this failed, somebody would be told that "some of this can't be used", and not what of it, or in a language
that they don't read.
"""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]


def speak_arabic(organiser: Organiser) -> None:
    organiser.context.add_cookies([{"name": "bilten_language", "value": "ar", "url": organiser.url}])
    organiser.page.reload()
    expect(organiser.page.locator("html")).to_have_attribute("lang", "ar")


def test_publishing_what_is_over_names_the_field_and_the_reason(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(open_context(), platform.url, f"dora-{mark}@example.org")
    owner.have_account(platform, "Dora")
    owner.have_organisation("Late desk", f"late-desk-{mark}")
    page, seat = owner.page, TicketKind("Seat", "12.00", places=10)
    owner.have_draft("Yesterday", "2020-06-19T20:00", seat, venue_name="Kranhalle")
    starts, toast = page.locator("#field-starts_at"), page.locator(".toast")

    owner.press("Publish")
    expect(toast).to_have_text("Starts: This is in the past.")
    expect(starts).to_be_focused()
    expect(page.locator("#field-starts_at-wrong")).to_have_text("This is in the past.")

    speak_arabic(owner)
    page.locator("#tab-say").click()
    page.get_by_role("button", name="انشر", exact=True).click()
    expect(toast).to_have_text("البداية: هذا في الماضي.")
    expect(starts).to_be_focused()
    expect(page.locator("#field-starts_at-wrong")).to_have_text("هذا في الماضي.")

    # A title that was never given is in another tab.
    starts.fill("2030-06-19T20:00")
    page.locator("#tab-say").click()
    page.locator("#field-title").fill("Untitled")
    page.locator("#tab-tickets").click()
    page.get_by_role("button", name="انشر", exact=True).click()
    expect(toast.filter(has_text="العنوان: هذا مطلوب.")).to_be_visible()
    expect(page.locator("#field-title")).to_be_focused()
    page.locator("#field-title").fill("Tomorrow")
    page.get_by_role("button", name="انشر", exact=True).click()
    expect(page.get_by_role("link", name="شاهد صفحتها")).to_be_visible()


def test_a_code_without_enough_places_is_refused_in_the_language_of_the_reader(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(open_context(), platform.url, f"emil-{mark}@example.org")
    owner.have_account(platform, "Emil")
    owner.have_organisation("Full desk", f"full-desk-{mark}")
    page, seat = owner.page, TicketKind("Seat", "12.00", places=2)
    owner.have_draft("Small hall", "2030-06-19T20:00", seat, venue_name="Kranhalle")

    # Before the sale, it is what all codes keep together.
    owner.tab("Codes")
    owner.press("New code")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kept places").check()
    dialog.get_by_label("Places", exact=True).fill("3")
    dialog.get_by_role("button", name="New code").click()
    expect(page.locator("#field-block_quantity-wrong")).to_have_text("More places are kept than there are.")
    dialog.get_by_label("Places", exact=True).fill("1")
    dialog.get_by_role("button", name="New code").click()
    expect(dialog).to_be_hidden()
    owner.publish()

    # In the sale, it is what is free now.
    speak_arabic(owner)
    page.get_by_role("button", name="رمز جديد", exact=True).click()
    dialog.get_by_label("أماكن محفوظة").check()
    dialog.locator("#field-block_quantity").fill("2")
    dialog.get_by_role("button", name="رمز جديد").click()
    expect(dialog.get_by_role("alert")).to_have_text("الأماكن لا تكفي: بقي مكان شاغر واحد.")
