"""From nothing to a sold ticket, in real browsers against the whole running platform.

If this failed, somebody new could not sign up, make an organisation, build and publish an event, or nobody
could buy from it what its organiser wrote: the types, the places they share, and the price with a voucher.
"""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]


def test_a_newcomer_publishes_an_event_and_sells_with_a_voucher(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    newcomer = Organiser(open_context(viewport=DESKTOP), platform.url, f"mira-{mark}@example.org")
    newcomer.sign_up("Mira Brandt", then="/organizer")
    newcomer.make_organisation("Hafenklang", f"hafenklang-{mark}")
    newcomer.add_venue("Kranhalle", "Bremen", places=300)
    newcomer.draft_event(f"Harbour lights {mark}", "2030-06-19T20:00")
    newcomer.choose_venue("Kranhalle, Bremen")
    newcomer.add_ticket_type(TicketKind("Standing", "40.00", places=100))
    newcomer.add_ticket_type(TicketKind("Reduced", "24.00", pool="Standing"))
    newcomer.add_ticket_type(TicketKind("Child", "", pool="Standing"))
    expect(newcomer.pools()).to_have_count(1)
    expect(newcomer.pools()).to_contain_text("Shared by Standing, Reduced and Child")
    newcomer.add_voucher("LANTERN", percent=25, uses=1)
    address = newcomer.publish()
    figures = newcomer.watch_sales()
    expect(figures.nth(2)).to_have_text("100")

    buyer = Visitor(open_context(), address)
    expect(buyer.page.get_by_text("Kranhalle").first).to_be_visible()
    expect(buyer.left("Child")).to_have_text("100 left")
    buyer.page.get_by_label("Code", exact=True).fill("lantern")
    buyer.page.get_by_role("button", name="Apply").click()
    expect(buyer.page.locator(".codes-known")).to_contain_text("25% off")
    buyer.choose("Standing", 2)
    buyer.choose("Child", 1)
    buyer.reserve()
    expect(buyer.reserved()).to_have_text("3 tickets reserved for you")
    # Two at 40 euros, a quarter less.
    expect(buyer.page.locator(".lines-total strong")).to_have_text("€60")
    expect(figures.nth(1)).to_have_text("3")
    buyer.pay()
    expect(buyer.tickets()).to_have_count(3)
    # What one type sells, the others don't have any more.
    expect(buyer.left("Reduced")).to_have_text("97 left")
    # Who has published it sees it sell.
    expect(figures.nth(0)).to_have_text("3")
    expect(figures.nth(2)).to_have_text("97")
