"""What the links of mails lead to, in a real browser: another password, another address, an invitation.

If these failed, whoever forgot a password or moved to another mailbox would have lost the account, or
somebody else would still be in it.
"""

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.organiser import Organiser
from tests.browser.platform import PASSWORD, Platform
from tests.browser.test_looks import problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]

SMALL = {"width": 360, "height": 740}
NEW_PASSWORD = "seven kites above the breakwater"
NOT_VALID = "x" * 43


def account(platform: Platform, open_context: OpenContext, name: str) -> Organiser:
    email = f"{name.lower()}-{uuid.uuid4().hex[:8]}@example.org"
    platform.add_account(email, name, PASSWORD)
    return Organiser(open_context(), platform.url, email)


def sign_in(person: Organiser, page: Page, email: str, password: str) -> None:
    page.goto(f"{person.url}/sign-in?next=/account")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def is_in(page: Page) -> None:
    expect(page.get_by_role("heading", level=1, name="Your account")).to_be_visible()


def is_refused(page: Page) -> None:
    refusal = page.get_by_role("alert").filter(has_text=re.compile("."))
    expect(refusal).to_contain_text("did not sign you in")


def test_a_forgotten_password_is_replaced(platform: Platform, open_context: OpenContext) -> None:
    person = account(platform, open_context, "Iris")
    there = open_context()
    platform.sign_in(there, person.email)
    elsewhere = there.new_page()
    elsewhere.goto(f"{platform.url}/account")
    is_in(elsewhere)

    page = person.page
    page.goto(f"{platform.url}/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    expect(person.heading("Reset your password")).to_be_visible()
    person.fill("E-mail", person.email)
    person.press("Send the link")
    expect(person.heading("Look at your mail")).to_be_focused()
    link = person.link_of_mail("/password-reset/confirm")
    page.goto(link)
    expect(page.get_by_label("New password", exact=True)).to_have_js_property("spellcheck", False)
    page.get_by_label("New password", exact=True).fill("short")
    person.press("Change the password")
    expect(page.get_by_label("New password", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    person.press("Change the password")
    expect(person.heading("Your password is changed")).to_be_focused()

    # Whoever was in is out, the old password opens nothing, and the link works once.
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    sign_in(person, page, person.email, PASSWORD)
    is_refused(page)
    page.goto(link)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    person.press("Change the password")
    expect(page.get_by_role("alert").filter(has_text=re.compile("."))).to_be_visible()
    sign_in(person, page, person.email, NEW_PASSWORD)
    is_in(page)


def test_nobody_learns_which_addresses_have_accounts(platform: Platform, open_context: OpenContext) -> None:
    page = open_context().new_page()
    stranger = f"nobody-{uuid.uuid4().hex[:8]}@example.org"
    page.goto(f"{platform.url}/password-reset")
    page.get_by_label("E-mail").fill(stranger)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text(f"If there is an account for {stranger}")).to_be_visible()


def test_an_address_is_changed_by_who_reads_the_new_one(
    platform: Platform, open_context: OpenContext
) -> None:
    person = account(platform, open_context, "Juno")
    page, old, new = person.page, person.email, f"juno-new-{uuid.uuid4().hex[:8]}@example.org"
    platform.sign_in(person.context, old)
    page.goto(f"{platform.url}/account")
    is_in(page)
    address = page.locator("#address")
    address.get_by_label("New address").fill(new)
    address.get_by_label("Password", exact=True).fill("not my password at all")
    address.get_by_role("button", name="Change the address").click()
    expect(address.get_by_role("alert").filter(has_text=re.compile("."))).to_be_visible()
    address.get_by_label("Password", exact=True).fill(PASSWORD)
    address.get_by_role("button", name="Change the address").click()
    expect(address.get_by_text(f"Open the link that we sent to {new}.")).to_be_visible()
    # Until the link is opened, the old one counts.
    other = open_context().new_page()
    sign_in(person, other, new, PASSWORD)
    is_refused(other)

    person.email = new
    link = person.link_of_mail("/account/email/confirm")
    page.goto(link)
    expect(person.heading("Your new address counts now")).to_be_focused()
    sign_in(person, other, old, PASSWORD)
    is_refused(other)
    sign_in(person, other, new, PASSWORD)
    is_in(other)
    expect(other.locator("#address")).to_contain_text(new)
    other.goto(link)
    expect(other.get_by_role("heading", level=1, name="This link is used up")).to_be_visible()
    # The old mailbox hears of it, should it have been somebody else.
    letters = page.request.get(f"{platform.url}/dev/mail.json", params={"to": old}).json()
    assert len(letters) == 1


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ar", "dark")])
def test_axe_finds_nothing_behind_links_and_each_fits_a_small_phone(
    platform: Platform, open_context: OpenContext, language: str, scheme: str
) -> None:
    """Each as it opens, and once more after what was pressed there."""
    person = account(platform, open_context, "Mila")
    context = open_context(viewport=SMALL, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    platform.sign_in(context, person.email)
    context.add_cookies([{"name": "bilten_language", "value": language, "url": platform.url}])
    found: dict[str, list[str]] = {}
    wide: list[str] = []

    def look(name: str) -> None:
        found[name] = problems(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)

    for path in ("/invitation", "/password-reset/confirm", "/account/email/confirm"):
        page.goto(f"{platform.url}{path}#token={NOT_VALID}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert page.evaluate("document.documentElement.lang") == language
        look(path)
        button = page.locator("#main .button-main:not(a)")
        if button.count():
            if page.locator("input[name=password]").count():
                page.locator("input[name=password]").fill(NEW_PASSWORD)
            button.click()
            expect(page.get_by_role("alert").filter(has_text=re.compile("."))).to_be_visible()
            look(f"{path}, refused")
    assert {name: one for name, one in found.items() if one} == {}
    assert wide == []
    assert len(found) == 5, found
