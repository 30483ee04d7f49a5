"""What a ticket is beside its price, in a real browser: the days it is for, the tax that is in it, who bears
fees.

If this failed, an organiser could not say these things, or a buyer would stand at the door on the wrong day.
"""

import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]


def newcomer(platform: Platform, context: OpenContext, name: str, *more: TicketKind) -> Organiser:
    """Somebody with a draft that has a place and a ticket type for a day, open in the editor."""
    mark = uuid.uuid4().hex[:8]
    found = Organiser(context(), platform.url, f"{name.lower()}-{mark}@example.org")
    found.have_account(platform, name)
    found.have_organisation(name, f"{name.lower()}-{mark}")
    kinds = TicketKind("Day", "40.00", places=100), *more
    found.have_draft(f"Meadow {mark}", "2030-06-19T20:00", *kinds, venue_name="The meadow")
    return found


def test_a_ticket_for_one_day_says_so_to_whoever_has_it(
    platform: Platform, open_context: OpenContext
) -> None:
    organiser = newcomer(platform, open_context, "Frida")
    page, dialog = organiser.page, organiser.page.get_by_role("dialog")
    organiser.tab("When and where")
    organiser.fill("Ends (optional)", "2030-06-21T23:00")
    expect(organiser.saved()).to_be_visible()
    organiser.tab("Tickets")
    organiser.ticket_types().first.click()
    dialog.get_by_text("More", exact=True).click()
    dialog.get_by_label("Fri 21 Jun").check()
    tax = dialog.get_by_label("Included tax")
    tax.fill("101")
    dialog.get_by_role("button", name="Save").click()
    expect(tax).to_be_focused()
    expect(dialog.get_by_text("Enter a percentage")).to_be_visible()
    tax.fill("7,5")
    dialog.get_by_label("Who bears our fees").select_option(label="Buyers, on top of the price")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    # The event moves by a week, and the day with it.
    organiser.tab("When and where")
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.ok):
        organiser.fill("Starts", "2030-06-26T20:00")
        organiser.fill("Ends (optional)", "2030-06-28T23:00")
    organiser.fill("Ends (optional)", "2030-06-26T23:00")
    expect(page.get_by_text("Some tickets are for days after this.")).to_be_visible()
    organiser.fill("Ends (optional)", "2030-06-28T23:00")
    expect(organiser.saved()).to_be_visible()
    organiser.tab("Tickets")
    organiser.ticket_types().first.click()
    expect(dialog.get_by_label("Fri 28 Jun")).to_be_checked()
    expect(tax).to_have_value("7.5")
    expect(dialog.get_by_label("Who bears our fees")).to_have_value("on_top")
    dialog.get_by_role("button", name="Close").click()

    buyer = Visitor(open_context(), organiser.publish())
    expect(buyer.page.locator(".type")).to_contain_text("For Fri, 28 June 2030")
    expect(buyer.page.locator(".type")).to_contain_text("incl. 7.5% tax")
    buyer.choose("Day", 2)
    buyer.reserve()
    # 80 euros with 7.5 percent in them, whoever is to bear fees.
    expect(buyer.page.locator(".lines-total strong")).to_have_text("€80")
    expect(buyer.page.get_by_text("Includes €5.58 tax.")).to_be_visible()
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    expect(buyer.page.locator(".ticket").first).to_contain_text("For Fri, 28 June 2030")


_TICKETS = """async () => {
    const [, organisation, event] = /(org_\\w+)\\/events\\/(event_\\w+)/.exec(location.pathname);
    return (await fetch(`/api/v1/organisations/${organisation}/events/${event}/ticket-types`)).json();
}"""


def test_an_hour_that_comes_twice_stays_the_one_that_was_meant(
    platform: Platform, open_context: OpenContext
) -> None:
    organiser = newcomer(platform, open_context, "Gesa")
    page, dialog = organiser.page, organiser.page.get_by_role("dialog")
    organiser.tab("When and where")
    which = page.get_by_label("Clocks are set back: which one?")
    expect(which).to_have_count(0)
    organiser.fill("Starts", "2030-10-27T02:30")
    expect(which).to_have_value("+02:00")
    which.select_option(label="The second (+01:00)")
    expect(organiser.saved()).to_be_visible()
    page.reload()
    expect(which).to_have_value("+01:00")
    organiser.tab("Tickets")
    organiser.ticket_types().first.click()
    dialog.get_by_text("More", exact=True).click()
    dialog.get_by_label("Sold until").fill("2030-10-27T02:15")
    dialog.get_by_label("Clocks are set back: which one?").select_option("+01:00")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    # Whatever else of it is changed, nobody touched its time.
    organiser.ticket_types().first.click()
    dialog.get_by_label("Name").fill("Night")
    dialog.get_by_role("button", name="Save").click()
    expect(organiser.ticket_types().first).to_contain_text("Night")
    (kind,) = page.evaluate(_TICKETS)["ticket_types"]
    assert (kind["name"], kind["sales_end"]) == ("Night", "2030-10-27T02:15+01:00")


