"""Venues and series of organisations."""

from functools import partial

from domain.ids import SERIES, VENUE, SeriesId, VenueId, parse
from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from services.events.models import NewSeries, Series, Venue, VenueFields
from services.events.organising import Organising
from services.events.sharing_models import ApplySetup, SetupApplied
from services.models import Page, PageQuery

_ORGANISATION = "/organisations/{organisation}"
_venue_route = partial(Route, tag="Venues", limit=LimitClass.ORGANIZER)
_series_route = partial(Route, tag="Events", limit=LimitClass.ORGANIZER)


def routes(organising: Organising) -> list[Route]:
    """Return the routes of venues and series."""
    return [*_venues(organising), *_series(organising)]


def _venues(organising: Organising) -> list[Route]:
    venues = organising.venues

    async def create(call: Call) -> Answer | Refusal:
        return _answer(await venues.create(call.who, call.organisation, call.body))

    async def made(call: Call) -> Answer | Refusal:
        return _answer(await venues.read(call.organisation, VenueId(parse(VENUE, call.made))))

    async def listed(call: Call) -> Answer | Refusal:
        found = await venues.listed(call.organisation, call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def read(call: Call) -> Answer | Refusal:
        return _answer(await venues.read(call.organisation, call.path["venue"]))

    async def update(call: Call) -> Answer | Refusal:
        return _answer(
            await venues.edit(call.who, call.organisation, call.path["venue"], call.version, call.body)
        )

    async def delete(call: Call) -> Answer | Refusal:
        where = (call.organisation, call.path["venue"])
        return await venues.delete(call.who, *where, call.version) or Answer()

    all_of, one, edit = _ORGANISATION + "/venues", _ORGANISATION + "/venues/{venue}", Permission.VENUES_EDIT
    return [
        _venue_route(
            method="POST", path=all_of, name="venues.create", summary="Make a venue",
            access=edit, handler=create, body=VenueFields, answer=Venue, status=201, again=made,
        ),
        _venue_route(
            method="GET", path=all_of, name="venues.list", summary="The venues of an organisation",
            access=Permission.EVENTS_READ, handler=listed, query=PageQuery, answer=Page[Venue],
            refusals=(Code.INVALID,),
        ),
        _venue_route(
            method="GET", path=one, name="venues.read", summary="A venue",
            access=Permission.EVENTS_READ, handler=read, answer=Venue,
        ),
        _venue_route(
            method="PUT", path=one, name="venues.update", summary="Change a venue, and its events ahead",
            access=edit, handler=update, body=VenueFields, answer=Venue, is_versioned=True,
        ),
        _venue_route(
            method="DELETE", path=one, name="venues.delete", summary="Remove a venue without events",
            access=edit, handler=delete, status=204, is_versioned=True, refusals=(Code.ILLEGAL_STEP,),
        ),
    ]  # fmt: skip


def _series(organising: Organising) -> list[Route]:
    series = organising.series

    async def create(call: Call) -> Answer | Refusal:
        return _series_answer(await series.create(call.who, call.organisation, call.body))

    async def made(call: Call) -> Answer | Refusal:
        return _series_answer(await series.read(call.organisation, SeriesId(parse(SERIES, call.made))))

    async def read(call: Call) -> Answer | Refusal:
        return _series_answer(await series.read(call.organisation, call.path["series"]))

    async def apply(call: Call) -> Answer | Refusal:
        made = await organising.sharing.apply(call.who, call.organisation, call.path["series"], call.body)
        return made if isinstance(made, Refusal) else Answer(body=made)

    return [
        _series_route(
            method="POST", path=_ORGANISATION + "/series/{series}/setup", name="series.apply",
            summary="Make other dates say what one of them says",
            access=Permission.EVENTS_EDIT, handler=apply, body=ApplySetup, answer=SetupApplied,
            refusals=(Code.INVALID, Code.VERSION_CONFLICT),
        ),
        _series_route(
            method="POST", path=_ORGANISATION + "/series", name="series.create",
            summary="Make drafts like an event, at other times",
            access=Permission.EVENTS_CREATE, handler=create, body=NewSeries, answer=Series, status=201,
            again=made, refusals=(Code.INVALID, Code.BUSY, Code.LIMIT_REACHED),
        ),
        _series_route(
            method="GET", path=_ORGANISATION + "/series/{series}", name="series.read",
            summary="A series and its events",
            access=Permission.EVENTS_READ, handler=read, answer=Series,
        ),
    ]  # fmt: skip


def _answer(result: Venue | Refusal) -> Answer | Refusal:
    return result if isinstance(result, Refusal) else Answer(body=result, version=result.version)


def _series_answer(result: Series | Refusal) -> Answer | Refusal:
    return result if isinstance(result, Refusal) else Answer(body=result)
