"""Buying tickets on the event page, in a real browser against the whole running platform.

If these failed, a buyer would not get the tickets, get them twice, lose a reservation to a reload or a lost
connection, or be told something that is not so.
"""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenContext
from tests.browser.platform import Platform
from tests.browser.visitor import DECLINED, PAYS, SLOW, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]


def test_a_ticket_is_bought_and_is_there_after_a_reload(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Standing": 50, "Balcony": 20})
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 2)
    buyer.choose("Balcony")
    buyer.reserve()
    expect(buyer.reserved()).to_have_text("3 tickets reserved for you")
    expect(buyer.reserved()).to_be_focused()
    buyer.pay()
    expect(buyer.tickets()).to_have_count(3)
    expect(buyer.page.get_by_role("heading", name="You’re going.")).to_be_focused()
    buyer.page.reload()
    expect(buyer.tickets()).to_have_count(3)
    for ticket in buyer.tickets().all():
        ticket.scroll_into_view_if_needed()
        assert ticket.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(buyer.left("Standing")).to_have_text("48 left")
    expect(buyer.left("Balcony")).to_have_text("19 left")
    assert platform.tickets_by_order(event) == [3]


def test_a_festival_has_all_its_days(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Pass": 50}, ends_at="2030-06-21T23:00:00")
    buyer = Visitor(open_context(), event.address)
    when = buyer.page.locator(".facts dd").first
    expect(when).to_contain_text(re.compile(r"19\W+21 June 2030"))
    expect(when).to_contain_text(re.compile(r"Doors 18:30 · Wed,? 19 Jun,? 20:00.*Fri,? 21 Jun,? 23:00 CEST"))
    # What goes on in a second line does not press its picture together.
    icons = buyer.page.locator(".fact-icon").all()
    assert len({icon.evaluate("one => one.getBoundingClientRect().width") for icon in icons}) == 1
    buyer.page.goto(f"{platform.url}/o/kulturwerk")
    card = buyer.page.locator(f".event-card[data-event={event.slug}]")
    expect(card).to_contain_text(re.compile(r"19\W+21 Jun 2030"))


def test_two_buyers_race_for_the_last_one(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Chair": 1})
    buyers = [Visitor(open_context(), event.address) for _ in range(2)]
    for buyer in buyers:
        expect(buyer.left("Chair")).to_contain_text("Last few")
        buyer.choose("Chair")
    moment_ms = int(time.time() * 1000) + 1_500
    for buyer in buyers:
        buyer.press_at(moment_ms, "Reserve")
    for buyer in buyers:
        expect(buyer.reserved().or_(buyer.notice())).to_be_visible()
    winners = [buyer for buyer in buyers if buyer.reserved().is_visible()]
    losers = [buyer for buyer in buyers if buyer.notice().is_visible()]
    assert (len(winners), len(losers)) == (1, 1)
    winner, loser = winners[0], losers[0]
    expect(loser.notice()).to_contain_text("Someone was faster")
    expect(loser.left("Chair")).to_have_text("Sold out")
    # What the winner gives back, the loser sees and can have.
    winner.page.get_by_role("button", name="Give the tickets back").click()
    expect(loser.left("Chair")).to_contain_text("1 left")
    loser.reserve()
    loser.pay()
    expect(loser.tickets()).to_have_count(1)
    expect(winner.left("Chair")).to_have_text("Sold out")
    assert platform.tickets_by_order(event) == [1]


def test_a_second_tab_shows_the_same_reservation_and_pays_for_it_once(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Standing": 50})
    context = open_context()
    first = Visitor(context, event.address)
    first.choose("Standing", 2)
    first.reserve()
    expect(first.reserved()).to_be_visible()
    second = Visitor(context, event.address)
    expect(second.reserved()).to_have_text("2 tickets reserved for you")
    # Both tabs pay at the same time: the second one that presses must not start a second payment.
    first.fill_card(PAYS)
    second.fill_card(PAYS)
    moment_ms = int(time.time() * 1000) + 1_000
    for tab in (first, second):
        tab.press_at(moment_ms, "Pay ")
    expect(first.tickets()).to_have_count(2)
    expect(second.tickets()).to_have_count(2)
    assert platform.tickets_by_order(event) == [2]


def test_a_reload_keeps_choice_and_reservation(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 3)
    buyer.page.reload()
    expect(buyer.page.get_by_label("3 chosen")).to_be_visible()
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    before = buyer.seconds_left()
    buyer.page.reload()
    expect(buyer.reserved()).to_have_text("3 tickets reserved for you")
    after = buyer.seconds_left()
    assert before - 15 <= after <= before
    expect(buyer.page.locator(".left")).to_have_count(0)
    other = Visitor(open_context(), event.address)
    expect(other.left("Standing")).to_have_text("47 left")


def test_the_gateway_dies_in_the_middle_of_paying(platform: Platform, open_context: OpenContext) -> None:
    """The page must say that the connection is lost, come back by itself, and the purchase happens once."""
    event = platform.add_event({"Standing": 50})
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 2)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    buyer.pay(SLOW)
    expect(buyer.page.get_by_role("button", name="Paying…")).to_be_visible()
    platform.kill_gateways()
    expect(buyer.banner("Connection lost")).to_be_visible()
    expect(buyer.tickets()).to_have_count(2, timeout=60_000)
    expect(buyer.banner("Connection lost")).to_have_count(0)
    buyer.page.reload()
    expect(buyer.tickets()).to_have_count(2)
    assert platform.tickets_by_order(event) == [2]


def test_the_counts_follow_after_a_lost_connection(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    watcher = Visitor(open_context(), event.address)
    expect(watcher.left("Standing")).to_have_text("50 left")
    watcher.page.context.set_offline(True)
    expect(watcher.banner("Connection lost")).to_be_visible()
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 4)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    watcher.page.context.set_offline(False)
    # For three seconds.
    expect(watcher.banner("Connected again")).to_be_visible()
    expect(watcher.left("Standing")).to_have_text("46 left")


def test_a_purchase_with_the_keyboard_alone(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50, "Balcony": 20})
    buyer = Visitor(open_context(), event.address)
    expect(buyer.left("Standing")).to_have_text("50 left")
    keyboard = buyer.page.keyboard
    focused = (
        "((one) => one.getAttribute('aria-label') || one.labels?.[0]?.innerText || one.innerText)"
        "(document.activeElement)"
    )

    def tab_to(name: str) -> None:
        for _ in range(40):
            keyboard.press("Tab")
            outline = buyer.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "the focus must be seen wherever it is"
            if buyer.page.evaluate(focused).startswith(name):
                return
        pytest.fail(f"{name} is not reached with the Tab key")

    keyboard.press("Tab")
    assert buyer.page.evaluate(focused) == "Skip to the tickets"
    keyboard.press("Enter")
    tab_to("One more Balcony")
    keyboard.press("Enter")
    keyboard.press("Space")
    tab_to("Reserve")
    keyboard.press("Enter")
    expect(buyer.reserved()).to_be_focused()
    tab_to("Card number")
    keyboard.type("4242424242424242")
    keyboard.press("Tab")
    keyboard.type("1234")
    keyboard.press("Tab")
    keyboard.type("123")
    keyboard.press("Enter")
    expect(buyer.tickets()).to_have_count(2)


def test_a_declined_card_costs_nothing_but_another_try(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing")
    buyer.reserve()
    buyer.pay(DECLINED)
    expect(buyer.notice()).to_contain_text("The card was declined.")
    expect(buyer.reserved()).to_be_visible()
    buyer.pay(PAYS)
    expect(buyer.tickets()).to_have_count(1)
    assert platform.tickets_by_order(event) == [1]


def test_a_reservation_is_extended_once_and_runs_out(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 5}, hold_seconds=6, extension_seconds=4)
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 2)
    buyer.reserve()
    expect(buyer.page.get_by_text("Almost out of time")).to_be_visible()
    buyer.page.get_by_role("button", name="Extend").click()
    expect(buyer.page.get_by_text("It can’t be extended again")).to_be_visible()
    expect(buyer.notice()).to_contain_text("Your reservation ran out.")
    expect(buyer.left("Standing")).to_contain_text("5 left")
    # The choice is kept: one press reserves the same again.
    buyer.reserve()
    expect(buyer.reserved()).to_have_text("2 tickets reserved for you")