def test_why_an_event_does_not_take_place_is_told(platform: Platform, open_context: OpenContext) -> None:
    organiser = newcomer(platform, open_context, "Hauke")
    address = organiser.publish()
    buyer = Visitor(open_context(), address)
    buyer.choose("Day")
    organiser.page.get_by_text("It does not take place").click()
    organiser.fill("Why (optional)", "The meadow is under water.")
    organiser.press("Cancel the event")
    expect(organiser.page.get_by_text("The event is cancelled.")).to_be_visible()
    # Who is there hears of it at once, who comes later is told why.
    expect(buyer.page.get_by_role("heading", name="It does not take place")).to_be_visible()
    buyer.page.reload()
    expect(buyer.page.get_by_text("The meadow is under water.")).to_be_visible()


def test_a_code_for_some_tickets_at_some_time(platform: Platform, open_context: OpenContext) -> None:
    more = TicketKind("Night", "20.00", pool="Day"), TicketKind("Both", "50.00", pool="Day")
    organiser = newcomer(platform, open_context, "Ilse", *more)
    page, dialog = organiser.page, organiser.page.get_by_role("dialog")
    organiser.tab("Codes")
    organiser.press("New code")
    dialog.get_by_label("Code", exact=True).fill("OWLS")
    dialog.get_by_label("How much").fill("10")
    dialog.get_by_label("Night").check()
    dialog.get_by_label("Both").check()
    dialog.get_by_text("When and for whom").click()
    dialog.get_by_label("Works until").fill("2030-06-01T12:00")
    dialog.get_by_label("How often for one person").fill("2")
    dialog.get_by_label("From how many tickets").fill("3")
    dialog.get_by_role("button", name="New code").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("rowheader", name="OWLS")).to_be_visible()
    (code,) = page.evaluate(_TICKETS.replace("ticket-types", "vouchers"))["items"]
    assert (code["ends_at"], code["per_buyer_max"], code["quantity_min"], len(code["ticket_types"])) == (
        "2030-06-01T12:00",
        2,
        3,
        2,
    )


def test_what_the_editor_says_beside_it(platform: Platform, open_context: OpenContext) -> None:
    organiser = newcomer(platform, open_context, "Jule")
    page, dialog = organiser.page, organiser.page.get_by_role("dialog")
    organiser.tab("What it is")
    page.get_by_label("Language (optional)").select_option("de")
    organiser.fill("Further pictures (optional)", "http://example.org/a.png")
    expect(page.locator(".save-state[data-state=wrong]")).to_be_visible()
    organiser.fill("Further pictures (optional)", "https://example.org/a.png\nhttps://example.org/b.png")
    expect(organiser.saved()).to_be_visible()
    organiser.tab("When and where")
    organiser.fill("Name of the place", "The lower meadow")
    organiser.fill("On the map (optional)", "53.0793, 8.8017")
    expect(organiser.saved()).to_be_visible()
    organiser.tab("Tickets")
    organiser.fill("Kept for", "20")
    organiser.fill("Extended by", "0")
    expect(organiser.saved()).to_be_visible()
    organiser.add_ticket_type(TicketKind("Night", "20.00", pool="Day"))
    organiser.ticket_types().filter(has_text="Night").click()
    dialog.get_by_text("More", exact=True).click()
    dialog.get_by_label("At most for one person").fill("1")
    dialog.get_by_role("button", name="Add an earlier price").click()
    tier = dialog.get_by_role("group", name="Price 1")
    tier.get_by_label("Price").fill("12.00")
    tier.get_by_label("For how many tickets").fill("5")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    # What the first buyers pay.
    expect(page.locator(".preview .rows li").filter(has_text="Night")).to_contain_text("€12")
    organiser.press("Add a question")
    dialog.get_by_label("Question").fill("Do you snore?")
    dialog.get_by_label("Night").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#questions")).to_contain_text("Night")

    buyer = Visitor(open_context(), organiser.publish())
    expect(buyer.page.locator(".pictures img")).to_have_count(2)
    expect(buyer.page.get_by_text("The lower meadow").first).to_be_visible()
    buyer.choose("Day")
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    assert buyer.seconds_left() > 19 * 60
    # Nothing is promised that is not given.
    expect(buyer.page.get_by_text("You can extend it once.")).to_have_count(0)
    expect(buyer.page.get_by_label("Do you snore?")).to_have_count(0)
