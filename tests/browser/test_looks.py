"""How the pages look and read: for everyone, at every width, without jumping.

If these failed, somebody could not read or operate the page, or would press the wrong thing because it moved.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.platform import Platform
from tests.browser.visitor import DECLINED, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
WIDTHS = (320, 768, 3840)
LONG = "A rather long name of a ticket type, as organizers love them"
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
IS_WIDE = "document.documentElement.scrollWidth > innerWidth"
# What lays itself out by a script has done so then.
NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
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
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return list(page.evaluate(FIND_VIOLATIONS, RULES))


def at_widths(page: Page, widths: tuple[int, ...], is_wrong: str = IS_WIDE) -> list[int]:
    """The widths at which something is so of a page, by a script; it has its own width again afterwards.

    A page is opened once for all its looks: to open it costs many times what a look does.
    """
    before = page.viewport_size
    assert before is not None
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("(width) => innerWidth === width", arg=width)
        page.evaluate(NEXT_FRAME)
        if page.evaluate(is_wrong):
            found.append(width)
    page.set_viewport_size(before)
    return found


# Too wide for a small phone; on the largest screen a script makes a part too wide, a moment later.
WRONG = """
    <p style="width: 500px"><img src="data:,"></p>
    <p id="late">A lamp</p>
    <script>
        addEventListener("resize", () => requestAnimationFrame(() => {
            late.style.width = innerWidth > 3000 ? "4000px" : "auto";
        }));
    </script>
"""


def test_looks_find_what_is_wrong(open_context: OpenContext) -> None:
    """Every page would be all right."""
    page = open_context().new_page()
    page.set_content(WRONG)
    assert at_widths(page, (360, 768, 3840)) == [360, 3840]
    assert page.viewport_size == PHONE
    for is_fixed in (False, True):
        assert is_fixed != any(one.startswith("image-alt") for one in problems(page))
        page.locator("img").evaluate("one => one.setAttribute('alt', 'A lamp')")


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
def test_axe_finds_nothing_serious_and_no_width_scrolls_sideways(
    platform: Platform, open_context: OpenContext, viewport: dict[str, int], scheme: str
) -> None:
    event = platform.add_event({LONG: 50, "Balcony": 4, "Box": 0})
    before = platform.add_event({"Standing": 50}, opens_in_ms=3_600_000)
    # axe-core is put into the page by the test, which the page's own policy rightly refuses.
    context = open_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    platform.sign_in_owner(context, event)
    found: dict[str, list[str]] = {}
    wide: dict[str, list[int]] = {}

    def look(name: str, page: Page) -> None:
        found[name] = problems(page)
        wide[name] = at_widths(page, WIDTHS)

    page = context.new_page()
    for name, address in (
        ("home", f"{platform.url}/"),
        ("before the opening", before.address),
        ("nothing here", f"{platform.url}/e/nothing-here"),
        ("organizer", event.sales_address),
    ):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        look(name, page)
    page.close()
    buyer = Visitor(context, event.address)
    buyer.choose(LONG, 2)
    look("choosing", buyer.page)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    look("reserved", buyer.page)
    buyer.page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(buyer.page.get_by_text("Enter the 16 digits")).to_be_visible()
    look("wrong card", buyer.page)
    buyer.pay(DECLINED)
    expect(buyer.notice()).to_be_visible()
    look("declined", buyer.page)
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    look("tickets", buyer.page)
    assert {name: one for name, one in found.items() if one} == {}
    assert {name: one for name, one in wide.items() if one} == {}


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
