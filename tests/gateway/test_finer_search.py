"""What the search form says of amounts. If these failed, somebody would be shown what they can't afford, or a
page would carry out what somebody wrote into an address.
"""

from pathlib import Path

import pytest

from gateway.cards import Filters
from gateway.finer_search import finer_holes, minor_of
from services.messages import Catalogues

WEB = Path(__file__).parents[2] / "web"


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("20", "EUR", 2000),
        (" 7.5 ", "EUR", 750),
        ("7٫25", "EUR", 725),
        ("1000", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("7.505", "EUR", None),
        ("7.5", "JPY", None),
        ("-1", "EUR", None),
        ("20", "XXX", None),
        ("", "EUR", None),
    ],
)
def test_amounts_are_of_a_currency(typed: str, currency: str, minor: int | None) -> None:
    assert minor_of(typed, currency) == minor


def test_what_was_asked_for_is_chosen_in_the_form_and_inert() -> None:
    messages = Catalogues(WEB / "messages").of("ar")
    evil = '"><script>'
    holes = finer_holes(Filters(category="music", price="20", currency="JPY", tag=evil), messages)
    assert holes["finer"] == " open"
    assert '<option value="music" selected>' in holes["categories"]
    assert '<option value="JPY" selected>' in holes["currencies"]
    assert "الألمانية" in holes["languages"]
    assert "<script" not in "".join(holes.values())
