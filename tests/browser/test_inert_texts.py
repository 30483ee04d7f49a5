"""What people write is text, wherever it is shown: an organisation, its venue and its event have markup in
every field that takes a text. If this failed, whoever may write a title could act as everybody who reads it.
"""

import json
import uuid
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import quote

import pytest
from icalendar import Calendar
from playwright.sync_api import BrowserContext, Dialog, Page, expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.browser.organiser import Client
from tests.browser.platform import PASSWORD, Platform
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.ray, pytest.mark.timeout(300)]

# An element that is none of the pages' own. Nothing here is at `/x`: `onerror` would follow.
_FOREIGN = "[data-foreign]"
SECTIONS = ("/events", "/venues", "/members", "/keys", "/devices", "/audit", "/settings", "/transfer")


def hostile(field: str) -> str:
    """A text that leaves attributes, scripts, comments and elements, if it can."""
    return f"{field} '\"--></script></title><img data-foreign src=/x onerror=alert(1)>{{{{7}}}}&lt;b>"


TITLE, SUMMARY, DESCRIPTION = hostile("Title"), hostile("Summary"), hostile("Description")
ORGANISATION, ABOUT = hostile("Organisation"), hostile("About")
VENUE, ADDRESS, CITY = hostile("Venue"), hostile("Address"), hostile("City")
POOL, TYPE, TYPE_TEXT, TIER = hostile("Pool"), hostile("Type"), hostile("TypeText"), "T<b data-foreign>'\""
LABEL, CHOICE = hostile("Label"), hostile("Choice")
TAG, REASON, ALT = "\"'><img data-foreign src=/x>", hostile("Reason"), hostile("Alt")
BATCH, PERSON = "\"'><img data-foreign src=/x onerror=alert(1)>", "Ann <b data-foreign>Onym</b>"
# In Markdown an entity is the letter that it stands for.
ABOUT_SEEN, DESCRIPTION_SEEN = ABOUT.replace("&lt;", "<"), DESCRIPTION.replace("&lt;", "<")
LINKS = "\n\n[press](javascript:alert(1)) ![seen](javascript:alert(1)) <javascript:alert(1)>"


class Author(Client):
    """The owner of an organisation, who writes over the API."""

    def __init__(self, platform: Platform, context: BrowserContext) -> None:
        super().__init__(context, platform.url)
        self.mark = uuid.uuid4().hex[:8]
        email = f"author-{self.mark}@example.org"
        platform.add_account(email, PERSON, PASSWORD)
        platform.sign_in(context, email)
        said = {"name": ORGANISATION, "slug": f"inert-{self.mark}"}
        made = self.ask("POST", "/organisations", said)
        self.slug, self.base = said["slug"], f"/organisations/{made['id']}"
        self.desk = f"{self.url}/organizer/{made['id']}"
        self.ask("PATCH", self.base, {"description": ABOUT + LINKS}, version=made["version"])

    def publish(self) -> Any:
        """Put the event on sale, with a venue, codes and a question."""
        venue = {"name": VENUE, "address": ADDRESS, "city": CITY, "time_zone": "Europe/Berlin"}
        venue_id = self.ask("POST", f"{self.base}/venues", venue)["venue"]
        event = self.ask(
            "POST",
            f"{self.base}/events",
            {
                "title": TITLE, "slug": f"inert-{self.mark}", "summary": SUMMARY, "venue": venue_id,
                "description": DESCRIPTION + LINKS, "image_alt": ALT, "tags": [TAG],
                "time_zone": "Europe/Berlin", "starts_at": "2030-06-19T20:00",
            },
        )  # fmt: skip
        self.event = f"{self.base}/events/{event['event']}"
        tickets = {
            "pools": [{"name": POOL, "capacity": 50}],
            "ticket_types": [
                {
                    "name": TYPE, "description": TYPE_TEXT, "price_minor": 2_000, "pools": [0],
                    "tiers": [{"number": 1, "name": TIER, "price_minor": 1_000, "quantity": 5}],
                },
            ],
            "questions": [{"label": LABEL, "kind": "choice", "choices": [CHOICE]}],
        }  # fmt: skip
        self.ask("PUT", f"{self.event}/ticket-types", tickets, version=1)
        codes = {"count": 2, "batch": BATCH, "percent_basis_points": 1_000}
        self.ask("POST", f"{self.event}/vouchers/bulk", codes)
        return self.ask("POST", f"{self.event}/publish", version=event["version"])


def nothing_foreign(page: Page) -> None:
    """Nothing of what was written has become more than text; scripts have drawn what they draw."""
    expect(page.locator("[aria-busy=true], .skeleton")).to_have_count(0)
    expect(page.locator(_FOREIGN)).to_have_count(0)
    assert page.locator("[href^='javascript:' i], [src^='javascript:' i]").count() == 0


