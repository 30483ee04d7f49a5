"""How the pages look and read: for everyone, at every width, without jumping.

If these failed, somebody could not read or operate the page, or would press the wrong thing because it moved.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.platform import EventPage, Platform
from tests.browser.visitor import DECLINED, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What passed would be most of the answer, and of the time it takes to write down.
FIND_VIOLATIONS = """
    async (rules) => {
        const found = await axe.run({ runOnly: rules, resultTypes: ['violations'] });
        return found.violations
            .filter(({ impact }) => impact !== 'minor')
            .map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes[0].html.slice(0, 160)}`);
    }
"""
RECORD_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            shifts.push([entry.value, entry.sources.map((one) => one.node?.className ?? String(one.node))]);
        }
    }).observe({type: 'layout-shift', buffered: true});
"""


def problems(page: Page) -> list[str]:
    """What axe-core finds that is more than minor."""
    page.evaluate(AXE.read_text())
    return list(page.evaluate(FIND_VIOLATIONS, RULES))


# Each width and each scheme once; `make soak` looks at every pair.
@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [
        pytest.param(PHONE, "light", id="phone-light"),
        pytest.param(DESKTOP, "dark", id="desktop-dark"),
        pytest.param(PHONE, "dark", id="phone-dark", marks=pytest.mark.soak),
        pytest.param(DESKTOP, "light", id="desktop-light", marks=pytest.mark.soak),
    ],
)
def test_axe_finds_nothing_serious(
    platform: Platform, open_context: OpenContext, viewport: dict[str, int], scheme: str
) -> None:
    event = platform.add_event({"Standing": 50, "Balcony": 4, "Box": 0})
    before = platform.add_event({"Standing": 50}, opens_in_ms=3_600_000)
    # axe-core is put into the page by the test, which the page's own policy rightly refuses.
    context = open_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    platform.sign_in_owner(context, event)
    found: dict[str, list[str]] = {}
    for name, address in (
        ("home", f"{platform.url}/"),
        ("before the opening", before.address),
        ("nothing here", f"{platform.url}/e/nothing-here"),
        ("organizer", event.sales_address),
    ):
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        found[name] = problems(page)
        page.close()
    buyer = Visitor(context, event.address)
    buyer.choose("Standing", 2)
    found["choosing"] = problems(buyer.page)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    found["reserved"] = problems(buyer.page)
    buyer.page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(buyer.page.get_by_text("Enter the 16 digits")).to_be_visible()
    found["wrong card"] = problems(buyer.page)
    buyer.pay(DECLINED)
    expect(buyer.notice()).to_be_visible()
    found["declined"] = problems(buyer.page)
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    found["tickets"] = problems(buyer.page)
    assert {name: one for name, one in found.items() if one} == {}


def test_nothing_moves_when_counts_change(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 12, "Balcony": 1_000})
    context = open_context()
    watcher = Visitor(context, event.address)
    expect(watcher.left("Standing")).to_have_text("12 left")
    watcher.page.evaluate(RECORD_SHIFTS)
    # Shifts before are not counted here: only what a change of the counts does.
    watcher.page.evaluate("shifts.length = 0")
    boxes = [button.bounding_box() for button in watcher.page.get_by_role("button").all()]
    buyer = Visitor(open_context(), event.address)
    buyer.choose("Standing", 1)
    buyer.reserve()
    expect(watcher.left("Standing")).to_have_text("11 left")
    buyer.pay()
    expect(buyer.tickets()).to_have_count(1)
    buyer.choose("Standing", 3)
    buyer.reserve()
    expect(watcher.left("Standing")).to_contain_text("Last few")
    buyer.page.get_by_role("button", name="Give the tickets back").click()
    expect(watcher.left("Standing")).to_have_text("11 left")
    assert watcher.page.evaluate("shifts") == []
    assert [button.bounding_box() for button in watcher.page.get_by_role("button").all()] == boxes


@pytest.mark.parametrize("width", [320, 768, 3840])
def test_no_width_needs_sideways_scrolling(platform: Platform, open_context: OpenContext, width: int) -> None:
    event = platform.add_event({"A rather long name of a ticket type, as organizers love them": 50})
    context = open_context(viewport={"width": width, "height": 800})
    platform.sign_in_owner(context, event)

    def fits(page: Page) -> None:
        inner, whole = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
        assert whole <= inner, page.url

    visits: list[Callable[[EventPage], str]] = [
        lambda _: f"{platform.url}/",
        lambda one: one.sales_address,
    ]
    for address in visits:
        page = context.new_page()
        page.goto(address(event))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        fits(page)
    buyer = Visitor(context, event.address)
    buyer.choose("A rather long name", 2)
    fits(buyer.page)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    fits(buyer.page)
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    fits(buyer.page)
