"""Pages that miss a part of themselves, because the server or the way to it goes while they are opened.

If these failed, somebody would look at a blank page until they thought of loading it again, a page would load
itself for ever, or what somebody has typed would be gone.
"""

import datetime as dt
import itertools
import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Request, Route, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.platform import Platform
from tests.browser.test_looks import problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(240)]

WAITING = "It is loaded again by itself"
STOPPED = "Load the page again in a moment"
AGAIN = "Load the page again"
RELOADS_MAX = 3
DELAY_MS_MAX = 6_000
# What shows the notice without a script.
LATE = "document.getAnimations().find((one) => one.animationName === 'missed')"


def is_question(request: Request) -> bool:
    """Whether the page asks if the server is there."""
    return request.method == "HEAD"


def notice(page: Page, text: str) -> Locator:
    return page.get_by_role("status").get_by_text(text)


class Loads:
    """How often a page was loaded."""

    def __init__(self, page: Page) -> None:
        self.count = 0
        page.on("request", self._count)

    def _count(self, request: Request) -> None:
        self.count += request.is_navigation_request()


def miss(page: Page, part: str, whenever: Callable[[], bool]) -> None:
    """Takes the connection away on which a part of a page is asked for."""

    def asked(route: Route) -> None:
        if whenever():
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile(f"/static/{part}$"), asked)


class Questions:
    """Keeps from the server what a page asks it for, until it is let go."""

    def __init__(self, page: Page) -> None:
        self._held: list[Route] = []
        self._are_free = False
        page.route(re.compile(r"^[^?]*//[^/]*/(?!static)"), self._asked)

    def _asked(self, route: Route) -> None:
        if is_question(route.request) and not self._are_free:
            self._held.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        self._are_free = True
        for route in self._held:
            # On a busy machine the page may have given one up.
            with suppress(Error):
                route.continue_()


def test_a_page_comes_back_when_the_server_is_back(platform: Platform, open_context: OpenContext) -> None:
    """Never by way of the browser's own page for those who are offline."""
    event = platform.add_event({"Standing": 50})
    context = open_context()
    page = context.new_page()
    loads = Loads(page)

    def goes() -> bool:
        context.set_offline(loads.count == 1)
        return loads.count == 1

    miss(page, "public/choose.js", goes)
    with page.expect_event("requestfailed", is_question):
        page.goto(event.address)
        expect(notice(page, WAITING)).to_be_visible()
    assert loads.count == 1
    context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(notice(page, WAITING)).to_be_hidden()
    assert loads.count == 2


def test_a_page_is_opened_while_the_gateway_is_killed(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    page = open_context().new_page()
    loads = Loads(page)

    def killed(route: Route) -> None:
        if loads.count == 1:
            platform.kill_gateways()
        route.continue_()

    page.route(re.compile("/static/public/choose.js$"), killed)
    page.goto(event.address)
    expect(notice(page, WAITING)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=60_000)
    assert loads.count > 1


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(PHONE, "light"), pytest.param(DESKTOP, "dark", marks=pytest.mark.soak)]
)
def test_what_never_comes_is_not_asked_for_for_ever(
    platform: Platform, open_context: OpenContext, viewport: dict[str, int], scheme: str
) -> None:
    page = open_context(viewport=viewport, color_scheme=scheme, bypass_csp=True).new_page()
    loads = Loads(page)
    miss(page, "shared/forms.js", lambda: True)
    now = dt.datetime.now(dt.UTC)
    page.clock.install(time=now)
    page.clock.pause_at(now + dt.timedelta(seconds=1))
    page.goto(f"{platform.url}/sign-up")
    # Each time a little later.
    for _ in range(RELOADS_MAX):
        expect(notice(page, WAITING)).to_be_visible()
        with page.expect_event("load"):
            page.clock.fast_forward(DELAY_MS_MAX)
    expect(notice(page, WAITING)).to_be_visible()
    page.clock.fast_forward(DELAY_MS_MAX)
    expect(notice(page, STOPPED)).to_be_visible()
    page.clock.resume()
    assert loads.count == 1 + RELOADS_MAX
    # The heading is the view's, which is not there.
    assert [one for one in problems(page) if not one.startswith("page-has-heading-one")] == []
    # Who asks for it gets it once, and is told at once that it was in vain.
    page.get_by_role("button", name=AGAIN).click()
    expect(page.get_by_role("button", name=AGAIN)).to_be_hidden()
    expect(notice(page, STOPPED)).to_be_visible()
    assert loads.count == 2 + RELOADS_MAX


def test_a_stylesheet_is_asked_for_in_its_place(platform: Platform, open_context: OpenContext) -> None:
    page = open_context().new_page()
    loads = Loads(page)
    times = itertools.count()
    miss(page, "shared/components.css", lambda: next(times) == 0)
    with page.expect_request(is_question):
        page.goto(f"{platform.url}/sign-up")
        page.get_by_label("Name").fill("Ada")
    expect(page.locator("body")).to_have_css("display", "flex")
    expect(notice(page, WAITING)).to_be_hidden()
    expect(page.get_by_label("Name")).to_have_value("Ada")
    assert loads.count == 1


def test_a_page_in_use_is_left_to_its_reader(platform: Platform, open_context: OpenContext) -> None:
    """The view is there without the module that was missed."""
    event = platform.add_event({"Standing": 50})
    page = open_context().new_page()
    loads = Loads(page)
    questions = Questions(page)
    miss(page, "shared/page.js", lambda: loads.count == 1)
    with page.expect_request(is_question):
        page.goto(event.address)
    page.get_by_role("button", name="One more Standing").click()
    questions.let_go()
    expect(notice(page, STOPPED)).to_be_visible()
    expect(page.get_by_label("1 chosen")).to_be_visible()
    assert loads.count == 1
    with page.expect_event("load"):
        page.get_by_role("button", name=AGAIN).click()
    expect(page.get_by_label("1 chosen")).to_be_visible()
    expect(notice(page, STOPPED)).to_be_hidden()


