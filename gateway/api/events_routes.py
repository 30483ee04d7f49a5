"""Writing events and taking them through their life."""

from collections.abc import Callable
from functools import partial

from domain.event_status import Step
from domain.ids import EVENT, EventId, OperationId, parse
from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, Handler, LimitClass, Route
from services.events.models import (
    CancelRequest,
    CapacityRequest,
    CopyRequest,
    Event,
    EventPatch,
    EventRow,
    GrantOffers,
    GrantRequest,
    Grants,
    NewEvent,
    OwnEventsQuery,
    QuantityRequest,
)
from services.events.organising import Organising
from services.events.tickets_models import TicketsDocument, TicketsFields
from services.models import Page

_EVENTS = "/organisations/{organisation}/events"
_EVENT = "/organisations/{organisation}/events/{event}"
_OFFERS = "/organisations/{organisation}/offers"
_POOL = _EVENT + "/pools/{pool}"
_route = partial(Route, tag="Events", limit=LimitClass.ORGANIZER)
_STEP_REFUSALS = (Code.ILLEGAL_STEP, Code.INVALID, Code.BUSY, Code.UNDER_WAY)
_STEPS = {
    Step.PUBLISH: (Permission.EVENTS_PUBLISH, "Publish an event and set its sale up"),
    Step.PAUSE: (Permission.SALE_CONTROL, "Take no new reservations for a while"),
    Step.RESUME: (Permission.SALE_CONTROL, "Take reservations again"),
    Step.CLOSE: (Permission.SALE_CONTROL, "End the sale for good"),
    Step.ARCHIVE: (Permission.EVENTS_PUBLISH, "Put an event away"),
}

# Who stops a sale in a hurry must not be refused because somebody else is correcting the text.
_BRAKES = {Step.PAUSE, Step.RESUME}


def routes(organising: Organising) -> list[Route]:
    """Return the routes of organisers' events."""
    return [*_writing(organising), *_running(organising), *_stock(organising), *_sharing(organising)]


def _answer(result: Event | Refusal) -> Answer | Refusal:
    return result if isinstance(result, Refusal) else Answer(body=result, version=result.version)


def _tickets(result: Event | Refusal) -> Answer | Refusal:
    if isinstance(result, Refusal):
        return result
    return Answer(body=result.tickets, version=result.tickets.version)


def _plain(result: Grants | GrantOffers | Page[EventRow] | Refusal) -> Answer | Refusal:
    return result if isinstance(result, Refusal) else Answer(body=result)


def _writing(organising: Organising) -> list[Route]:
    editing = organising.editing

    async def create(call: Call) -> Answer | Refusal:
        return _answer(await editing.create(call.who, call.organisation, call.body))

    async def listed(call: Call) -> Answer | Refusal:
        return _plain(await editing.listed(call.organisation, call.query))

    async def read(call: Call) -> Answer | Refusal:
        return _answer(await editing.read(call.organisation, call.event))

    async def update(call: Call) -> Answer | Refusal:
        return _answer(await editing.edit(call.who, call.organisation, call.event, call.version, call.body))

    async def read_tickets(call: Call) -> Answer | Refusal:
        return _tickets(await editing.read(call.organisation, call.event))

    async def set_tickets(call: Call) -> Answer | Refusal:
        return _tickets(
            await editing.set_tickets(call.who, call.organisation, call.event, call.version, call.body)
        )

    async def copy(call: Call) -> Answer | Refusal:
        return _answer(await editing.copy(call.who, call.organisation, call.event, call.body))

    async def made(call: Call) -> Answer | Refusal:
        return _answer(await editing.read(call.organisation, EventId(parse(EVENT, call.made))))

    edit, tickets = Permission.EVENTS_EDIT, _EVENT + "/ticket-types"
    return [
        _route(
            method="POST", path=_EVENTS, name="events.create", summary="Make a draft",
            access=Permission.EVENTS_CREATE, handler=create, body=NewEvent, answer=Event, status=201,
            again=made, refusals=(Code.INVALID, Code.LIMIT_REACHED),
        ),
        _route(
            method="GET", path=_EVENTS, name="events.own", summary="The events that an organisation works on",
            access=Permission.EVENTS_READ, handler=listed, query=OwnEventsQuery, answer=Page[EventRow],
            refusals=(Code.INVALID,),
        ),
        _route(
            method="GET", path=_EVENT, name="events.read_own", summary="An event with all that can be edited",
            access=Permission.EVENTS_READ, handler=read, answer=Event,
        ),
        _route(
            method="PATCH", path=_EVENT, name="events.update", summary="Change what is said of an event",
            access=edit, handler=update, body=EventPatch, answer=Event, is_versioned=True,
            refusals=_STEP_REFUSALS,
        ),
        _route(
            method="GET", path=tickets, name="events.tickets",
            summary="Pools, ticket types and questions of an event",
            access=Permission.EVENTS_READ, handler=read_tickets, answer=TicketsDocument,
        ),
        _route(
            method="PUT", path=tickets, name="events.set_tickets",
            summary="Change pools, ticket types and questions, all at once",
            access=edit, handler=set_tickets, body=TicketsFields, answer=TicketsDocument, is_versioned=True,
            refusals=_STEP_REFUSALS,
        ),
        _route(
            method="POST", path=_EVENT + "/copy", name="events.copy", summary="Make a draft like an event",
            access=Permission.EVENTS_CREATE, handler=copy, body=CopyRequest, answer=Event, status=201,
            again=made, refusals=(Code.INVALID, Code.LIMIT_REACHED),
        ),
    ]  # fmt: skip


def _stocked(result: Event | Refusal) -> Answer | Refusal:
    """A pool is a part of the tickets, which have a version of their own."""
    return result if isinstance(result, Refusal) else Answer(body=result, version=result.tickets.version)


