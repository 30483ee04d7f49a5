"""Questions on the event page, in a real browser. If these failed, buyers could not answer what they must
answer to buy, would not be told what is missing, or organisers could not read it.
"""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform
from tests.browser.visitor import DECLINED, PAYS, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]

NAME = {"label": "Name on the list", "is_required": True}
DIET = {
    "label": "Diet",
    "per": "ticket",
    "kind": "choice",
    "choices": ["Fish", "Beans"],
    "is_required": True,
}
MAIL = {"label": "Your address", "kind": "email"}


def test_a_ticket_is_bought_with_answers(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50}, questions=[NAME, DIET, MAIL])
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 2)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    page = buyer.page
    name = page.get_by_role("textbox", name="Name on the list")
    expect(name).to_have_attribute("aria-required", "true")
    second = page.get_by_role("group", name="Ticket 2: Standing").get_by_role("combobox", name="Diet")
    expect(page.get_by_role("textbox", name="Your address (optional)")).to_have_attribute(
        "aria-required", "false"
    )
    # What is missing is said, beside its field, and the first one has the focus.
    buyer.fill_card(DECLINED)
    pay = page.get_by_role("button", name=re.compile("^Pay "))
    pay.click()
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Choose one of these.")).to_have_count(2)
    name.fill("Anna <b>")
    page.get_by_role("group", name="Ticket 1: Standing").get_by_label("Diet").select_option("Fish")
    second.select_option("Beans")
    # The server has the last word on what an address is.
    mail = page.get_by_role("textbox", name="Your address (optional)")
    mail.fill("anna@nowhere")
    pay.click()
    expect(mail).to_be_focused()
    expect(page.get_by_text("Enter an e-mail address")).to_be_visible()
    mail.fill("anna@example.org")
    # A card that is declined costs nobody their answers.
    pay.click()
    expect(buyer.notice()).to_contain_text("declined")
    expect(name).to_have_value("Anna <b>")
    buyer.pay(PAYS)
    expect(buyer.tickets()).to_have_count(2)
    order = page.evaluate(
        """async () => {
            const { items: orders } = await (await fetch("/api/v1/orders")).json();
            const paid = orders.find((one) => one.tickets.length > 0);
            return await (await fetch(`/api/v1/orders/${paid.order}`)).json();
        }"""
    )
    assert [(one["label"], one["ticket"], one["text"]) for one in order["answers"]] == [
        ("Name on the list", None, "Anna <b>"),
        ("Your address", None, "anna@example.org"),
        ("Diet", 0, "Fish"),
        ("Diet", 1, "Beans"),
    ]
    stored = page.evaluate("JSON.stringify(localStorage)")
    assert "Anna" not in stored, "what is answered does not stay in the browser"


def test_what_the_page_does_not_know_is_asked_all_the_same(
    platform: Platform, open_context: OpenContext
) -> None:
    """What is asked of hidden types only is not in the page; neither is what came after it."""
    hidden = {**NAME, "of": "Backstage"}
    event = platform.add_event({"Standing": 50, "Backstage": 5}, hidden=["Backstage"], questions=[hidden])
    buyer = Visitor(open_context(), event.address)
    buyer.page.get_by_role("textbox", name="Code").fill("SECRET")
    buyer.page.get_by_role("button", name="Apply").click()
    buyer.choose("Backstage")
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    name = buyer.page.get_by_role("textbox", name="Name on the list")
    expect(name).to_have_count(0)
    buyer.pay()
    expect(name).to_be_focused()
    name.fill("Anna")
    buyer.page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(buyer.tickets()).to_have_count(1)


def test_the_organiser_sees_orders_and_what_was_answered(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    organiser = Organiser(open_context(viewport=DESKTOP), platform.url, f"nora-{mark}@example.org")
    organiser.have_account(platform, "Nora Lind")
    organiser.have_organisation("Nordlicht", f"nordlicht-{mark}")
    seat = TicketKind("Seat", "40.00", places=10)
    organiser.have_draft(f"Supper {mark}", "2030-06-19T20:00", seat, venue_name="Kranhalle")
    path = f"{organiser.event}/ticket-types"
    tickets = organiser.ask("GET", path)
    version = tickets.pop("version")
    organiser.ask("PUT", path, {**tickets, "questions": [NAME]}, version=version)
    organiser.page.reload()
    address = organiser.publish()
    organiser.tab("Orders")
    expect(organiser.page.get_by_text("No orders yet")).to_be_visible()
    buyer = Visitor(open_context(), address)
    buyer.choose("Seat", 2)
    buyer.reserve()
    buyer.page.get_by_role("textbox", name="Name on the list").fill("Anna Berg")
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    organiser.page.reload()
    organiser.tab("Orders")
    orders = organiser.page.get_by_role("region", name="Orders").get_by_role("row")
    expect(orders.nth(1)).to_contain_text("€80")
    expect(organiser.page.get_by_text("Anna Berg")).to_have_count(0)
    orders.nth(1).get_by_role("button", name="Show 1 answer").click()
    dialog = organiser.page.get_by_role("dialog", name="Answers")
    expect(dialog).to_contain_text("Anna Berg")
    expect(dialog).to_contain_text("Name on the list")