def test_the_countdown_is_right_on_a_phone_whose_clock_is_wrong(
    platform: Platform, open_context: OpenContext
) -> None:
    """An hour and a quarter off, the buyer would come too late or press in vain. At the opening nothing may
    move under the finger.
    """
    opens_in_ms = 9_000
    event = platform.add_event({"Standing": 50}, opens_in_ms=opens_in_ms)
    context = open_context()
    context.add_init_script(
        "const Right = Date; Date = class extends Right {"
        " constructor(...given) { given.length ? super(...given) : super(Right.now() + 4_500_000); }"
        " static now() { return Right.now() + 4_500_000; } };"
        # Nothing that looks from outside sees in time when the button comes.
        "new MutationObserver(() => {"
        " const names = [...document.querySelectorAll('button')].map((one) => one.textContent.trim());"
        " if (names.includes('Reserve')) { window.reserveAt ??= Right.now(); } }"
        ").observe(document, {childList: true, subtree: true});"
    )
    buyer = Visitor(context, event.address)
    expect(buyer.page.get_by_role("heading", name="The sale opens in")).to_be_visible()
    left_before_ms = event.opens_at_ms - time.time() * 1000
    shown = [int(text) for text in buyer.page.locator(".countdown b").all_inner_texts()]
    left_after_ms = event.opens_at_ms - time.time() * 1000
    seconds = shown[-3] * 3600 + shown[-2] * 60 + shown[-1]
    assert left_after_ms / 1000 - 1 <= seconds <= left_before_ms / 1000 + 1.5
    buyer.choose("Standing", 2)
    box = buyer.page.get_by_role("button", name="One more Standing").bounding_box()
    reserve = buyer.page.get_by_role("button", name="Reserve", exact=True)
    expect(reserve).to_be_visible()
    late_ms = buyer.page.evaluate("reserveAt") - event.opens_at_ms
    assert -50 <= late_ms < 2_000
    assert buyer.page.get_by_role("button", name="One more Standing").bounding_box() == box
    reserve.click()
    expect(buyer.reserved()).to_be_visible()


