"""Loading a catalogue file: if one of these fails, `make up` has nothing to sell, or an organizer can't find
the mistake in their file.
"""

import datetime as dt
from collections.abc import AsyncIterator

import pytest

from services.events.catalogue_file import CatalogueMistake, epoch_ms, price_minor, read_catalogue
from tests.gateway.stage import ROOT, Works, works

DEMO = (ROOT / "docs" / "examples" / "demo.toml").read_text()


@pytest.fixture
async def made(migrated_dsn: str, redis_url: str) -> AsyncIterator[Works]:
    async with works(migrated_dsn, redis_url) as made:
        yield made


async def test_the_demo_is_loaded_once(made: Works) -> None:
    file = read_catalogue(DEMO)
    first, record = await made.load(file, opens_in_ms=60_000)
    assert first.is_new
    state = await made.shards.state(first.event_id)
    assert state is not None
    assert [pool.free for pool in state.pools] == [2200, 350, 120]
    assert state.opens_at_ms == first.opens_at_ms == record.opens_at_ms
    again, record = await made.load(file, opens_in_ms=90_000)
    # The sale opens when it was first said to, and what is sold is not made anew.
    assert (again.is_new, again.event_id) == (False, first.event_id)
    assert again.opens_at_ms == first.opens_at_ms == record.opens_at_ms
    assert (await made.shards.state(first.event_id)) == state


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('title = "Nachtlicht: Lamplight Live"', "", "event.title: is missing"),
        ('venue = "Kranhalle"', 'venues = "Kranhalle"', "event.venues: there is no such key"),
        ('currency = "EUR"', 'currency = "euro"', "event.currency"),
        ("capacity = 350", 'capacity = "many"', "pools[2].capacity"),
        ("capacity = 350", "capacity = -1", "pools[2].capacity"),
        ('price = "64.50"', "price = 64.5", "ticket_types[3].price"),
        ('price = "64.50"', 'price = "64.505"', "ticket_types[3] (Gallery).price"),
        ('pools = ["Gallery"]', 'pools = ["Balcony"]', "[3] (Gallery).pools: there is no pool 'Balcony'"),
        ('time_zone = "Europe/Berlin"', 'time_zone = "Bremen"', "event.time_zone"),
        ("quantity_max = 6", "quantity_max = 6\nquantity_min = 7", "ticket_types[3] (Gallery).quantity_min"),
        ("[[pools]]", "[[pools", "line"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(old: str, new: str, named: str) -> None:
    assert old in DEMO
    with pytest.raises(CatalogueMistake) as mistake:
        read_catalogue(DEMO.replace(old, new))
    assert named in str(mistake.value)


def test_prices_follow_their_currency() -> None:
    assert price_minor("49.00", "EUR") == 4900
    assert price_minor("49", "EUR") == 4900
    assert price_minor("4900", "JPY") == 4900
    assert price_minor("1.250", "KWD") == 1250
    for wrong in ("49.001", "-1", "NaN", "", "1e400"):
        with pytest.raises(ValueError, match="no amount"):
            price_minor(wrong, "EUR")


def test_times_are_local_to_the_venue() -> None:
    file = read_catalogue(DEMO)
    # 20:00 in Bremen in summer is 18:00 UTC.
    expected = dt.datetime(2027, 6, 19, 18, tzinfo=dt.UTC).timestamp() * 1000
    assert epoch_ms(file.event.starts_at, file.event.time_zone) == expected
