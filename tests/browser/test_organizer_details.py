"""What somebody who organises meets on the way: dialogs, tabs, undoing, long names. If these failed, they
would lose their place, or not see what they are told.
"""

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, OpenContext
from tests.browser.platform import EventPage, Platform

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]


def editor(platform: Platform, open_context: OpenContext, event: EventPage, tab: str) -> Page:
    """The editor of an event as its owner has it on a phone."""
    context = open_context(viewport=PHONE)
    platform.sign_in_owner(context, event)
    page = context.new_page()
    page.goto(f"{event.sales_address.removesuffix('/sales')}#{tab}")
    expect(page.locator(f"#panel-{tab}")).to_be_visible()
    return page


def test_a_dialog_gives_the_focus_back(platform: Platform, open_context: OpenContext) -> None:
    """With a keyboard one would begin anew at the top of the page after every dialog."""
    page = editor(platform, open_context, platform.add_event({"Chair": 5}), "tickets")
    button = page.get_by_role("button", name="Add a pool")
    dialog = page.get_by_role("dialog")
    for key, pressed in (("Escape", dialog), ("Enter", dialog.get_by_role("button", name="Close"))):
        button.focus()
        page.keyboard.press("Enter")
        expect(dialog.get_by_label("Name")).to_be_focused()
        pressed.press(key)
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()


def test_the_tab_that_is_open_is_seen(platform: Platform, open_context: OpenContext) -> None:
    """On a phone the row of tabs is wider than the screen."""
    page = editor(platform, open_context, platform.add_event({"Chair": 5}), "partners")
    expect(page.get_by_role("tab", selected=True)).to_be_in_viewport(ratio=1)
    page.get_by_role("tab", selected=True).focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("tab", name="What it is", selected=True)).to_be_in_viewport(ratio=1)


def test_undoing_is_seen_in_the_field(platform: Platform, open_context: OpenContext) -> None:
    """The field would go on showing what is not so any more, and save it with the next letter."""
    page = editor(platform, open_context, platform.add_event({"Chair": 5}), "tickets")
    lasts = page.get_by_label("Kept for")
    expect(lasts).to_have_value("8")
    lasts.fill("9")
    expect(page.locator(".save-state[data-state=saved]")).to_be_visible()
    page.get_by_role("button", name="Undo").first.click()
    expect(lasts).to_have_value("8")
    page.get_by_role("tab", name="What it is").click()
    pictures = page.get_by_label("Further pictures")
    pictures.press_sequentially("https://pictures.example/1.jpg\n")
    expect(page.locator(".save-state[data-state=saved]")).to_be_visible()
    # What is being typed is not touched by what comes back.
    expect(pictures).to_have_value("https://pictures.example/1.jpg\n")
    page.get_by_role("button", name="Undo").first.click()
    expect(pictures).to_have_value("")


def test_what_is_being_typed_stays_while_something_else_is_saved(
    platform: Platform, open_context: OpenContext
) -> None:
    """Tags are taken when the field is left: whoever came to it quickly lost the first letters."""
    page = editor(platform, open_context, platform.add_event({"Chair": 5}), "say")
    page.get_by_label("In one sentence").fill("Another sentence.")
    tags = page.get_by_label("Tags")
    tags.press_sequentially("jazz, harb")
    expect(page.locator(".save-state[data-state=saved]")).to_be_visible()
    expect(page.get_by_text("Another sentence.")).to_be_visible()
    expect(tags).to_have_value("jazz, harb")
    tags.press_sequentially("our")
    tags.blur()
    expect(page.locator(".save-state[data-state=saved]")).to_be_visible()
    page.reload()
    expect(tags).to_have_value("jazz, harbour")


def test_a_long_address_makes_room_for_what_stands_beside_it(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Chair": 5})
    page = editor(platform, open_context, event, "say")
    (organisation,) = re.findall("org_[0-9a-z]{26}", event.sales_address)
    email = "somebody.with.a.rather.long.name@a-long-name-of-a-company.example.org"
    invited = page.request.post(
        f"{platform.url}/api/v1/organisations/{organisation}/invitations",
        data={"email": email, "role": "event_manager", "event": None},
        headers={"idempotency-key": uuid.uuid4().hex},
    )
    assert invited.ok, invited.text()
    page.goto(f"{platform.url}/organizer/{organisation}/members")
    row = page.get_by_role("listitem").filter(has_text=email)
    said, badge = row.locator("strong bdi").bounding_box(), row.locator(".badge").bounding_box()
    assert said and badge
    is_beside = said["x"] + said["width"] <= badge["x"]
    assert is_beside or said["y"] + said["height"] <= badge["y"]


def test_a_failure_is_read_out(platform: Platform, open_context: OpenContext) -> None:
    """Screen readers say nothing of what is marked as under way."""
    event = platform.add_event({"Chair": 5})
    page = editor(platform, open_context, event, "say")
    page.goto(f"{platform.url}/organizer/org_{'0' * 26}/events")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing here")
    expect(page.locator("#app")).not_to_have_attribute("aria-busy", "true")


def test_a_draft_without_a_place_names_none(platform: Platform, open_context: OpenContext) -> None:
    """A pin with nothing beside it says that something is broken."""
    event = platform.add_event({"Chair": 5})
    page = editor(platform, open_context, event, "say")
    (organisation,) = re.findall("org_[0-9a-z]{26}", event.sales_address)
    made = page.request.post(
        f"{platform.url}/api/v1/organisations/{organisation}/events",
        data={"title": "Nowhere yet", "starts_at": "2030-05-01T20:00", "time_zone": "UTC", "currency": "EUR"},
        headers={"idempotency-key": uuid.uuid4().hex},
    )
    assert made.ok, made.text()
    page.goto(f"{platform.url}/e/{made.json()['slug']}")
    expect(page.get_by_role("heading", name="Nowhere yet")).to_be_visible()
    expect(page.locator(".facts > div")).to_have_count(1)
