"""What a card in a list of events says. If these failed, somebody would plan for the wrong day or price."""

from pathlib import Path

import msgspec
import pytest

from gateway.cards import Card, cards
from services.messages import Catalogues

WEB = Path(__file__).parents[2] / "web"
HOUR_MS = 3_600_000
# Friday, 3 May 2030, 20:00 in Berlin.
EVENING_MS = 1_904_061_600_000
CARD = Card(
    slug="evening",
    title="Evening",
    organiser="North",
    venue="Hall",
    city="Köln",
    starts_at_ms=EVENING_MS,
    time_zone="Europe/Berlin",
    currency="EUR",
    standing="on_sale",
)


@pytest.mark.parametrize(
    ("language", "hours", "said"),
    [
        ("en", None, "Fri, 3 May 2030 · 20:00"),
        ("en", 3, "Fri, 3 May 2030 · 20:00–23:00"),
        ("en", 6, "Fri, 3 May 2030 · 20:00–02:00"),
        # Until Sunday, 0:00, which is none of its days.
        ("en", 28, "3–4 May 2030"),
        ("en", 24 * 30, "3 May – 2 Jun 2030"),
        ("ar", 52, "3–5 مايو 2030"),
    ],
)
def test_a_card_has_all_days_of_its_event(language: str, hours: int | None, said: str) -> None:
    ends_at_ms = None if hours is None else EVENING_MS + hours * HOUR_MS
    assert f">{said}</time>" in drawn_of(msgspec.structs.replace(CARD, ends_at_ms=ends_at_ms), language)


@pytest.mark.parametrize(
    ("price_minor", "is_free", "said"),
    [(None, False, ""), (0, True, "Free"), (0, False, "Free and up"), (1_250, False, "from €12.50")],
)
def test_a_card_has_the_lowest_price(price_minor: int | None, is_free: bool, said: str) -> None:
    drawn = drawn_of(msgspec.structs.replace(CARD, price_minor=price_minor, is_free=is_free), "en")
    assert ">On sale</span>" + (f"<span>{said}</span>" if said else "") + "</p>" in drawn


def drawn_of(card: Card, language: str) -> str:
    drawn = cards([card], Catalogues(WEB / "messages").of(language), EVENING_MS - 99 * HOUR_MS)
    return drawn.replace("\u2009", " ")
