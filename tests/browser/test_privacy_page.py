"""Taking one's data along and going for good, in a real browser. If one failed, somebody could not get what
is known of them, or would be erased without having meant it.
"""

import json
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.organiser import Organiser
from tests.browser.platform import PASSWORD, Platform
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]


def prove(page: Page) -> None:
    """Answer the question whether it is still them."""
    dialog = page.get_by_role("dialog", name="Is it still you?")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Confirm").click()


def meant(page: Page, answer: str) -> None:
    page.get_by_role("button", name="Erase my account").click()
    dialog = page.get_by_role("dialog", name="Erase your account for good?")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    dialog.get_by_role("button", name=answer).click()
    expect(dialog).to_have_count(0)


def test_data_is_taken_along_and_the_account_erased(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    context = open_context(accept_downloads=True)
    person = Organiser(context, platform.url, f"pia-{uuid.uuid4().hex[:8]}@example.org")
    person.have_account(platform, "Pia Öberg")
    buyer = Visitor(context, event.address)
    buyer.choose("Standing", 1)
    buyer.reserve()
    buyer.pay()
    expect(buyer.tickets()).to_have_count(1)
    page = person.page
    page.goto(f"{platform.url}/privacy")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download my data").click()
        prove(page)
    path = downloading.value.path()
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    assert downloading.value.suggested_filename == "bilten-my-data.json"
    assert (found["profile"]["email"], found["profile"]["name"]) == (person.email, "Pia Öberg")
    assert [len(order["tickets"]) for order in found["orders"]] == [1]

    meant(page, "Keep it")
    expect(page.get_by_role("button", name="Erase my account")).to_be_visible()
    meant(page, "Erase for good")
    expect(page.get_by_role("heading", name="Your account is erased")).to_be_focused()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter((one) => one.startsWith('bilten:'))") == []
    page.goto(f"{platform.url}/tickets")
    expect(page.get_by_text("No tickets yet")).to_be_visible()
    page.goto(f"{platform.url}/sign-in")
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="did not sign you in")).to_be_visible()


def test_the_last_owner_closes_the_organisation_and_goes(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    person = Organiser(open_context(), platform.url, f"olaf-{mark}@example.org")
    person.have_account(platform, "Olaf")
    person.have_organisation("Hafenbühne", f"hafenbuehne-{mark}")
    page = person.page
    page.goto(f"{platform.url}/privacy")
    meant(page, "Erase for good")
    prove(page)
    expect(page.get_by_role("alert").filter(has_text="Hafenbühne would have no owner left")).to_be_visible()
    page.get_by_role("link", name="Members of Hafenbühne").click()
    expect(page.get_by_role("heading", level=2, name="Members")).to_be_visible()
    page.go_back()
    meant(page, "Erase for good")
    page.get_by_role("link", name="Close Hafenbühne").click()
    page.get_by_role("button", name="Close the organisation").click()
    dialog = page.get_by_role("dialog", name="Close Hafenbühne for good?")
    name = dialog.get_by_label("Type its name")
    name.fill("Hafen")
    dialog.get_by_role("button", name="Close it").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("Hafenbühne")
    dialog.get_by_role("button", name="Close it").click()
    # There is nothing left that they organise.
    expect(person.heading("Start selling")).to_be_visible()
    assert page.request.get(f"{platform.url}/o/hafenbuehne-{mark}").status == 404
    page.goto(f"{platform.url}/privacy")
    meant(page, "Erase for good")
    expect(page.get_by_role("heading", name="Your account is erased")).to_be_focused()


def test_a_stranger_is_sent_to_sign_in_and_back(platform: Platform, open_context: OpenContext) -> None:
    page = open_context().new_page()
    page.goto(f"{platform.url}/privacy")
    expect(page.get_by_role("button", name="Erase my account")).to_have_count(0)
    page.get_by_role("link", name="Sign in to download").click()
    page.wait_for_url(f"{platform.url}/sign-in?next=/privacy")
