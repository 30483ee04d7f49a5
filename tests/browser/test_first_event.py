"""From nothing to a sold ticket, in real browsers against the whole running platform.

If this failed, somebody new could not sign up, make an organisation, build and publish an event, or nobody could
buy from it what its organiser wrote: the types, the places they share, and the price with a voucher.
"""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]


def test_a_newcomer_publishes_an_event_and_sells_a_ticket(
    platform: Platform, open_context: OpenContext
) -> None:
    mark = uuid.uuid4().hex[:8]
    newcomer = Organiser(open_context(viewport=DESKTOP), platform.url, f"mira-{mark}@example.org")
    newcomer.sign_up("Mira Brandt", then="/organizer")
    newcomer.make_organisation("Hafenklang", f"hafenklang-{mark}")
    newcomer.draft_event(f"Harbour lights {mark}", "2030-06-19T20:00")
    newcomer.tab("When and where")
    newcomer.fill("Name of the place", "Kranhalle")
    newcomer.page.get_by_label("City").fill("Bremen")
    expect(newcomer.saved()).to_be_visible()
    newcomer.add_ticket_type(TicketKind("Standing", "40.00", places=100))
    newcomer.add_ticket_type(TicketKind("Reduced", "24.00", pool="Standing"))
    newcomer.add_ticket_type(TicketKind("Child", "", pool="Standing"))
    expect(newcomer.pools()).to_have_count(1)
    expect(newcomer.pools()).to_contain_text(re.compile("Shared by Standing, Reduced and Child"))
    newcomer.add_voucher("LANTERN", percent=25, uses=1)
    address = newcomer.publish()

    buyer = Visitor(open_context(), address)
    expect(buyer.left("Child")).to_have_text("100 left")
    buyer.choose("Standing", 2)
    buyer.choose("Child", 1)
    buyer.reserve()
    expect(buyer.reserved()).to_have_text("3 tickets reserved for you")
    buyer.pay()
    expect(buyer.tickets()).to_have_count(3)
    # What one type sells, the others don't have any more.
    expect(buyer.left("Reduced")).to_have_text("97 left")