def test_the_organizer_sees_the_sale(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50, "Balcony": 20})
    desk = open_context(viewport={"width": 1440, "height": 900})
    platform.sign_in_owner(desk, event)
    organizer = desk.new_page()
    organizer.goto(event.sales_address)
    figures = organizer.locator(".figure dd")
    expect(figures).to_have_text(["0", "0", "70", "0", "0"])
    expect(organizer.get_by_text("Nothing is sold yet")).to_be_visible()
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 3)
    buyer.reserve()
    expect(figures.nth(1)).to_have_text("3")
    buyer.pay()
    expect(figures.nth(0)).to_have_text("3")
    expect(figures.nth(1)).to_have_text("0")
    expect(figures.nth(4)).to_have_text("3")
    expect(organizer.get_by_text("Nothing is sold yet")).to_be_hidden()
    for table, cells in (("Pools", ["3", "0", "47", "0", "50"]), ("Tickets", ["3", "0", "47"])):
        rows = organizer.get_by_role("table", name=table).get_by_role("row")
        standing = rows.filter(has=organizer.get_by_role("rowheader", name="Standing"))
        expect(standing.get_by_role("cell")).to_have_text(cells)
    # What was sold in each ten seconds is drawn.
    bars = organizer.get_by_role("img", name="Sold in each 10 seconds").locator(".chart-sold")
    expect(bars).not_to_have_attribute("d", "")
    stranger = open_context().new_page()
    stranger.goto(event.sales_address)
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_hold_that_nobody_heard_of_is_not_made_twice(platform: Platform, open_context: OpenContext) -> None:
    """The answer is lost with the connection: the page asks again with the same operation id."""
    event = platform.add_event({"Standing": 50})
    context = open_context()
    buyer = Visitor(context, event.address)
    buyer.choose("Standing", 2)
    platform.kill_gateways()
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible(timeout=60_000)
    other = Visitor(open_context(), event.address)
    expect(other.left("Standing")).to_have_text("48 left")