def shows(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.get_by_text(text).first).to_be_visible()
    nothing_foreign(page)


def opened(open_context: OpenContext, dialogs: list[str], **options: Any) -> BrowserContext:
    """A context that writes down what a script of somebody's would open first."""
    context = open_context(viewport=DESKTOP, **options)

    def heard(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    context.on("dialog", heard)
    return context


def test_everybody_reads_texts(platform: Platform, open_context: OpenContext) -> None:
    dialogs: list[str] = []
    author = Author(platform, opened(open_context, dialogs))
    event = author.publish()
    context = opened(open_context, dialogs)
    page = context.new_page()
    for query in ("", f"?organisation={author.slug}", f"?tag={quote(TAG)}"):
        page.goto(f"{platform.url}/{query}")
        nothing_foreign(page)
    shows(page, TITLE, VENUE, CITY)
    # What somebody looks for is said back to them, all of it on one page.
    looked = ("q", "city", "tag", "price", "currency", "cursor", "from", "language")
    asked = [f"{name}={quote(hostile('Looked')[:100])}" for name in looked]
    page.goto(f"{platform.url}/?{'&'.join(asked)}")
    expect(page.get_by_label("What", exact=True)).to_have_value(hostile("Looked")[:100])
    nothing_foreign(page)
    page.goto(f"{platform.url}/o/{author.slug}")
    shows(page, ORGANISATION, ABOUT_SEEN, TITLE)

    buyer = Visitor(context, f"{platform.url}/e/{event['slug']}")
    shows(buyer.page, TITLE, SUMMARY, DESCRIPTION_SEEN, ORGANISATION, VENUE, ADDRESS, CITY, TYPE, TYPE_TEXT)
    (data,) = buyer.page.locator("script[type='application/ld+json']").all_text_contents()
    told = json.loads(data)
    assert (told["name"], told["organizer"]["name"]) == (TITLE, ORGANISATION)
    assert buyer.page.title().startswith(TITLE)
    buyer.choose(TYPE)
    buyer.reserve()
    expect(buyer.reserved()).to_be_visible()
    shows(buyer.page, TYPE, LABEL)
    buyer.page.get_by_role("combobox", name=LABEL).select_option(label=CHOICE)
    buyer.pay()
    expect(buyer.tickets()).to_have_count(1)
    shows(buyer.page, TYPE)
    buyer.page.goto(f"{platform.url}/tickets")
    nothing_foreign(buyer.page)

    feeds_have_texts(context, author)
    author.ask("POST", f"{author.event}/cancel", {"reason": REASON}, version=event["version"])
    buyer.page.goto(f"{platform.url}/e/{event['slug']}")
    shows(buyer.page, TITLE, REASON)
    assert not dialogs


def feeds_have_texts(context: BrowserContext, author: Author) -> None:
    for path in (f"/calendar/{author.slug}.ics", f"/calendar/events/inert-{author.mark}.ics"):
        calendar = Calendar.from_ical(context.request.get(author.url + path).body())
        (entry,) = calendar.walk("VEVENT")
        assert (str(entry["summary"]), str(entry["description"])) == (TITLE, SUMMARY)
        assert str(entry["location"]) == f"{VENUE}, {ADDRESS}, {CITY}"
    for path in ("/sitemap.xml", "/sitemaps/organisations.xml", "/sitemaps/events-0.xml"):
        written = context.request.get(author.url + path).text()
        ET.fromstring(written)
        assert "data-foreign" not in written


def test_those_who_work_read_texts(platform: Platform, open_context: OpenContext) -> None:
    dialogs: list[str] = []
    context = opened(open_context, dialogs)
    author = Author(platform, context)
    author.publish()
    page = context.new_page()
    seen = {"/events": [TITLE], "/venues": [VENUE], "/members": [PERSON]}
    for section in SECTIONS:
        page.goto(f"{author.desk}{section}")
        shows(page, ORGANISATION, *seen.get(section, []))
    event = f"{author.desk}/events/{author.event.rsplit('/', 1)[1]}"
    for address in (event, f"{author.desk}/events/new"):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        nothing_foreign(page)
    page.goto(f"{event}/sales")
    shows(page, POOL)

    email = f"root-{author.mark}@example.org"
    platform.add_account(email, PERSON, PASSWORD, "platform_admin")
    admin = opened(open_context, dialogs)
    platform.sign_in(admin, email)
    page = admin.new_page()
    for path in ("/admin", "/admin/organisations", "/admin/users", "/admin/flags", "/admin/audit"):
        page.goto(f"{platform.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        shows(page, *([ORGANISATION] if path.endswith("organisations") else []))
    assert not dialogs
