"""The pages about an organisation's own affairs, in a real browser against the whole running platform:
members, API keys and devices, venues, the audit log, the profile, the live sale.

If these failed, somebody could not share the work, a role or a token would not be what the page says, or a
page could not be read or used with the keyboard, in a language, a scheme or at a width.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from cluster import processes
from tests.browser.conftest import DESKTOP, PHONE, OpenContext
from tests.browser.organiser import Organiser, TicketKind
from tests.browser.platform import PASSWORD, Platform
from tests.browser.test_looks import at_widths, problems

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]

SECTIONS = ("venues", "members", "keys", "devices", "audit", "settings", "transfer")
WITH_DIALOG = ("venues", "members", "keys", "devices")
WIDTHS = (360, 768, 3840)
EVENT_TITLE = "The small hours"


@dataclass(frozen=True)
class Owned:
    """An organisation with a published event, and the cookies of its owner."""

    name: str
    email: str
    base: str
    event: str
    state: StorageState

    @property
    def pages(self) -> list[str]:
        return [*(f"{self.base}/{name}" for name in SECTIONS), f"{self.event}/sales"]


@pytest.fixture(scope="module")
def owned(platform: Platform, browser: Browser) -> Iterator[Owned]:
    mark = uuid.uuid4().hex[:8]
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce"
    )
    owner = Organiser(context, platform.url, f"ida-{mark}@example.org")
    owner.have_account(platform, "Ida Vogel")
    owner.have_organisation("Alte Börse", f"boerse-{mark}")
    hall = {"name": "Saal", "city": "Leipzig", "time_zone": "Europe/Berlin", "capacity": 200}
    venue = owner.ask("POST", f"{owner.organisation}/venues", hall)["venue"]
    seat = TicketKind("Seat", "12.00", places=40)
    owner.have_draft(EVENT_TITLE, "2030-06-19T20:00", seat, venue=venue)
    owner.publish()
    base, event = owner.desk(owner.organisation), owner.desk(owner.event)
    yield Owned("Alte Börse", owner.email, base, event, context.storage_state())
    context.close()


def drawn(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def visit(open_context: OpenContext, owned: Owned, section: str, **options: object) -> Page:
    page = open_context(**{"viewport": DESKTOP, "storage_state": owned.state, **options}).new_page()
    drawn(page, f"{owned.base}/{section}")
    return page


def toast(page: Page, text: str) -> None:
    expect(page.locator(".toast").filter(has_text=text)).to_be_visible()


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
def test_axe_finds_nothing_serious_and_no_width_scrolls_sideways(
    platform: Platform, open_context: OpenContext, owned: Owned, language: str, scheme: str
) -> None:
    context = open_context(viewport=PHONE, color_scheme=scheme, bypass_csp=True, storage_state=owned.state)
    context.add_cookies([{"name": "bilten_language", "value": language, "url": platform.url}])
    found: dict[str, list[str]] = {}
    wide: dict[str, list[int]] = {}
    page = context.new_page()
    for address in owned.pages:
        drawn(page, address)
        assert page.evaluate("document.documentElement.lang") == language
        found[address] = problems(page)
        wide[address] = at_widths(page, WIDTHS)
        section = address.rsplit("/", 1)[1]
        if section in WITH_DIALOG:
            page.locator(".page-head .button-main").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            found[f"{section} dialog"] = problems(page)
    assert {name: one for name, one in found.items() if one} == {}
    assert {name: one for name, one in wide.items() if one} == {}


def test_somebody_is_invited_joins_changes_role_and_leaves(
    platform: Platform, open_context: OpenContext, owned: Owned
) -> None:
    page = visit(open_context, owned, "members")
    guest = Organiser(
        open_context(viewport=DESKTOP), platform.url, f"noor-{uuid.uuid4().hex[:8]}@example.org"
    )
    page.get_by_role("button", name="Invite somebody").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill("no address")
    dialog.get_by_role("button", name="Send the invitation").click()
    expect(dialog.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("E-mail").fill(guest.email)
    dialog.get_by_label("Finance").check()
    dialog.get_by_role("button", name="Send the invitation").click()
    toast(page, guest.email)
    expect(page.get_by_role("listitem").filter(has_text=guest.email)).to_contain_text("Finance")

    link = guest.link_of_mail("/invitation")
    guest.have_account(platform, "Noor Al-Sayed")
    guest.page.goto(link)
    guest.press("Join the team")
    expect(guest.page.locator(".switcher-name")).to_have_text(owned.name)

    page.reload()
    role = page.get_by_label("Role of Noor Al-Sayed")
    expect(role).to_have_value("finance")
    role.select_option("viewer")
    toast(page, "Noor Al-Sayed is now: Viewer.")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(role).to_have_value("finance")
    # What is removed comes back, and only what was not taken back is gone.
    page.get_by_role("button", name="Remove Noor Al-Sayed").click()
    expect(role).to_have_count(0)
    page.locator(".toast").get_by_role("button", name="Undo").last.click()
    expect(role).to_have_value("finance")
    page.get_by_role("button", name="Remove Noor Al-Sayed").click()
    expect(role).to_have_count(0)
    # Leaving the page is no taking back.
    page.goto(f"{owned.base}/settings")

    def is_gone() -> bool:
        organisation = owned.base.rsplit("/", 1)[1]
        answer = page.request.get(f"{platform.url}/api/v1/organisations/{organisation}/members")
        return answer.ok and guest.email not in answer.text()

    assert processes.wait_until(is_gone, 20, 0.1)


def test_a_key_is_shown_once_works_and_is_revoked(
    platform: Platform, open_context: OpenContext, owned: Owned
) -> None:
    page = visit(open_context, owned, "keys")
    page.get_by_role("button", name="New API key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What it is for").fill("Website")
    dialog.get_by_label("Read the audit log").check()
    dialog.get_by_role("button", name="New API key").click()
    expect(dialog.get_by_text("This is shown only now")).to_be_visible()
    token = dialog.locator(".token-text").inner_text()
    dialog.get_by_role("button", name="I have it").click()
    expect(page.get_by_role("listitem").filter(has_text="Website")).to_contain_text("Read the audit log")
    assert token not in page.content()
    organisation = owned.base.rsplit("/", 1)[1]
    stranger = open_context().request
    asked = f"{platform.url}/api/v1/organisations/{organisation}"
    bearer = {"Authorization": f"Bearer {token}"}
    assert stranger.get(f"{asked}/audit", headers=bearer).status == 200
    assert stranger.get(f"{asked}/members", headers=bearer).status == 403
    page.get_by_role("button", name="Revoke Website").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    toast(page, "Website opens nothing any more")
    page.wait_for_function(
        "async ([url, authorization]) => (await fetch(url, {headers: {authorization}})).status === 401",
        arg=[f"{asked}/audit", f"Bearer {token}"],
    )


def test_an_organisation_that_sells_is_not_closed(
    platform: Platform, open_context: OpenContext, owned: Owned
) -> None:
    # A session's token changes with a proof, and the one of the other tests is not to.
    page = open_context(viewport=DESKTOP).new_page()
    page.goto(f"{platform.url}/sign-in?next={owned.base.removeprefix(platform.url)}/settings")
    page.get_by_label("E-mail", exact=True).fill(owned.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Close the organisation").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type its name").fill(owned.name)
    dialog.get_by_role("button", name="Close it").click()
    proof = page.get_by_role("dialog", name="Is it still you?")
    proof.get_by_label("Password").fill(PASSWORD)
    proof.get_by_role("button", name="Confirm").click()
    told = page.get_by_role("alert").filter(has_text="It can’t be closed yet")
    expect(told).to_contain_text("One event is not over")
    told.get_by_role("link", name=EVENT_TITLE).click()
    expect(page.get_by_role("heading", level=1, name=EVENT_TITLE)).to_be_visible()


def test_a_device_shows_its_token_as_a_picture(open_context: OpenContext, owned: Owned) -> None:
    page = visit(open_context, owned, "devices")
    page.get_by_role("button", name="New device").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Which device it is").fill("Gate A")
    dialog.get_by_label("For", exact=True).select_option(label=EVENT_TITLE)
    dialog.get_by_role("button", name="New device").click()
    picture = dialog.get_by_role("img", name="QR code of the token")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    dialog.get_by_role("button", name="I have it").click()
    expect(page.get_by_role("listitem").filter(has_text="Gate A")).to_contain_text(EVENT_TITLE)


def test_the_profile_is_not_overwritten_and_the_log_tells_who_changed_it(
    open_context: OpenContext, owned: Owned
) -> None:
    first, second = (visit(open_context, owned, "settings") for _ in range(2))
    first.get_by_label("Website").fill("https://first.example.org")
    first.get_by_role("button", name="Save").click()
    toast(first, "Saved")
    second.get_by_label("Website").fill("https://second.example.org")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert").filter(has_text="Nothing was overwritten")).to_be_visible()
    second.get_by_role("button", name="Show their version").click()
    expect(second.get_by_label("Website")).to_have_value("https://first.example.org")
    # Who has no second factor can't require one, and be shut out by it.
    expect(second.get_by_label("Members need a second factor")).to_be_disabled()

    log = visit(open_context, owned, "audit")
    log.get_by_label("What", exact=True).select_option(label="The organisation")
    newest = log.locator(".audit > li").first
    expect(newest).to_contain_text("Ida Vogel changed the organisation")
    newest.get_by_text("Details").click()
    expect(newest.get_by_role("row").filter(has_text="website")).to_contain_text("https://first.example.org")
    log.get_by_label("Which event").select_option(label=EVENT_TITLE)
    expect(log.get_by_text("Nothing fits")).to_be_visible()
    log.get_by_label("What", exact=True).select_option(label="Events")
    expect(log.locator(".audit > li").first).to_contain_text("Ida Vogel")
    expect(log.get_by_text(f"Ida Vogel published {EVENT_TITLE}")).to_be_visible()


def test_places_go_off_the_sale_and_back_with_the_keyboard(open_context: OpenContext, owned: Owned) -> None:
    page = open_context(viewport=DESKTOP, storage_state=owned.state).new_page()
    drawn(page, f"{owned.event}/sales")
    figures = page.locator(".figure dd")
    expect(figures).to_have_text(["0", "0", "40", "0", "0"])
    page.get_by_role("button", name="Withhold or return places of Seat").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("How many places")).to_be_focused()
    page.keyboard.type("50")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("40 at most.")).to_be_visible()
    dialog.get_by_label("How many places").fill("15")
    page.keyboard.press("Enter")
    expect(figures).to_have_text(["0", "0", "25", "15", "0"])
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(figures).to_have_text(["0", "0", "40", "0", "0"])
    page.get_by_role("button", name="Pause the sale").click()
    expect(page.locator(".badge")).to_have_text("Paused")
    page.get_by_role("button", name="Resume the sale").click()
    expect(page.locator(".badge")).to_have_text("On sale")
