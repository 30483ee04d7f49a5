"""The pages of those who run the platform, in a real browser against the whole running platform.

If these failed, somebody who helps people could not, would read names without having said why, or could not
show who did; or the pages were there for everybody, or not to be read or operated at some width or in some
language.
"""

import re
import uuid

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.organiser import Organiser
from tests.browser.platform import PASSWORD, Platform
from tests.browser.test_looks import at_widths, problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]

WIDTHS = (360, 390, 1440, 3840)
SMALLEST: ViewportSize = {"width": 360, "height": 740}
LARGEST: ViewportSize = {"width": 3840, "height": 2160}
PAGES = ("", "/organisations", "/users", "/flags", "/audit")


class Person:
    """Somebody with an account, in one tab."""

    def __init__(self, platform: Platform, context: BrowserContext, name: str, role: str = "") -> None:
        self.name = f"{name} {uuid.uuid4().hex[:8]}"
        self.email = f"{self.name.replace(' ', '-').lower()}@example.org"
        platform.add_account(self.email, self.name, PASSWORD, role)
        self.url = platform.url
        self.context = context
        self.page: Page = context.new_page()

    def sign_in(self) -> None:
        """Fill in the sign-in page, which is open."""
        self.page.get_by_label("E-mail", exact=True).fill(self.email)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def come_to(self, path: str) -> None:
        """Open a page that only people of the platform have; they are sent to sign in, and back."""
        self.page.goto(f"{self.url}{path}")
        expect(self.page).to_have_url(re.compile("/sign-in"))
        self.sign_in()
        expect(self.page).to_have_url(f"{self.url}{path}")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def say_why(self, reason: str, button: str) -> None:
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill(reason)
        dialog.get_by_role("button", name=button, exact=True).click()


def test_support_looks_somebody_up_and_the_log_says_so(platform: Platform, open_context: OpenContext) -> None:
    mira = Person(platform, open_context(), "Mira Brandt")
    support = Person(platform, open_context(viewport=DESKTOP), "Sam Helper", "platform_support")
    support.come_to("/admin/users")
    page = support.page
    page.get_by_label("E-mail address or account number").fill("nobody-has-this@example.org")
    support.press("Find")
    expect(page.get_by_text("There is no account with this address.")).to_be_visible()
    page.get_by_label("E-mail address or account number").fill(mira.email)
    support.press("Find")
    expect(page.get_by_role("heading", level=1, name="Account user_")).to_be_visible()
    expect(page.get_by_text("Signed in nowhere.")).to_be_visible()
    assert mira.name not in page.content()
    assert mira.email not in page.content()
    # Somebody of support looks and does not touch.
    expect(page.get_by_role("button", name="Suspend")).to_have_count(0)

    support.press("Show name and address")
    support.say_why("Request 4711", "Show name and address")
    proof = page.get_by_role("dialog", name="Is it still you?")
    proof.get_by_label("Password").fill(PASSWORD)
    proof.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(mira.email)).to_be_visible()
    expect(page.get_by_text(mira.name)).to_be_visible()
    support.press("Hide again")
    expect(page.get_by_text(mira.email)).to_have_count(0)

    page.get_by_role("link", name="What was done to this account").click()
    entries = page.get_by_role("list").filter(has_text="people.reveal").get_by_role("listitem")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("Request 4711")
    assert mira.name not in page.content()
    # By the action as well, and not by another.
    page.get_by_label("Action").fill("flag.")
    support.press("Search")
    expect(page.get_by_text("Nothing like this is in the log.")).to_be_visible()
    page.get_by_label("Action").fill("people.")
    support.press("Search")
    expect(entries).to_contain_text("Request 4711")
    support.press("Check now")
    expect(page.get_by_text("All logs are as they were written")).to_be_visible()


def test_an_administrator_ends_sessions_suspends_and_switches(
    platform: Platform, open_context: OpenContext
) -> None:
    mira = Person(platform, open_context(), "Mira Brandt")
    mira.page.goto(f"{platform.url}/sign-in?next=/account")
    mira.sign_in()
    expect(mira.page).to_have_url(f"{platform.url}/account")
    admin = Person(platform, open_context(), "Ada Root", "platform_admin")
    admin.come_to("/admin/users")
    admin.page.get_by_label("E-mail address or account number").fill(mira.email)
    admin.press("Find")
    admin.page.get_by_role("button", name="End the session of").click()
    expect(admin.page.get_by_text("Signed in nowhere.")).to_be_visible()
    mira.page.reload()
    expect(mira.page).to_have_url(re.compile("/sign-in"))
    admin.press("Suspend")
    admin.say_why("Buys with stolen cards", "Suspend")
    expect(admin.page.get_by_role("definition").filter(has_text="Suspended")).to_be_visible()
    mira.sign_in()
    expect(mira.page.get_by_role("alert").filter(has_text=re.compile("."))).to_be_visible()

    admin.page.goto(f"{platform.url}/admin/flags")
    switch = admin.page.get_by_role("switch", name="organisations_closed")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    admin.press("Undo")
    expect(switch).not_to_be_checked()

    admin.page.goto(f"{platform.url}/admin")
    expect(admin.page.get_by_text("Everything is well")).to_be_visible()
    expect(admin.page.get_by_role("heading", level=2, name="PostgreSQL")).to_be_visible()