def _resuming(
    organising: Organising, answer: Callable[[Event | Refusal], Answer | Refusal] = _answer
) -> Handler:
    async def resume(call: Call) -> Answer | Refusal:
        return answer(await organising.steps.resume(OperationId(bytes.fromhex(call.made))))

    return resume


def _running(organising: Organising) -> list[Route]:
    steps, resume = organising.steps, _resuming(organising)

    def taking(step: Step) -> Handler:
        async def take(call: Call) -> Answer | Refusal:
            return _answer(
                await steps.take(call.who, call.organisation, call.event, step, version=call.version)
            )

        return take

    async def cancel(call: Call) -> Answer | Refusal:
        where = (call.organisation, call.event)
        return _answer(await steps.take(call.who, *where, Step.CANCEL, call.body.reason, call.version))

    return [
        *[
            _route(
                method="POST", path=f"{_EVENT}/{step.value}", name=f"events.{step.value}", summary=summary,
                access=permission, handler=taking(step), answer=Event, again=resume,
                is_versioned=step not in _BRAKES, heeds_version=step in _BRAKES,
                refusals=_STEP_REFUSALS,
            )
            for step, (permission, summary) in _STEPS.items()
        ],
        _route(
            method="POST", path=_EVENT + "/cancel", name="events.cancel",
            summary="Say that an event does not take place; its sale stops at once",
            access=Permission.EVENTS_CANCEL, handler=cancel, body=CancelRequest, answer=Event, again=resume,
            is_versioned=True, refusals=_STEP_REFUSALS,
        ),
    ]  # fmt: skip


def _stock(organising: Organising) -> list[Route]:
    steps, resume = organising.steps, _resuming(organising)

    async def capacity(call: Call) -> Answer | Refusal:
        where = (call.organisation, call.event, call.path["pool"])
        return _stocked(await steps.set_capacity(call.who, *where, call.body.capacity, call.version))

    async def withhold(call: Call) -> Answer | Refusal:
        where = (call.organisation, call.event, call.path["pool"])
        return _answer(await steps.withhold(call.who, *where, call.body.quantity))

    async def give_back(call: Call) -> Answer | Refusal:
        where = (call.organisation, call.event, call.path["pool"])
        return _answer(await steps.give_back(call.who, *where, call.body.quantity))

    refusals = (*_STEP_REFUSALS, Code.UNKNOWN_POOL, Code.QUANTITY_OUT_OF_RANGE, Code.SOLD_OUT)
    control = Permission.SALE_CONTROL
    return [
        _route(
            method="POST", path=_POOL + "/capacity", name="events.capacity",
            summary="Set how many places a pool has; its version is that of the tickets",
            access=control, handler=capacity, body=CapacityRequest, answer=Event, is_versioned=True,
            again=_resuming(organising, _stocked), refusals=(*refusals, Code.CAPACITY_IN_USE),
        ),
        _route(
            method="POST", path=_POOL + "/withhold", name="events.withhold",
            summary="Take free places out of the sale",
            access=control, handler=withhold, body=QuantityRequest, answer=Event, again=resume,
            refusals=refusals,
        ),
        _route(
            method="POST", path=_POOL + "/return", name="events.return",
            summary="Give withheld places back to the sale",
            access=control, handler=give_back, body=QuantityRequest, answer=Event, again=resume,
            refusals=refusals,
        ),
    ]  # fmt: skip


def _sharing(organising: Organising) -> list[Route]:
    grants = organising.grants

    async def listed(call: Call) -> Answer | Refusal:
        return _plain(await grants.listed(call.organisation, call.event))

    async def give(call: Call) -> Answer | Refusal:
        return _plain(await grants.give(call.who, call.organisation, call.event, call.body))

    async def take(call: Call) -> Answer | Refusal:
        return _plain(await grants.take(call.who, call.organisation, call.event, call.path["guest"]))

    async def offers(call: Call) -> Answer | Refusal:
        return _plain(await grants.offers(call.organisation))

    async def accept(call: Call) -> Answer | Refusal:
        return _plain(await grants.accept(call.who, call.organisation, call.path["hosted"]))

    async def decline(call: Call) -> Answer | Refusal:
        return _plain(await grants.decline(call.who, call.organisation, call.path["hosted"]))

    path, manage = _EVENT + "/grants", Permission.MEMBERS_MANAGE
    return [
        _route(
            method="GET", path=path, name="events.grants", summary="Organisations that were asked to join in",
            access=Permission.EVENTS_READ, handler=listed, answer=Grants,
        ),
        _route(
            method="POST", path=path, name="events.grant", summary="Ask another organisation to join in",
            access=manage, handler=give, body=GrantRequest, answer=Grants, again=listed,
            refusals=(Code.INVALID,),
        ),
        _route(
            method="DELETE", path=path + "/{guest}", name="events.ungrant",
            summary="Let an organisation in no more",
            access=manage, handler=take, answer=Grants,
        ),
        _route(
            method="GET", path=_OFFERS, name="events.offers",
            summary="Events of others that an organisation is asked to work on",
            access=Permission.EVENTS_READ, handler=offers, answer=GrantOffers,
        ),
        _route(
            method="POST", path=_OFFERS + "/{hosted}/accept", name="events.accept_offer",
            summary="Begin to work on an event of others",
            access=manage, handler=accept, answer=GrantOffers, again=offers,
        ),
        _route(
            method="DELETE", path=_OFFERS + "/{hosted}", name="events.decline_offer",
            summary="Do not work on an event of others, or not any more",
            access=manage, handler=decline, answer=GrantOffers,
        ),
    ]  # fmt: skip
