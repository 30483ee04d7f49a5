"""Passkeys in a real browser with a real authenticator, on what `make up` starts, with no setting changed.

If this failed, nobody who tries the platform could add a passkey or sign in with one; that the server checks
what authenticators sign is tested without a browser.
"""

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Locator, Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.organiser import Organiser
from tests.browser.platform import PASSWORD, Platform
from tests.browser.test_looks import problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Device:
    """What a phone or a laptop has built in; its owner's finger is always on it."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        self._id = made["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        answer = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(answer["credentials"])

    def has_finger(self, is_there: bool) -> None:
        """Whether its owner is recognised."""
        self._session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": is_there}
        )


def prove(page: Page) -> None:
    """Give the password where it is asked for."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Confirm").click()


def add_passkey(page: Page) -> Locator:
    """Add one on the page that is open. Returns the list's part of the page."""
    passkeys = page.locator("#passkeys")
    passkeys.get_by_role("button", name="Add a passkey").click()
    naming = page.get_by_role("dialog", name="Name this passkey")
    proof = page.get_by_role("dialog", name="Is it still you?")
    expect(naming.or_(proof)).to_be_visible()
    if proof.is_visible():
        prove(page)
    naming.get_by_label("Name", exact=True).fill("My laptop")
    naming.get_by_role("button", name="Save").click()
    expect(passkeys.get_by_role("listitem").filter(has_text="My laptop")).to_contain_text("Not used yet")
    return passkeys


def speak(context: BrowserContext, platform: Platform, language: str) -> None:
    context.add_cookies([{"name": "bilten_language", "value": language, "url": platform.numeric_url}])


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def test_a_passkey_is_added_used_and_removed(platform: Platform, open_context: OpenContext) -> None:
    person = Organiser(open_context(), platform.url, f"ruth-{uuid.uuid4().hex[:8]}@example.org")
    page = person.page
    person.have_account(platform, "Ruth")
    page.goto(f"{platform.url}/account/security")
    device = Device(page)
    passkeys = add_passkey(page)
    assert [one["rpId"] for one in device.credentials()] == ["localhost"]

    sign_out(page)
    page.goto(f"{platform.url}/sign-in?next=/account/security")
    device.has_finger(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    # Nobody is let in by a device that does not know who holds it.
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
    assert page.url.startswith(f"{platform.url}/sign-in")
    device.has_finger(True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{platform.url}/account/security")
    mine = passkeys.get_by_role("listitem").filter(has_text="My laptop")
    expect(mine).to_be_visible()
    expect(mine).not_to_contain_text("Not used yet")

    # With the password alone somebody gets as far as the second factor, and the passkey is that.
    sign_out(page)
    page.goto(f"{platform.url}/sign-in?next=/account/security")
    person.fill("E-mail", person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    person.press("Sign in")
    expect(person.heading("One more step")).to_be_visible()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{platform.url}/account/security")

    passkeys.get_by_role("button", name="Remove My laptop").click()
    fresh = page.get_by_role("button", name="Use a passkey")
    gone = page.get_by_text("The passkey is removed.")
    expect(fresh.or_(gone)).to_be_visible()
    if fresh.is_visible():
        fresh.click()
    expect(gone).to_be_visible()
    expect(passkeys.get_by_role("listitem")).to_have_count(0)
    sign_out(page)
    page.goto(f"{platform.url}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").filter(has_text=re.compile("."))).to_be_visible()


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Passkeys need this site’s name"), ("ar", "تحتاج مفاتيح المرور إلى اسم هذا الموقع")],
)
def test_who_types_the_number_is_led_to_the_name(
    platform: Platform, open_context: OpenContext, language: str, told: str
) -> None:
    """Else somebody would believe that the browser has no passkeys, or that theirs is lost."""
    email = f"noa-{uuid.uuid4().hex[:8]}@example.org"
    platform.add_account(email, "Noa", PASSWORD)
    context = open_context(viewport={"width": 360, "height": 740}, bypass_csp=True)
    speak(context, platform, language)
    page = context.new_page()
    page.goto(f"{platform.numeric_url}/sign-in?next=/account/security")
    note = page.locator("p").filter(has_text=told)
    expect(note.get_by_role("link", name=platform.url)).to_have_attribute(
        "href", f"{platform.url}/sign-in?next=/account/security"
    )
    assert problems(page) == []
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").click()
    page.wait_for_url(f"{platform.numeric_url}/account/security")
    speak(context, platform, language)  # signing in chose the account's own
    page.reload()
    link = page.locator("#passkeys").get_by_role("link", name=platform.url)
    expect(page.locator("#passkeys")).to_contain_text(told)
    expect(page.locator("#passkeys .form-actions")).to_have_count(0)
    assert problems(page) == []
    link.click()
    # Cookies are of a host: there they sign in, and are where passkeys work.
    page.wait_for_url(f"{platform.url}/sign-in?next=%2Faccount%2Fsecurity")


def test_whose_second_factor_is_a_passkey_is_led_to_the_name(
    platform: Platform, open_context: OpenContext
) -> None:
    """The passkey is asked for, and at the number it can't be used: who is not told why is locked out."""
    person = Organiser(open_context(), platform.url, f"pim-{uuid.uuid4().hex[:8]}@example.org")
    page = person.page
    person.have_account(platform, "Pim")
    page.goto(f"{platform.url}/account/security")
    Device(page)
    add_passkey(page)
    page.goto(f"{platform.numeric_url}/sign-in?next=/account")
    person.fill("E-mail", person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    person.press("Sign in")
    expect(person.heading("One more step")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    page.get_by_role("link", name=platform.url).click()
    # There the session is still good.
    page.wait_for_url(f"{platform.url}/account")


def test_a_browser_without_passkeys_is_told_so(platform: Platform, open_context: OpenContext) -> None:
    person = Organiser(open_context(), platform.url, f"ole-{uuid.uuid4().hex[:8]}@example.org")
    person.have_account(platform, "Ole")
    person.page.add_init_script("delete window.PublicKeyCredential")
    person.page.goto(f"{platform.url}/account/security")
    expect(person.page.locator("#passkeys")).to_contain_text("This browser has no passkeys.")
    expect(person.page.get_by_role("button", name="Add a passkey")).to_have_count(0)