def test_an_administrator_opens_what_was_closed(platform: Platform, open_context: OpenContext) -> None:
    name, slug = "Kleine Bühne", f"kleine-buehne-{uuid.uuid4().hex[:8]}"
    owner = Organiser(open_context(viewport=DESKTOP), platform.url, f"{slug}@example.org")
    owner.have_account(platform, "Olga")
    owner.have_organisation(name, slug)
    owner.page.goto(f"{owner.desk(owner.organisation)}/settings")
    owner.page.get_by_role("button", name="Close the organisation").click()
    owner.page.get_by_role("dialog").get_by_label("Type its name").fill(name)
    owner.press("Close it")
    proof = owner.page.get_by_role("dialog", name="Is it still you?")
    proof.get_by_label("Password").fill(PASSWORD)
    proof.get_by_role("button", name="Confirm").click()
    expect(owner.heading("Start selling")).to_be_visible()

    admin = Person(platform, open_context(viewport=DESKTOP), "Ada Root", "platform_admin")
    admin.come_to("/admin/organisations")
    admin.page.get_by_role("tab", name="Closed").click()
    row = admin.page.get_by_role("row").filter(has_text=slug)
    expect(row).to_contain_text("Closed")
    row.get_by_role("button", name=f"Open {name} again").click()
    admin.say_why("They asked for it", "Open again")
    expect(row).to_contain_text("Active")
    owner.page.goto(f"{platform.url}/organizer")
    expect(owner.heading("Events")).to_be_visible()


def test_who_is_not_of_the_platform_finds_nothing_there(
    platform: Platform, open_context: OpenContext
) -> None:
    mira = Person(platform, open_context(), "Mira Brandt")
    mira.page.goto(f"{platform.url}/sign-in?next=/account")
    mira.sign_in()
    expect(mira.page).to_have_url(f"{platform.url}/account")
    for path in PAGES:
        answer = mira.page.goto(f"{platform.url}/admin{path}")
        assert answer is not None
        assert answer.status == 404
        expect(mira.page.get_by_role("heading", level=1, name="There is nothing here")).to_be_visible()


@pytest.mark.parametrize(
    ("viewport", "also", "scheme", "language"),
    [(PHONE, LARGEST, "light", "ar"), (DESKTOP, SMALLEST, "dark", "en")],
    ids=["phone and 4K", "desktop and small"],
)
def test_pages_of_the_platform_are_for_everyone(
    platform: Platform,
    open_context: OpenContext,
    viewport: ViewportSize,
    also: ViewportSize,
    scheme: str,
    language: str,
) -> None:
    # axe-core is put into the page by the test, which the page's own policy rightly refuses.
    context = open_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    admin = Person(platform, context, "Ada Root", "platform_admin")
    platform.sign_in(context, admin.email)
    context.add_cookies([{"name": "bilten_language", "value": language, "url": platform.url}])
    admin.page.goto(f"{platform.url}/admin/users")
    own = admin.page.locator("main a[href^='/admin/users/user_']").first.get_attribute("href")
    assert own is not None
    found: dict[str, tuple[list[str], list[str], list[int]]] = {}
    for path in (*PAGES, own.removeprefix("/admin")):
        admin.page.goto(f"{platform.url}/admin{path}")
        expect(admin.page.locator(".organizer-frame h1")).to_be_visible()
        expect(admin.page.locator(".skeleton")).to_have_count(0)
        assert admin.page.evaluate("document.documentElement.lang") == language
        if path == "/audit":
            admin.page.locator("#verdict button").click()
            expect(admin.page.locator("#verdict .notice-title")).to_be_visible()
            admin.page.locator(".entry summary").first.click()
        wide = at_widths(admin.page, WIDTHS)
        wrong = problems(admin.page)
        admin.page.set_viewport_size(also)
        found[path] = (wrong, problems(admin.page), wide)
        admin.page.set_viewport_size(viewport)
    assert {path: one for path, one in found.items() if any(one)} == {}
