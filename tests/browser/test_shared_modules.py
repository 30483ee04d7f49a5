"""The pages' modules, each against the server's own idea of the same thing.

If these failed: the browser would make ids that the server refuses, count down to a wrong moment, show wrong
amounts, or speak another protocol than `domain.wire`.
"""

import functools
import http.server
import json
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from domain import ids
from gateway.cards import money
from services.messages import LANGUAGES, Catalogues, holes, parsed
from tests.browser.conftest import OpenContext

WEB = Path(__file__).resolve().parent.parent.parent / "web"
pytestmark = pytest.mark.browser


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def static_url() -> Iterator[str]:
    """The web folder over HTTP: modules are not loaded from files."""
    handler = functools.partial(_Quiet, directory=str(WEB))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(open_context: OpenContext, static_url: str) -> Page:
    page = open_context().new_page()
    page.goto(f"{static_url}/shared/icon.svg")
    page.evaluate("document.documentElement.dataset.messages = 'shared event'")
    return page


def call(page: Page, module: str, body: str, argument: object = None) -> Any:
    """What a function body makes of a module's exports (`m`) and an argument (`a`)."""
    script = f"async (a) => {{ const m = await import('/{module}'); {body} }}"
    return page.evaluate(script, argument)


def test_ids_are_those_of_the_server(page: Page) -> None:
    numbers = random.Random(7)
    for now_ms in (0, 1, 1_795_358_412_550, 2**48 - 1):
        drawn = numbers.randbytes(10)
        made = call(
            page,
            "shared/ids.js",
            "return m.typeId('op', m.uuid7(a.now, new Uint8Array(a.random)))",
            {"now": now_ms, "random": list(drawn)},
        )
        raw = ids.parse("op", made)
        assert ids.text("op", raw) == made
        assert ids.created_ms(raw) == now_ms
        assert raw[6] >> 4 == 7
        assert raw[8] >> 6 == 0b10
        assert raw[9:] == drawn[3:]


def test_tabs_agree_on_the_operation_of_a_payment(page: Page) -> None:
    """Else two tabs that pay at the same moment would start two payments for one hold."""
    hold = ids.uuid7(1_795_358_412_550, random.Random(7).getrandbits(74))
    text = ids.text("hold", hold)
    made = call(page, "shared/ids.js", "return [0, 1, 0].map((one) => m.paymentOperation(a, one))", text)
    assert made[0] == made[2]
    operations = [ids.parse("op", one) for one in made[:2]]
    assert len({hold, *operations}) == 3
    assert {one[:14] for one in operations} == {hold[:14]}


def test_the_clock_prefers_short_round_trips_and_notices_sleep(page: Page) -> None:
    body = """
        let ticks = 0;
        const clock = new m.ServerClock(() => ticks);
        const seen = [];
        ticks = 1000; clock.sample(0, 1000, 500_000); seen.push(clock.now());       // 1 s round trip: ± 0.5 s
        ticks = 2000; clock.sample(1990, 2000, 501_300); seen.push(clock.now());    // 10 ms: better
        ticks = 3000; clock.sample(2000, 3000, 501_700); seen.push(clock.now());    // 1 s again: not believed
        ticks = 4000; clock.sample(3990, 4000, 901_000); seen.push(clock.now());    // slept 400 s: believed
        return seen;
    """
    assert call(page, "shared/clock.js", body) == [500_500, 501_305, 502_305, 901_005]


