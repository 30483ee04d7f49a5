"""How the editor of an event looks and reads in all its parts, in both languages, from the smallest phone to
the largest screen.

If these failed, somebody who organises could not read or operate a dialog that they sell with.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import Platform
from tests.browser.test_looks import at_widths, problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(400)]


WIDTHS = (360, 3840)
# The page, a dialog, or what is in a box of the diagram, which has one height; and fields beside each other
# whose controls do not stand level.
DOES_NOT_FIT = """() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const top = (one) => Math.round(one.getBoundingClientRect().top);
    const isLevel = (row) => {
        const fields = [...row.querySelectorAll(':scope > .field, .time-field > .field:only-child')];
        const lines = Map.groupBy(fields, top).values();
        const controls = (line) => line.map((field) => top(field.querySelector('input, select')));
        return [...lines].every((line) => new Set(controls(line)).size === 1);
    };
    return !all('.form-row').every(isLevel)
        || document.documentElement.scrollWidth > innerWidth
        || all('dialog').some((one) => one.scrollWidth > one.clientWidth)
        || all('.diagram-box, .diagram-marks').some((one) => one.scrollHeight > one.clientHeight);
}"""


def opened_type(page: Page) -> None:
    page.locator(".pools-types button").first.click()
    page.locator("dialog summary").click()


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


# By tab: what is looked at there, and what opens it. Words differ from language to language, places do not.
PARTS: dict[str, dict[str, Callable[[Page], None]]] = {
    "say": {"texts": lambda _: None},
    "place": {"times": lambda _: None},
    "tickets": {
        "tickets": lambda _: None,
        "a type": opened_type,
        "a pool": lambda page: page.locator(".pools-pools button").first.click(),
        "a question": lambda page: page.locator("#questions .form-actions button").click(),
    },
    "codes": {
        "codes": lambda _: None,
        "a code": lambda page: page.locator("#panel-codes .button-quiet").first.click(),
    },
    "orders": {"orders": lambda _: None},
}


@pytest.fixture(scope="module")
def drafted(platform: Platform, browser: object) -> tuple[str, dict[str, object]]:
    """An event with everything in it, and who may edit it."""
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")  # type: ignore[attr-defined]
    context.set_default_timeout(20_000)
    mark = uuid.uuid4().hex[:8]
    owner = Organiser(context, platform.url, f"vera-{mark}@example.org")
    owner.have_account(platform, "Vera")
    owner.have_organisation("Weltbühne", f"welt-{mark}")
    owner.have_draft(
        "A rather long title of an event, as organisers love them",
        "2030-10-27T02:30",
        TicketKind("Standing", "40.00", places=100),
        TicketKind("Reduced", "24.00", pool="Standing"),
        ends_at="2030-10-30T23:00",
    )
    owner.add_voucher("LANTERN", percent=25, uses=1)
    found = owner.page.url.split("#")[0], context.storage_state()
    context.close()
    return found


def _looks() -> Iterator[object]:
    """Each width, language and scheme once; `make soak` looks at every combination."""
    once = {("phone", "en", "light"), ("desktop", "ar", "dark")}
    for width, language, scheme in itertools.product(("phone", "desktop"), ("en", "ar"), ("light", "dark")):
        marks = () if (width, language, scheme) in once else pytest.mark.soak
        viewport = PHONE if width == "phone" else DESKTOP
        yield pytest.param(viewport, language, scheme, id=f"{width}-{language}-{scheme}", marks=marks)


@pytest.mark.parametrize(("viewport", "language", "scheme"), list(_looks()))
def test_axe_finds_nothing_in_any_part_of_the_editor_and_each_fits(
    platform: Platform,
    open_context: OpenContext,
    drafted: tuple[str, dict[str, object]],
    viewport: dict[str, int],
    language: str,
    scheme: str,
) -> None:
    address, state = drafted
    context = open_context(viewport=viewport, color_scheme=scheme, storage_state=state, bypass_csp=True)
    context.add_cookies([{"name": "bilten_language", "value": language, "url": platform.url}])
    page = context.new_page()
    found = {}
    narrow = {}
    for tab, parts in PARTS.items():
        for name, opened in parts.items():
            page.goto(f"{address}#{tab}")
            expect(page.locator(f"#panel-{tab}")).to_be_visible()
            opened(page)
            found[name] = problems(page)
            narrow[name] = at_widths(page, WIDTHS, DOES_NOT_FIT)
            close(page)
    assert {name: one for name, one in found.items() if one} == {}
    assert {name: one for name, one in narrow.items() if one} == {}


def test_an_address_leads_to_the_tab_that_it_names(
    open_context: OpenContext, drafted: tuple[str, dict[str, object]]
) -> None:
    """Who follows a link to another part of the event that they have open would see nothing happen."""
    address, state = drafted
    page = open_context(storage_state=state).new_page()
    page.goto(f"{address}#tickets")
    expect(page.locator("#panel-tickets")).to_be_visible()
    page.goto(f"{address}#codes")
    expect(page.locator("#panel-codes")).to_be_visible()
    page.go_back()
    expect(page.locator("#panel-tickets")).to_be_visible()
    page.goto(f"{address}#nowhere")
    expect(page.locator("#panel-say")).to_be_visible()
