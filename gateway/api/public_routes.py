"""What everybody may read: events and organisations. Pages and the API read the same copies."""

from collections.abc import Callable
from functools import partial

from domain.refusals import Code, Refusal
from domain.roles import Access
from gateway.api.route import Answer, Call, LimitClass, Route
from services.events.public_models import EventCard, EventsQuery, PublicEvent, PublicOrganisation
from services.events.public_views import card_model, organisation_model, public_model
from services.events.reading import Reading
from services.events.searching import search
from services.events.views import status_of
from services.models import Page

_CACHED = {"Cache-Control": "public, max-age=1"}
_route = partial(Route, method="GET", tag="Catalogue", access=Access.ANYONE, limit=LimitClass.BROWSE)


def routes(reading: Reading, clock: Callable[[], int]) -> list[Route]:
    """Return the routes of the public catalogue."""

    async def events(call: Call) -> Answer | Refusal:
        listed = await search(reading, call.query, call.now_ms)
        if isinstance(listed, Refusal):
            return listed
        cards = tuple(card_model(event, call.now_ms) for event in listed.events)
        page = Page[EventCard].model_construct(items=cards, next_cursor=listed.next_cursor)
        return Answer(body=page, headers=_CACHED)

    async def event(call: Call) -> Answer | Refusal:
        kept = await reading.page(call.path["name"])
        if kept is None:
            return Refusal(Code.NOT_FOUND)
        # The status goes on with the time, everything else with the event's changes.
        status = status_of(kept.event, call.now_ms)
        body = reading.drawn(
            kept, f"json {status}", lambda found: public_model(found, clock()).model_dump_json().encode()
        )
        return Answer(body=body, version=kept.event.edition, headers=_CACHED)

    async def organisation(call: Call) -> Answer | Refusal:
        profile = await reading.organisation(call.path["slug"])
        if profile is None:
            return Refusal(Code.NOT_FOUND)
        return Answer(body=organisation_model(profile), headers=_CACHED)

    return [
        _route(
            path="/events",
            name="catalogue.search",
            summary="Events that are ahead, by what is looked for",
            handler=events,
            query=EventsQuery,
            answer=Page[EventCard],
            refusals=(Code.INVALID,),
        ),
        _route(
            path="/events/{name}",
            name="catalogue.event",
            summary="An event, by its slug or identifier",
            handler=event,
            answer=PublicEvent,
        ),
        _route(
            path="/organisations-public/{slug}",
            name="catalogue.organisation",
            summary="An organisation as its page shows it",
            handler=organisation,
            answer=PublicOrganisation,
        ),
    ]
