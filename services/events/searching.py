"""What people look for, as they say it, to what is asked of the catalogue."""

import datetime as dt

from domain.refusals import Refusal
from services.events.drafting import invalid
from services.events.public_models import EventsQuery
from services.events.reading import Reading
from storage.event_lists import Listed, Wanted
from storage.search_texts import plain_words


async def search(reading: Reading, query: EventsQuery, now_ms: int) -> Listed | Refusal:
    """Return a part of what somebody looks for, soonest first unless they say otherwise."""
    words, city = plain_words(query.q), plain_words(query.city)
    if (query.q and not words) or (query.city and not city):
        return Listed((), None)
    try:
        from_day = None if query.from_ is None else dt.date.fromisoformat(query.from_)
        to_day = None if query.to is None else dt.date.fromisoformat(query.to)
    except ValueError:
        return invalid("from", "no_such_day")
    if query.currency is None and (query.price_max is not None or query.sort == "price"):
        # 1,000 yen are not more than 10 euros.
        return invalid("currency", "required_with_prices")
    organisation_id = None
    if query.organisation is not None:
        profile = await reading.organisation(query.organisation)
        if profile is None:
            return Listed((), None)
        organisation_id = profile.organisation_id
    wanted = Wanted(
        words=words,
        city=city,
        country=query.country or "",
        # What is over is not for sale, however early somebody begins to look.
        from_ms=now_ms,
        from_day=from_day,
        to_day=to_day,
        price_max_minor=0 if query.free else query.price_max,
        currency=query.currency or "",
        category=query.category or "",
        tag=query.tag.casefold(),
        language=query.language or "",
        organisation_id=organisation_id,
        sort=query.sort,
    )
    listed = await reading.search(wanted, query.cursor, query.limit)
    return invalid("cursor", "not_ours") if listed is None else listed