def test_countdowns_and_amounts_read_as_meant(page: Page) -> None:
    body = """
        return [m.countdown(0), m.countdown(1), m.countdown(61_000), m.countdown(3_600_000),
            m.countdown(90_061_000),
            m.money(4900, 'EUR'), m.money(4950, 'EUR'), m.money(5000, 'JPY'), m.money(1234567, 'KWD'),
            m.spoken(60_000), m.spoken(61_000), m.timeOfDay(0, 'Europe/Berlin')];
    """
    shown = call(page, "shared/formats.js", body)
    assert shown == [
        "0:00", "0:01", "1:01", "1:00:00", "1 day 1:01:01",
        "€49", "€49.50", "¥5,000", "KWD\xa01,234.567",
        "1 minute", "1 minute 1 second", "01:00",
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_clock_has_24_hours(page: Page, language: str) -> None:
    """A reader would take 9:26 of a moment and 20:00 of an event for times of two kinds."""
    page.evaluate("(language) => { document.documentElement.lang = language; }", language)
    body = "return [m.moment(a), m.exactMoment(a), m.timeOfDay(a, 'UTC')];"
    shown = call(page, "shared/formats.js", body, 1_904_065_566_000)
    year, clock = r"^3 .*2030, ", r"\d\d:06"
    patterns = (f"{year}{clock}$", f"{year}{clock}:06$", f"^{clock}$")
    for text, pattern in zip(shown, patterns, strict=True):
        assert re.search(pattern, text.replace("\u060c", ",")), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_amounts_are_written_as_on_the_server(page: Page, language: str) -> None:
    """A card and the page that it leads to would name the price differently; "US$" would read "$US"."""
    amounts = [
        (minor, code) for code in ("EUR", "USD", "JPY", "GBP", "CHF", "KWD") for minor in (0, 4950, 1_200_000)
    ]
    page.evaluate("(language) => { document.documentElement.lang = language; }", language)
    shown = call(page, "shared/formats.js", "return a.map(([minor, code]) => m.money(minor, code));", amounts)
    messages = Catalogues(WEB / "messages").of(language)
    assert shown == [money(minor, code, messages) for minor, code in amounts]
    in_dollars = shown[amounts.index((4950, "USD"))]
    assert in_dollars.endswith("US$\u200e") == (language == "ar")


def test_an_event_has_all_its_days(page: Page) -> None:
    """Somebody would come on the wrong day, or leave before the end."""
    evening = [1_904_061_600_000, "Europe/Berlin"]  # 3 May 2030, 20:00
    body = """
        const end = (hours) => hours && a[0] + hours * 3_600_000;
        const spans = [null, 3, 6, 28, 28.5, 24 * 30].map((hours) => (
            {starts_at_ms: a[0], ends_at_ms: end(hours), time_zone: a[1]}
        ));
        return spans.map((span) => [m.eventDays(span), m.eventTimes(span)]);
    """
    shown = call(page, "shared/formats.js", body, evening)
    # Whether there is space about the dash is the browser's to know.
    assert [[re.sub("\\s*\u2013\\s*", " - ", text) for text in pair] for pair in shown] == [
        ["Friday, 3 May 2030", "20:00"],
        ["Friday, 3 May 2030", "20:00 - 23:00"],
        ["Friday, 3 May 2030", "20:00 - 02:00"],
        # What ends at midnight does not have the day that begins then.
        ["3 - 4 May 2030", "Fri 3 May, 20:00 - Sun 5 May, 00:00"],
        ["3 - 5 May 2030", "Fri 3 May, 20:00 - Sun 5 May, 00:30"],
        ["3 May - 2 June 2030", "Fri 3 May, 20:00 - Sun 2 Jun, 20:00"],
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_are_filled_as_on_the_server(page: Page, language: str) -> None:
    """A reader would see one text before and another after the script runs."""
    messages = Catalogues(WEB / "messages").of(language)
    texts = json.loads((WEB / "messages" / language / "shared.json").read_text())
    counted = {name: text for name, text in texts.items() if set(holes(parsed(text))) == {"count"}}
    assert counted
    body = """
        const rules = {plural: new Intl.PluralRules(a.language), number: new Intl.NumberFormat(a.language)};
        const say = (text, count) => m.filled(m.parse(text), {count}, rules).join('');
        return Object.values(a.texts).map((text) => a.counts.map((count) => say(text, count)));
    """
    counts = [0, 1, 2, 3, 10, 11, 99, 100, 102, 1_000, 123_456]
    given = {"language": language, "texts": counted, "counts": counts}
    shown = call(page, "shared/messages.js", body, given)
    assert shown == [[messages.text(f"shared.{name}", count=count) for count in counts] for name in counted]


def test_amounts_are_read_as_people_write_them(page: Page) -> None:
    """An organizer would sell at another price than was written."""
    written = [
        ("12.50", "EUR", 1250), ("12,5", "EUR", 1250), ("12", "EUR", 1200), ("0.105", "EUR", None),
        ("1500", "JPY", 1500), ("1.5", "JPY", None), ("1.234", "KWD", 1234), ("١٢٫٥", "EUR", 1250),
        ("-1", "EUR", None), ("", "EUR", None), ("1e3", "EUR", None),
    ]  # fmt: skip
    body = "return a.map(([text, currency]) => m.minorOf(text, currency))"
    found = call(page, "shared/amounts.js", body, written)
    assert found == [minor for _, _, minor in written]
    body = "return a.map(([minor, currency]) => m.amountText(minor, currency))"
    amounts = [(1250, "EUR"), (5, "EUR"), (1500, "JPY"), (1234, "KWD")]
    assert call(page, "shared/amounts.js", body, amounts) == ["12.50", "0.05", "1500", "1.234"]
    body = "return a.map(m.western)"
    assert call(page, "shared/amounts.js", body, ["١٢٣٤", "۱۲۳۴", "12 a"]) == ["1234", "1234", "12 a"]
    body = "return a.map(m.basisPointsOf)"
    assert call(page, "shared/amounts.js", body, ["12,5", "١٢", "100", "101", "1e1"]) == [
        1250, 1200, 10_000, None, None,
    ]  # fmt: skip


def test_a_change_outlives_its_page(page: Page) -> None:
    """Browsers give up what a page has asked for when it is left, unless it is asked for otherwise: what is
    removed as somebody goes on would come back. They take so much of it only, and nothing that is large.
    """
    body = """
        const seen = [];
        window.fetch = async (url, options) => {
            seen.push([options.method, options.keepalive === true]);
            return new Response('{}', {headers: {'content-type': 'application/json'}});
        };
        await m.get('/things');
        await m.remove('/things/1');
        await m.post('/things');
        await m.patch('/things/1', {text: 'y'.repeat(20_000)}, {version: 1});
        return seen;
    """
    assert call(page, "shared/api.js", body) == [
        ["GET", False], ["DELETE", True], ["POST", True], ["PATCH", False],
    ]  # fmt: skip


def test_who_is_told_to_go_away_stays_away_for_a_while(page: Page) -> None:
    """A page that reads too slowly, or says what nobody can read, would open sockets without end."""
    body = """
        const first = (code) => new m.Reconnection().delayMs(code);
        return [a.slow.every((code) => first(code) >= 5_000), a.quick.every((code) => first(code) < 500)];
    """
    codes = {"slow": [1002, 1003, 1009, 4400, 4409, 4413, 4429, 4503], "quick": [1001, 1006, 4401, 4408]}
    assert call(page, "shared/socket.js", body, codes) == [True, True]


def test_the_way_back_is_one_of_this_site(page: Page) -> None:
    """Whoever has signed in would be led to somebody's copy of the page that asks for the password."""
    body = """
        return a.map((next) => {
            history.replaceState(null, '', `?next=${encodeURIComponent(next)}`);
            return m.nextAddress('/account');
        });
    """
    asked = [
        "/tickets?all#1", "//evil.example", "/\\evil.example", "/.//evil.example", "/a/..//evil.example",
        "/\t/evil.example", "https://evil.example", "",
    ]  # fmt: skip
    assert call(page, "shared/page.js", body, asked) == ["/tickets?all#1", *["/account"] * 7]


def test_the_stage_of_a_sale_is_that_of_the_server(page: Page) -> None:
    """The page would say "on sale now" of what is over, or sold out, as the server said when it drew it."""
    body = """
        const [now, over] = [1_000_000, 2_000_000];
        const stage = ({status = 'on_sale', at = now, types = null}) => {
            const kinds = types ?? [{free: 1, is_on_sale: true}];
            const ticket_types = kinds.map(({end = null}, at) => ({ticket_type: `${at}`, sales_end_ms: end}));
            const event = {status, opens_at_ms: 1, starts_at_ms: over - 1, ends_at_ms: over, ticket_types};
            const sale = new m.Sale(event, {value: at});
            if (types) {
                const live = kinds.map((kind, at) => ({...kind, ticket_type: `${at}`}));
                sale.take({status: 'open', opens_at_ms: 1, currency: 'EUR', ticket_types: live});
            }
            return sale.stage.peek();
        };
        const sold = {free: 0, is_on_sale: true}, free = {free: 3, is_on_sale: true};
        const past = {free: 3, is_on_sale: false, end: now - 1}, later = {free: 3, is_on_sale: false};
        return [
            stage({types: [sold, free]}), stage({types: [sold, sold]}),
            stage({types: [sold, past]}), stage({types: [sold, later]}), stage({types: [past, past]}),
            stage({types: [later, later], at: over}), stage({status: 'ended', at: over}),
        ];
    """
    assert call(page, "public/sale.js", body) == [
        "open", "sold_out", "sold_out", "open", "closed", "closed", "closed",
    ]  # fmt: skip


def test_addresses_are_made_of_names(page: Page) -> None:
    body = "return ['Kulturwerk am Hafen', 'Straße & Söhne', ' Café 21! ', 'حفلة', '--'].map(m.slugOf)"
    assert call(page, "organizer/slugs.js", body) == [
        "kulturwerk-am-hafen", "strasse-soehne", "cafe-21", "", "",
    ]  # fmt: skip


def test_card_fields_help_and_only_test_cards_pass(page: Page) -> None:
    body = """
        const now = Date.UTC(2026, 10, 22);
        const card = (number, expiry, cvc) => Object.keys(m.problems({number, expiry, cvc}, now));
        return [m.groupNumber('4242424242424242'), m.groupExpiry('1234', false), m.groupExpiry('9', false),
            m.tokenOf('4242 4242 4242 4242'), m.tokenOf('4000000000000002'),
            card('4242 4242 4242 4242', '12 / 34', '123'), card('5555 5555 5555 4444', '12 / 34', '123'),
            card('4242', '13 / 34', '1'), card('4242 4242 4242 4242', '10 / 26', '123'),
            card('4242 4242 4242 4242', '11 / 26', '123')];
    """
    assert call(page, "public/cards.js", body) == [
        "4242 4242 4242 4242", "12 / 34", "09 / ", "card_ok", "card_declined",
        [], ["number"], ["number", "expiry", "cvc"], ["expiry"], [],
    ]  # fmt: skip


@pytest.mark.browser
def test_of_a_change_only_what_differs_is_told(page: Page) -> None:
    """Else the log shows all of an event's tickets twice where one price was raised."""
    seat, stool = {"name": "Seat", "price_minor": 900}, {"name": "Stool", "price_minor": 500}
    before = {"status": "draft", "types": [seat], "city": None, "tags": ["a"], "kept": {"id_1": seat}}
    kept = {"id_1": {**seat, "price_minor": 950}, "id_2": {**stool, "note": "", "tiers": {}}}
    types = [{**seat, "price_minor": 1_000}, stool]
    after = {"status": "draft", "types": types, "tags": ["a"], "kept": kept}
    made = call(page, "shared/changes.js", "return JSON.stringify(m.changes(a[0], a[1]))", [before, after])
    assert json.loads(made) == [
        {"name": "types.0.price_minor", "before": 900, "after": 1_000},
        {"name": "types.1", "after": stool},
        {"name": "city", "before": None},
        # Things under their ids are called by their names, and told one by one when they are new.
        {"name": "kept.Seat.price_minor", "before": 900, "after": 950},
        {"name": "kept.Stool.name", "after": "Stool"},
        {"name": "kept.Stool.price_minor", "after": 500},
    ]
