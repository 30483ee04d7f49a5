"""Events that are made from others, in a real browser against the whole running platform: a copy, a series, a
file.

If these failed, an organiser would write the same event again and again, or lose events on the way in or out.
"""

import json
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform
from tests.browser.test_looks import problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]


def test_an_event_is_copied_repeated_taken_out_and_in(
    platform: Platform, open_context: OpenContext, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:8]
    context = open_context(viewport=DESKTOP, bypass_csp=True)
    owner = Organiser(context, platform.url, f"lena-{mark}@example.org")
    owner.have_account(platform, "Lena Falk")
    owner.have_organisation("Kellertheater", f"keller-{mark}")
    owner.have_draft("Improv night", "2030-06-19T20:00", TicketKind("Seat", "12.00", places=40))
    page = owner.page
    original = page.url.split("#")[0]

    owner.press("Make a copy")
    dialog = page.get_by_role("dialog")
    assert problems(page) == []
    dialog.get_by_label("Title").fill("Improv matinee")
    dialog.get_by_label("Starts").fill("2030-06-20T11:00")
    dialog.get_by_role("button", name="Make a copy").click()
    expect(owner.heading("Improv matinee")).to_be_visible()
    assert page.url.split("#")[0] != original
    owner.tab("Tickets")
    expect(owner.ticket_types()).to_have_count(1)

    page.goto(original)
    expect(owner.heading("Improv night")).to_be_visible()
    owner.press("Repeat it")
    # The day of the original is chosen; another one joins it.
    expect(dialog.get_by_label("Wed")).to_be_checked()
    dialog.get_by_label("Fri").check()
    dialog.get_by_label("How many events").fill("4")
    assert problems(page) == []
    dialog.get_by_role("button", name="Repeat it").click()
    expect(owner.heading("Events")).to_be_visible()
    rows = page.locator(".event-row")
    expect(rows).to_have_count(5)
    expect(rows.filter(has_text="Friday, 21 June 2030")).to_have_count(1)

    page.get_by_role("link", name="Import and export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="schema.org JSON-LD").click()
    assert "Improv matinee" in download.value.path().read_text()
    file = tmp_path / "events.json"
    file.write_text(json.dumps(EVENTS))
    for created, unchanged in (("1", "0"), ("0", "1")):
        page.locator("input[type=file]").set_input_files(file)
        owner.press("Import the events")
        figures = page.locator("#import dd")
        expect(figures).to_have_text([created, "0", unchanged, "0", "1"])
    left_out = page.get_by_role("heading", name="Taken, but not all of it").locator(
        "xpath=following-sibling::ul"
    )
    expect(left_out).to_contain_text("Its image was left out")
    assert problems(page) == []


def test_what_an_import_has_wrong_is_told_in_the_readers_language(
    platform: Platform, open_context: OpenContext, tmp_path: Path
) -> None:
    context = open_context(viewport=DESKTOP, locale="ar")
    event = platform.add_event({"Standing": 50})
    platform.sign_in_owner(context, event)
    page = context.new_page()
    page.goto(f"{event.sales_address.partition('/events/')[0]}/transfer")
    file = tmp_path / "events.csv"
    file.write_text("title,starts_at\nOne,2030-05-01T20:00,Bremen\nTwo,never\nThree\n")
    page.locator("input[type=file]").set_input_files(file)
    page.locator("#import button[type=submit]").click()
    expect(page.locator("#import .row-text span")).to_have_text(
        ["3 قيم مقابل عمودين.", "البداية: أدخل تاريخًا ووقتًا.", "قيمة واحدة مقابل عمودين."]
    )


def test_a_series_is_changed_in_one_of_its_dates(platform: Platform, open_context: OpenContext) -> None:
    mark = uuid.uuid4().hex[:8]
    context = open_context(viewport=DESKTOP, bypass_csp=True)
    owner = Organiser(context, platform.url, f"rosa-{mark}@example.org")
    owner.have_account(platform, "Rosa Blau")
    owner.have_organisation("Kellertheater", f"keller-{mark}")
    owner.have_draft("Improv night", "2030-06-19T20:00", TicketKind("Seat", "12.00", places=40))
    page = owner.page
    first = page.url.split("#")[0]
    expect(page.get_by_role("heading", name="One date of a series")).to_be_hidden()
    owner.press("Repeat it")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("How many events").fill("14")
    dialog.get_by_role("button", name="Repeat it").click()
    expect(owner.heading("Events")).to_be_visible()

    page.goto(first)
    owner.tab("What it is")
    owner.fill("Title", "Improv, the long night")
    owner.press("Apply to other dates")
    expect(dialog.get_by_label("Place and time zone")).to_be_checked()
    dialog.get_by_label("Place and time zone").uncheck()
    assert problems(page) == []
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog.get_by_text("13 of 13 dates")).to_be_visible()
    expect(dialog.get_by_text("13 dates were changed.")).to_be_visible()
    assert problems(page) == []
    dialog.get_by_role("button", name="Close").last.click()
    owner.section("Events")
    expect(page.locator(".event-row").filter(has_text="Improv, the long night")).to_have_count(14)


EVENTS = [
    {
        "@context": "https://schema.org",
        "@type": "Event",
        "@id": "https://keller.example.org/1",
        "name": "Guest play",
        "startDate": "2030-09-01T20:00:00+02:00",
        "location": {"@type": "Place", "name": "Kellertheater", "address": "Hauptstraße 1"},
        "image": "http://keller.example.org/1.jpg",
    },
    {"@context": "https://schema.org", "@type": "Event", "name": "No date"},
]