def test_what_is_typed_into_a_page_of_the_server_stays(platform: Platform, open_context: OpenContext) -> None:
    page = open_context().new_page()
    loads = Loads(page)
    questions = Questions(page)
    miss(page, "public/home.js", lambda: True)
    with page.expect_request(is_question):
        page.goto(platform.url)
    page.get_by_label("What", exact=True).fill("Nachtlicht")
    questions.let_go()
    expect(notice(page, STOPPED)).to_be_visible()
    expect(page.get_by_label("What", exact=True)).to_have_value("Nachtlicht")
    assert loads.count == 1


def test_who_leaves_a_page_is_not_held_back(platform: Platform, open_context: OpenContext) -> None:
    """To load a page again is to call off where its reader was going."""
    page = open_context().new_page()
    loads = Loads(page)
    questions = Questions(page)
    leaving: list[Route] = []
    page.route(re.compile("/privacy$"), lambda route: leaving.append(route))
    miss(page, "shared/forms.js", lambda: True)
    with page.expect_request(is_question):
        page.goto(f"{platform.url}/sign-up")
    with page.expect_request(re.compile("/privacy$")):
        page.get_by_role("link", name="Privacy").click(no_wait_after=True)
    with page.expect_request(is_question):
        questions.let_go()
    with page.expect_navigation(url=re.compile("/privacy$")):
        leaving[0].continue_()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert loads.count == 2


@pytest.mark.parametrize("part", ["messages/en/shared.json", "shared/amounts.js"])
def test_a_module_that_can_not_begin_is_missed_as_well(
    platform: Platform, browser: Browser, part: str
) -> None:
    """It has arrived, but not the texts that it fetches first, or only a half of it."""
    event = platform.add_event({"Standing": 50})
    # Errors of scripts are what is tried here.
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        loads = Loads(page)

        def half(route: Route) -> None:
            if loads.count > 1:
                route.continue_()
            elif part.endswith(".json"):
                route.abort("connectionreset")
            else:
                answer = route.fetch()
                route.fulfill(response=answer, body=answer.text()[: len(answer.text()) // 2])

        page.route(re.compile(f"/static/{part}$"), half)
        page.goto(event.address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert loads.count == 2


def test_a_page_that_is_cut_short_is_missed_as_well(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    page = open_context().new_page()
    loads = Loads(page)

    def cut(route: Route) -> None:
        if loads.count == 1 and route.request.is_navigation_request():
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text().partition("<main")[0])
        else:
            route.continue_()

    page.route(event.address, cut)
    page.goto(event.address)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert loads.count == 2


@pytest.mark.parametrize("address", ["/sign-up", ""], ids=["skeleton", "event"])
def test_who_misses_what_hears_is_told_after_a_while(
    platform: Platform, open_context: OpenContext, address: str
) -> None:
    """By the stylesheet: then nothing runs that could."""
    event = platform.add_event({"Standing": 50})
    page = open_context().new_page()
    page.route(re.compile(r"/static/.*\.js$"), lambda route: route.abort("connectionreset"))
    page.goto(f"{platform.url}{address}" if address else event.address)
    expect(notice(page, STOPPED)).to_be_hidden()
    page.evaluate(f"{LATE}.finish()")
    expect(notice(page, STOPPED)).to_be_visible()


def test_an_answer_that_never_comes_is_not_waited_for(platform: Platform, open_context: OpenContext) -> None:
    """No error says so; the reader decides."""
    event = platform.add_event({"Standing": 50})
    page = open_context().new_page()
    loads = Loads(page)
    kept: list[Route] = []

    def asked(route: Route) -> None:
        if loads.count == 1:
            kept.append(route)
        else:
            route.continue_()

    page.route(re.compile("/static/public/choose.js$"), asked)
    page.goto(event.address, wait_until="commit")
    expect(page.locator("#missed-again")).not_to_have_attribute("hidden", "")
    page.evaluate(f"{LATE}.finish()")
    page.get_by_role("button", name=AGAIN).click(no_wait_after=True)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert loads.count == 2


def test_a_whole_page_says_nothing_of_it(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    page = open_context().new_page()
    loads = Loads(page)
    for address in (platform.url, f"{platform.url}/sign-up", event.address):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("#missed > .notice")).to_have_css("visibility", "hidden")
        assert page.locator("#missed").evaluate("one => one.getBoundingClientRect().height") == 0
        assert page.evaluate(f"{LATE} === undefined")
    assert loads.count == 3


def test_a_picture_that_can_not_be_had_makes_way_for_the_poster(
    platform: Platform, open_context: OpenContext
) -> None:
    """Organisers name pictures on other servers, and those go."""
    event = platform.add_event({"Standing": 50})
    page = open_context().new_page()
    page.route(re.compile("pictures.example"), lambda route: route.abort("connectionreset"))
    for address in (event.address, f"{platform.url}/?sort=newest"):
        page.goto(address)
        picture = page.locator(".poster-art").first
        picture.evaluate("one => (one.src = 'https://pictures.example/gone.png')")
        expect(picture).to_have_attribute("src", re.compile("^/posters/.*[.]svg$"))
        expect(picture).not_to_have_js_property("naturalWidth", 0)
