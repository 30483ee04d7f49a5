"""Somebody who works on one event of an organisation, in a real browser. If this failed, whoever was invited
for one event would join and find nothing.
"""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenContext
from tests.browser.organiser import Organiser
from tests.browser.platform import Platform

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]


def test_who_is_invited_for_one_event_comes_to_it(platform: Platform, open_context: OpenContext) -> None:
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(open_context(), platform.url, f"ida-{mark}@example.org")
    owner.have_account(platform, "Ida")
    owner.have_organisation("Landhaus", f"landhaus-{mark}")
    owner.have_draft("Harvest supper", "2030-09-19T20:00")
    owner.section("Events")
    owner.page.get_by_role("link", name="New event").click()
    owner.fill("Title", "Not for helpers")
    owner.fill("Starts", "2030-09-20T20:00")
    owner.press("Create the draft")
    expect(owner.heading("Not for helpers")).to_be_visible()
    owner.section("Team")
    helper = Organiser(open_context(), platform.url, f"jo-{mark}@example.org")
    owner.press("Invite somebody")
    dialog = owner.page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill(helper.email)
    dialog.get_by_label("Box office").check()
    dialog.get_by_label("For", exact=True).select_option(label="Harvest supper")
    dialog.get_by_role("button", name="Send the invitation").click()
    expect(dialog).to_be_hidden()

    link = helper.link_of_mail("/invitation")
    helper.have_account(platform, "Jo")
    helper.page.goto(link)
    helper.press("Join the team")
    expect(helper.heading("Harvest supper")).to_be_visible()
    # And from the front door, the next day.
    helper.page.goto(f"{platform.url}/organizer")
    expect(helper.heading("Events")).to_be_visible()
    rows = helper.page.locator(".event-row")
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="Harvest supper").click()
    expect(helper.heading("Harvest supper")).to_be_visible()
