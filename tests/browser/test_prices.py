"""Codes, tiers, named prices and hidden types on the event page, in a real browser against the whole running
platform. If these failed, a buyer would see another price than they are charged, or could not use what they
were given.
"""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenContext
from tests.browser.platform import Platform
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]


def apply(buyer: Visitor, code: str) -> None:
    buyer.page.get_by_label("Code", exact=True).fill(code)
    buyer.page.get_by_role("button", name="Apply").click()


def row(buyer: Visitor, name: str) -> Locator:
    heading = buyer.page.get_by_role("heading", name=name, exact=True)
    return buyer.page.get_by_role("listitem").filter(has=heading)


def total(buyer: Visitor) -> Locator:
    return buyer.page.locator(".lines-total strong")


def test_a_code_is_explained_used_once_and_survives_a_reload(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Standing": 50}, percents={"FRIENDS": 50})
    buyer, other = (Visitor(open_context(), event.address) for _ in range(2))
    apply(buyer, "nonsense")
    expect(buyer.notice()).to_contain_text("There is no such code")
    for one in (buyer, other):
        apply(one, "friends")
        expect(one.page.locator(".codes-known")).to_contain_text("50% off")
    buyer.page.reload()
    expect(buyer.page.locator(".codes-known")).to_contain_text("50% off")
    full = row(buyer, "Standing").locator(".type-price").inner_text()
    for one in (buyer, other):
        one.choose("Standing", 2)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    # Half of two is one.
    expect(total(buyer)).to_have_text(full)
    expect(buyer.page.locator(".lines-discount")).to_be_visible()
    other.reserve()
    expect(other.notice()).to_contain_text("used as often as it may be")
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    other.page.get_by_role("button", name="Remove code friends").click()
    other.reserve()
    expect(other.reserved()).to_be_visible()


def test_early_tickets_run_out_and_the_price_that_was_agreed_stays(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Standing": 50}, early=2)
    buyer, other = (Visitor(open_context(), event.address) for _ in range(2))
    expect(row(buyer, "Standing")).to_contain_text("2 left at this price")
    buyer.choose("Standing", 3)
    buyer.reserve()
    expect(buyer.page.locator(".lines li")).to_have_count(3)
    expect(row(other, "Standing")).not_to_contain_text("left at this price")
    buyer.page.get_by_role("button", name="Give the tickets back").click()
    expect(row(other, "Standing")).to_contain_text("2 left at this price")


def test_a_hidden_type_is_shown_by_its_code_and_a_price_is_named(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Standing": 50, "Backstage": 5}, hidden=["Backstage"], named=["Standing"])
    buyer = Visitor(open_context(), event.address)
    price = buyer.page.get_by_label("Your price")
    price.fill("4")
    expect(price).to_have_attribute("aria-invalid", "true")
    price.fill("7.50")
    expect(price).to_have_attribute("aria-invalid", "false")
    expect(buyer.page.get_by_role("heading", name="Backstage")).to_have_count(0)
    apply(buyer, "secret")
    expect(buyer.page.locator(".codes-known")).to_contain_text("shows Backstage")
    expect(buyer.left("Backstage")).to_contain_text("5 left")
    buyer.choose("Standing", 2)
    buyer.choose("Backstage")
    buyer.reserve()
    expect(buyer.reserved()).to_have_text("3 tickets reserved for you")
    expect(buyer.page.locator(".lines li").filter(has_text="Standing")).to_contain_text("€15")
    buyer.pay()
    expect(buyer.tickets()).to_have_count(3)
