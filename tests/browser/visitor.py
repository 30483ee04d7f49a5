"""What a person does on the event page, by what the page calls things."""

import re

from playwright.sync_api import BrowserContext, Locator, Page, expect

PAYS = "4242"
DECLINED = "0002"
SLOW = "3220"


class Visitor:
    """One tab on one event's page."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.page.goto(address)
        self.reload_is_drawn()

    def reload_is_drawn(self) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def choose(self, name: str, quantity: int = 1) -> None:
        more = self.page.get_by_role("button", name=f"One more {name}")
        expect(more).to_have_attribute("aria-disabled", "false")
        for _ in range(quantity):
            more.click()

    def reserve(self) -> None:
        self.page.get_by_role("button", name="Reserve", exact=True).click()

    def press_at(self, moment_ms: int, name: str) -> None:
        """Presses a button at a moment, so that several tabs can do so at once."""
        button = self.page.get_by_role("button", name=re.compile(f"^{name}"))
        button.evaluate("(one, at) => { setTimeout(() => one.click(), at - Date.now()); }", moment_ms)

    def reserved(self) -> Locator:
        return self.page.get_by_role("heading", name="reserved for you")

    def fill_card(self, last_digits: str) -> None:
        self.page.get_by_role("button", name=f"•••• {last_digits}").click()

    def pay(self, last_digits: str = PAYS) -> None:
        self.fill_card(last_digits)
        self.page.get_by_role("button", name=re.compile("^Pay ")).click()

    def tickets(self) -> Locator:
        return self.page.get_by_role("img", name="QR code of ticket")

    def left(self, name: str) -> Locator:
        """The words for how many are left of a type."""
        return (
            self.page.get_by_role("listitem")
            .filter(has=self.page.get_by_role("heading", name=name, exact=True))
            .locator(".left")
        )

    def notice(self) -> Locator:
        return self.page.get_by_role("alert").filter(has_text=re.compile("."))

    def banner(self, text: str) -> Locator:
        return self.page.get_by_role("status").filter(has_text=text)

    def seconds_left(self) -> int:
        """The reservation's countdown."""
        minutes, seconds = self.page.locator(".time-left-figure").inner_text().split(":")
        return int(minutes) * 60 + int(seconds)
