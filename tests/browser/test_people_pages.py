"""The pages about people and their organisations, in a real browser against the whole running platform:
signing up and in with the keyboard alone, in both languages and schemes, at the width of a small phone,
without scripts.

If these failed, somebody could not get an account, not read a page, or not find an event.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.browser.conftest import PHONE, OpenContext, run_modules
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import PASSWORD, Platform
from tests.browser.test_looks import at_widths, problems
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]

SMALL = 360
FOCUSED = """() => {
    const one = document.activeElement;
    return (one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent).trim();
}"""


@dataclass(frozen=True)
class Visits:
    """Pages that are looked at, with the cookies of who looks; None for a stranger."""

    paths: list[str]
    state: StorageState | None = None


STRANGERS = Visits(
    [
        "/",
        "/?q=nothing-like-this",
        "/sign-up",
        "/sign-in",
        "/password-reset",
        "/privacy",
        "/tickets",
        "/nowhere",
    ]
)


@pytest.fixture(scope="module")
def signed_in(platform: Platform, browser: Browser) -> Iterator[Visits]:
    """Somebody with an organisation and a draft of an event, and the addresses of their pages."""
    mark = uuid.uuid4().hex[:8]
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce"
    )
    owner = Organiser(context, platform.url, f"vera-{mark}@example.org")
    owner.have_account(platform, "Vera Lund")
    owner.have_organisation("Alte Börse", f"alte-boerse-{mark}")
    owner.have_draft("The small hours", "2030-06-19T20:00", TicketKind("Seat", "12.00", places=40))
    events = owner.desk(owner.organisation).removeprefix(platform.url) + "/events"
    # The editor has looks of its own, in test_editor_looks.
    pages = ["/account", "/account/security", "/account/sessions", "/privacy", "/tickets", "/organizer?new"]
    pages += [f"/o/alte-boerse-{mark}", events, f"{events}/new"]
    yield Visits(pages, context.storage_state())
    context.close()


def go(page: Page, platform: Platform, path: str) -> None:
    page.goto(platform.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def speak(context: BrowserContext, platform: Platform, language: str) -> None:
    context.add_cookies([{"name": "bilten_language", "value": language, "url": platform.url}])


# Each language and each scheme once; `make soak` looks at every pair.
@pytest.mark.parametrize(
    ("language", "scheme"),
    [
        ("en", "light"),
        ("ar", "dark"),
        pytest.param("en", "dark", marks=pytest.mark.soak),
        pytest.param("ar", "light", marks=pytest.mark.soak),
    ],
)
def test_axe_finds_nothing_on_any_page_and_each_fits_a_small_phone(
    platform: Platform, open_context: OpenContext, signed_in: Visits, language: str, scheme: str
) -> None:
    found: dict[str, list[str]] = {}
    wide: list[str] = []
    for who, visits in (("stranger", STRANGERS), ("signed in", signed_in)):
        context = open_context(
            viewport=PHONE, color_scheme=scheme, bypass_csp=True, storage_state=visits.state
        )
        speak(context, platform, language)
        page = context.new_page()
        for path in visits.paths:
            go(page, platform, path)
            assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
                language,
                "rtl" if language == "ar" else "ltr",
            ]
            found[f"{path}, {who}"] = problems(page)
            if at_widths(page, (SMALL,)):
                wide.append(f"{path}, {who}")
    assert {name: one for name, one in found.items() if one} == {}
    assert wide == []


def tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", "the focus must be seen wherever it is"
        if str(page.evaluate(FOCUSED)).startswith(name):
            return
    pytest.fail(f"{name} is not reached with the Tab key")


def test_signing_up_and_in_with_the_keyboard_alone(platform: Platform, open_context: OpenContext) -> None:
    email = f"kay-{uuid.uuid4().hex[:8]}@example.org"
    context = open_context()
    person = Organiser(context, platform.url, email)
    page = person.page
    page.goto(f"{platform.url}/sign-up")
    expect(person.heading("Create an account")).to_be_visible()
    tab_to(page, "Name")
    page.keyboard.press("Enter")
    # What is wrong is told, and the first wrong field has the focus.
    expect(page.get_by_text("Enter your name.")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Kay Öström")
    tab_to(page, "E-mail")
    page.keyboard.type(email)
    tab_to(page, "New password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(person.heading("Look at your mail")).to_be_focused()
    page.goto(person.link_of_mail())
    expect(person.heading("Welcome")).to_be_focused()
    tab_to(page, "Continue")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{platform.url}/")

    again = open_context().new_page()
    again.goto(f"{platform.url}/sign-in?next=/account")
    # Keys, unlike clicks, do not wait for what they are meant for.
    expect(again.get_by_role("heading", name="Sign in")).to_be_visible()
    tab_to(again, "E-mail")
    again.keyboard.type(email)
    tab_to(again, "Password")
    again.keyboard.type("not my password at all")
    again.keyboard.press("Enter")
    expect(again.get_by_role("alert").filter(has_text=re.compile("."))).to_contain_text("did not sign you in")
    again.get_by_label("Password", exact=True).fill(PASSWORD)
    again.keyboard.press("Enter")
    expect(again.get_by_role("heading", name="Your account")).to_be_visible()
    expect(again.get_by_label("Name")).to_have_value("Kay Öström")
    again.get_by_role("button", name="Menu of Kay Öström").press("Enter")
    expect(again.get_by_role("navigation", name="Menu").get_by_text(email)).to_be_visible()
    again.get_by_role("button", name="Sign out").press("Enter")
    again.wait_for_url(f"{platform.url}/")
    expect(again.get_by_role("link", name="Sign in").first).to_be_visible()


def test_who_types_on_after_a_refusal_keeps_the_focus(platform: Platform, open_context: OpenContext) -> None:
    """The rest of the name would land in the next field that is still empty."""
    page = open_context().new_page()
    go(page, platform, "/sign-up")
    page.get_by_label("Name").focus()
    page.evaluate("""async () => {
        const name = document.activeElement;
        name.form.requestSubmit();
        name.value = "K";
        name.dispatchEvent(new InputEvent("input", { bubbles: true }));
        for (let frame = 0; frame < 4; frame++) {
            await new Promise(requestAnimationFrame);
        }
    }""")
    expect(page.get_by_text("Enter an address such as name@example.org.")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()


def test_who_is_signed_in_is_asked_for_nothing(
    platform: Platform, open_context: OpenContext, signed_in: Visits
) -> None:
    """Somebody would be led to sign in, or to make a second account, over a link that they kept."""
    page = open_context(storage_state=signed_in.state).new_page()
    for asked, led in (
        ("/sign-in", "/account"),
        ("/sign-up", "/account"),
        ("/sign-in?next=/tickets%3Fall", "/tickets?all"),
        ("/sign-up?next=/privacy", "/privacy"),
        ("/sign-in?next=/sign-in", "/account"),
        ("/sign-in?next=//evil.example", "/account"),
        ("/sign-up?next=/%5Cevil.example", "/account"),
        ("/sign-in?next=https://evil.example/", "/account"),
    ):
        page.goto(platform.url + asked)
        page.wait_for_url(platform.url + led)


def test_a_second_factor_is_set_up_and_asked_for(platform: Platform, open_context: OpenContext) -> None:
    person = Organiser(open_context(), platform.url, f"otto-{uuid.uuid4().hex[:8]}@example.org")
    person.have_account(platform, "Otto")
    page = person.page
    page.goto(f"{platform.url}/account/security")
    totp = page.locator("#totp")
    totp.get_by_role("button", name="Set up").click()
    dialog = page.get_by_role("dialog")
    picture, password = dialog.get_by_role("img", name="QR code"), dialog.get_by_label("Password")
    expect(picture.or_(password)).to_be_visible()
    if password.is_visible():
        password.fill(PASSWORD)
        dialog.get_by_role("button", name="Confirm").click()
    expect(picture).to_be_visible()
    dialog.get_by_text("Can’t scan?").click()
    secret = dialog.locator(".secret").inner_text().replace(" ", "")
    dialog.get_by_label("Six-digit code").fill(pyotp.TOTP(secret).now())
    dialog.get_by_role("button", name="Turn on").click()
    codes = dialog.locator(".recovery-codes li")
    expect(codes.first).to_be_visible()
    kept = codes.all_inner_texts()
    dialog.get_by_role("button", name="I have kept them").click()
    expect(totp.get_by_text("On", exact=True)).to_be_visible()

    other = open_context().new_page()
    other.goto(f"{platform.url}/sign-in?next=/account/sessions")
    other.get_by_label("E-mail").fill(person.email)
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_role("heading", name="One more step")).to_be_focused()
    other.get_by_role("button", name="Use a recovery code").click()
    other.get_by_label("Recovery code").fill(kept[0])
    other.get_by_role("button", name="Sign in", exact=True).click()
    # Both sessions are listed; the other one is ended from here, and has ended there.
    expect(other.locator("#sessions .rows > li")).to_have_count(2)
    other.get_by_role("button", name="End the session of").click()
    expect(other.locator("#sessions .rows > li")).to_have_count(1)
    page.goto(f"{platform.url}/account")
    expect(person.heading("Sign in")).to_be_visible()


def test_a_guest_keeps_the_tickets_with_an_account(platform: Platform, open_context: OpenContext) -> None:
    event = platform.add_event({"Standing": 50})
    context = open_context()
    buyer = Visitor(context, event.address)
    buyer.choose("Standing", 2)
    buyer.reserve()
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    buyer.page.goto(f"{platform.url}/tickets")
    expect(buyer.page.get_by_text("Keep these tickets")).to_be_visible()
    person = Organiser(context, platform.url, f"gus-{uuid.uuid4().hex[:8]}@example.org")
    person.sign_up("Gus", then="/tickets")
    expect(buyer.page.get_by_role("heading", level=1)).to_be_visible()
    elsewhere = open_context().new_page()
    elsewhere.goto(f"{platform.url}/sign-in?next=/tickets")
    elsewhere.get_by_label("E-mail").fill(person.email)
    elsewhere.get_by_label("Password", exact=True).fill(PASSWORD)
    elsewhere.get_by_role("button", name="Sign in", exact=True).click()
    images = elsewhere.get_by_role("img", name="QR code of ticket")
    expect(images).to_have_count(2)
    for image in images.all():
        image.scroll_into_view_if_needed()
        assert image.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0


def test_events_are_found_with_and_without_a_script(platform: Platform, open_context: OpenContext) -> None:
    platform.add_event({"Standing": 50})
    for has_script in (False, True):
        page = open_context(java_script_enabled=has_script).new_page()
        page.goto(platform.url)
        page.get_by_label("What").fill("nachtlicht lamplight")
        page.get_by_role("button", name="Search").click()
        page.wait_for_url(re.compile(r"\?q=nachtlicht"))
        expect(page.locator(".event-card").first).to_contain_text("Nachtlicht")
        page.get_by_label("What").fill("zither")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
        page.get_by_role("link", name="Show everything").click()
        expect(page.locator(".event-card").first).to_be_visible()
        # Whichever of all that other tests have made.
        title = page.locator(".event-card h2").first.inner_text()
        page.locator(".event-card").first.get_by_role("link").click()
        # Roles are not found in what is there without a script only.
        expect(page.locator("h1")).to_contain_text(title)
        expect(page.locator("main p, main dd").filter(has_text="Kranhalle").first).to_be_visible()


# At every hour it is another day than UTC's in one of them.
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_the_day_of_who_looks(platform: Platform, open_context: OpenContext, zone: str) -> None:
    page = open_context(timezone_id=zone).new_page()
    before = dt.datetime.now(ZoneInfo(zone)).date()
    page.goto(platform.url)
    run_modules(page)
    today = page.get_by_role("link", name="Today")
    today.click()
    page.wait_for_url(re.compile("from="))
    expect(today).to_have_attribute("aria-current", "true")
    shown = dt.date.fromisoformat(parse_qs(urlsplit(page.url).query)["from"][0])
    assert before <= shown <= dt.datetime.now(ZoneInfo(zone)).date()
    page.goto(f"{platform.url}/?from={shown}&to={shown}")
    expect(today).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("link", name="Any time")).not_to_have_attribute("aria-current", "true")
    weekend = page.get_by_role("link", name="This weekend")
    address = parse_qs(urlsplit(str(weekend.get_attribute("href"))).query)
    first, last = (dt.date.fromisoformat(address[name][0]) for name in ("from", "to"))
    assert (last.weekday(), (last - shown).days) == (6, 6 - shown.weekday())
    assert first == max(shown, last - dt.timedelta(days=2))


def test_the_language_is_chosen_and_stays(platform: Platform, open_context: OpenContext) -> None:
    context = open_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{platform.url}/privacy")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="العربية").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("الخصوصية")
    page.goto(platform.url)
    assert page.locator("html").get_attribute("dir") == "rtl"
    for elsewhere in ("//evil.example", "/\\evil.example", "https://evil.example"):
        page.goto(f"{platform.url}/language?to=en&back={elsewhere}")
        assert page.url == f"{platform.url}/"


def test_what_a_guest_reserved_is_paid_for_after_signing_in(
    platform: Platform, open_context: OpenContext
) -> None:
    event = platform.add_event({"Standing": 50})
    email = f"gia-{uuid.uuid4().hex[:8]}@example.org"
    platform.add_account(email, "Gia", PASSWORD)
    context = open_context()
    buyer = Visitor(context, event.address)
    buyer.choose("Standing", 2)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    path = event.address.removeprefix(platform.url)
    buyer.page.goto(f"{platform.url}/sign-in?next={path}")
    buyer.page.get_by_label("E-mail").fill(email)
    buyer.page.get_by_label("Password", exact=True).fill(PASSWORD)
    buyer.page.get_by_role("button", name="Sign in", exact=True).click()
    buyer.page.wait_for_url(event.address)
    expect(buyer.reserved()).to_be_visible()
    buyer.pay()
    expect(buyer.tickets()).to_have_count(2)
    buyer.page.goto(f"{platform.url}/tickets")
    expect(buyer.tickets()).to_have_count(2)


def test_another_browser_confirms_with_the_password_alone(
    platform: Platform, open_context: OpenContext
) -> None:
    """Whoever is sent a link for an account that somebody else asked for, gets none by pressing it."""
    person = Organiser(open_context(), platform.url, f"anna-{uuid.uuid4().hex[:8]}@example.org")
    person.ask_for_an_account("Anna Berg")
    other = open_context().new_page()
    other.goto(person.link_of_mail("/sign-up/confirm"))
    expect(other.get_by_role("heading", name="Is this account yours?")).to_be_visible()
    assert problems(other) == []
    other.locator("input[name=password]").fill("not what was chosen")
    other.get_by_role("button", name="Confirm my address").click()
    expect(other.get_by_text("This password or code is not right")).to_be_visible()
    other.locator("input[name=password]").fill(PASSWORD)
    other.get_by_role("button", name="Confirm my address").click()
    expect(other.get_by_role("heading", name="Welcome")).to_be_visible()
