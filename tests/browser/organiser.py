"""What somebody who organises events does, from signing up on, by what the pages call things; and the same
over the API, for tests of what comes after it.
"""

import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from cluster import processes
from tests.browser.platform import PASSWORD, Platform

_MAIL_S = 30.0


@dataclass(frozen=True)
class TicketKind:
    """A ticket type as it is written into the editor.

    Attributes:
        price: "" for a free one.
        pool: by whose places it is sold; None for the first, which makes its pool.
        places: how many the new pool has.
    """

    name: str
    price: str
    pool: str | None = None
    places: int = 0


def tickets_of(kinds: tuple[TicketKind, ...]) -> dict[str, Any]:
    """Return ticket types, and the pools that those without one make, as the API takes them."""
    pools = [kind for kind in kinds if kind.pool is None]
    names = [pool.name for pool in pools]
    return {
        "pools": [{"name": pool.name, "capacity": pool.places} for pool in pools],
        "ticket_types": [
            {
                "name": kind.name,
                "kind": "fixed" if kind.price else "free",
                "price_minor": int(Decimal(kind.price or 0) * 100),
                "pools": [names.index(kind.pool or kind.name)],
            }
            for kind in kinds
        ],
    }


class Client:
    """A browser's session, as it asks the API without a page."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url

    def ask(self, method: str, path: str, said: Any = None, version: int | None = None) -> Any:
        """Return what is answered; `version` is the one that a change is of."""
        headers = {"Origin": self.url, "Idempotency-Key": uuid.uuid4().hex}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = self.context.request.fetch(
            f"{self.url}/api/v1{path}", method=method, data=said, headers=headers
        )
        assert answer.ok, answer.text()
        return answer.json() if answer.body() else None


class Organiser(Client):
    """One person in one tab.

    Attributes:
        organisation, event: what was made over the API last, as their paths there.
    """

    def __init__(self, context: BrowserContext, url: str, email: str) -> None:
        super().__init__(context, url)
        self.email = email
        self.page: Page = context.new_page()
        self.organisation = ""
        self.event = ""

    def have_account(self, platform: Platform, name: str) -> None:
        """Have an account and be signed in: `sign_up` without its pages and its mail."""
        platform.add_account(self.email, name, PASSWORD)
        platform.sign_in(self.context, self.email)

    def have_organisation(self, name: str, slug: str) -> None:
        """Have an organisation: `make_organisation` without its page."""
        made = self.ask("POST", "/organisations", {"name": name, "slug": slug})
        self.organisation = f"/organisations/{made['id']}"

    def have_draft(self, title: str, starts_at: str, *kinds: TicketKind, **said: Any) -> None:
        """Have a draft and its editor open: `draft_event` and `add_ticket_type` without their pages; of what
        else the API takes of an event there is `said`.
        """
        draft = {"title": title, "starts_at": starts_at, "time_zone": "Europe/Berlin", **said}
        made = self.ask("POST", f"{self.organisation}/events", draft)
        self.event = f"{self.organisation}/events/{made['event']}"
        if kinds:
            self.ask("PUT", f"{self.event}/ticket-types", tickets_of(kinds), version=1)
        self.page.goto(self.desk(self.event) + ("#tickets" if kinds else ""))
        expect(self.heading(title)).to_be_visible()

    def desk(self, path: str) -> str:
        """Return the address of the page of a path of the API."""
        return f"{self.url}{path.replace('/organisations/', '/organizer/', 1)}"

    def sign_up(self, name: str, then: str = "/") -> None:
        """Create an account, and follow the link of the mail."""
        self.ask_for_an_account(name, then)
        self.page.goto(self.link_of_mail("/sign-up/confirm"))
        expect(self.heading("Welcome")).to_be_visible()
        self.page.get_by_role("link", name="Continue").click()

    def ask_for_an_account(self, name: str, then: str = "/") -> None:
        self.page.goto(f"{self.url}/sign-up?next={then}")
        self.fill("Name", name)
        self.fill("E-mail", self.email)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.press("Create the account")
        expect(self.heading("Look at your mail")).to_be_visible()

    def link_of_mail(self, path: str = "") -> str:
        """Return the link to a page in the newest mail to this person that has one, as the mail server was
        given it.
        """
        links: list[str] = []

        def came() -> bool:
            answer = self.context.request.get(f"{self.url}/dev/mail.json", params={"to": self.email})
            for letter in answer.json():
                found = re.search(rf"https?://[^/\s]+{path}\S*#token=[\w-]+", letter["text"])
                if found:
                    links.append(found[0])
                    return True
            return False

        assert processes.wait_until(came, _MAIL_S, 0.1), f"no mail came to {self.email}"
        return links[0]

    def make_organisation(self, name: str, slug: str) -> None:
        """Fill in the page that a newcomer is sent to."""
        expect(self.heading("Start selling")).to_be_visible()
        self.fill("Name", name)
        self.fill("Address of the page", slug)
        self.press("Create the organisation")
        expect(self.heading("Events")).to_be_visible()

    def add_venue(self, name: str, city: str, places: int) -> None:
        self.section("Venues")
        self.press("New venue")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Name of the place").fill(name)
        dialog.get_by_label("City").fill(city)
        dialog.get_by_label("Time zone").select_option("Europe/Berlin")
        dialog.get_by_label("How many it takes").fill(str(places))
        dialog.get_by_role("button", name="Save").click()
        expect(self.page.get_by_role("listitem").filter(has_text=name)).to_be_visible()
        self.section("Events")

    def choose_venue(self, name: str) -> None:
        """Choose a venue that is there for the event that is open in the editor."""
        self.tab("When and where")
        self.page.get_by_label("Venue", exact=True).select_option(label=name)
        expect(self.saved()).to_be_visible()

    def section(self, name: str) -> None:
        """Go to another page of the organisation."""
        self.page.locator(".organizer-nav").get_by_role("link", name=name).click()
        expect(self.heading(name)).to_be_visible()

    def draft_event(self, title: str, starts_at: str) -> None:
        """Make the first event; the editor is open then. `starts_at` as clocks at the venue show it."""
        self.page.get_by_role("link", name="Create your first event").click()
        self.fill("Title", title)
        self.fill("Starts", starts_at)
        self.page.get_by_label("Time zone").select_option("Europe/Berlin")
        self.press("Create the draft")
        expect(self.heading(title)).to_be_visible()

    def add_ticket_type(self, kind: TicketKind) -> None:
        self.tab("Tickets")
        self.press("Add a ticket")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(kind.name)
        if kind.price:
            dialog.get_by_label("Price").fill(kind.price)
        else:
            dialog.get_by_label("Free").check()
        if kind.places:
            dialog.get_by_label("How many places").fill(str(kind.places))
        if kind.pool:
            dialog.get_by_label(kind.pool).check()
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()
        expect(self.ticket_types().filter(has_text=kind.name)).to_be_visible()

    def ticket_types(self) -> Locator:
        return self.page.get_by_role("list", name="Tickets").get_by_role("button")

    def pools(self) -> Locator:
        return self.page.get_by_role("list", name="Pools").get_by_role("button")

    def add_voucher(self, code: str, percent: int, uses: int) -> None:
        self.tab("Codes")
        self.press("New code")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Code").fill(code)
        dialog.get_by_label("How much").fill(str(percent))
        dialog.get_by_label("How often it works").fill(str(uses))
        dialog.get_by_role("button", name="New code").click()
        expect(dialog).to_be_hidden()
        expect(self.page.get_by_role("rowheader", name=code)).to_be_visible()

    def publish(self) -> str:
        """Publish the event that is open in the editor. Returns the address of its page."""
        self.press("Publish")
        link = self.page.get_by_role("link", name="See its page")
        expect(link).to_be_visible()
        return f"{self.url}{link.get_attribute('href')}"

    def watch_sales(self) -> Locator:
        """Open the live sale of the event that is open in the editor. Returns its figures: sold, held, free,
        withheld, sold in the last minute.
        """
        self.page.goto(f"{self.page.url.split('#')[0]}/sales")
        expect(self.heading("Sales, live")).to_be_visible()
        return self.page.locator(".figure dd")

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", level=1, name=name)

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def saved(self) -> Locator:
        """Visible once the server has what was written."""
        return self.page.locator(".save-state[data-state=saved]")
