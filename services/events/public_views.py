"""Events as everybody sees them. Hidden and retired ticket types are left out."""

from typing import Any

from domain.ids import EVENT, ORGANISATION, QUESTION, TICKET_TYPE, text
from services.events import local_time
from services.events.descriptions import render
from services.events.drafting import geo_of
from services.events.public_models import (
    EventCard,
    PublicEvent,
    PublicOrganisation,
    PublicQuestion,
    PublicTicketType,
    PublicTier,
)
from services.events.views import status_of
from storage.catalogue import prices_of
from storage.event_records import EventRecord, TicketTypeRecord
from storage.organisation_profiles import OrganisationProfile


def offered(event: EventRecord) -> tuple[TicketTypeRecord, ...]:
    """Return the ticket types that everybody sees."""
    return tuple(kind for kind in event.ticket_types if kind.is_public)


def price_min(event: EventRecord) -> int | None:
    """Return the least that something costs, None if nothing is offered."""
    return min((price for kind in offered(event) for price in prices_of(kind)), default=None)


def price_max(event: EventRecord) -> int | None:
    """Return the most that something costs, None if nothing is offered."""
    return max((price for kind in offered(event) for price in prices_of(kind)), default=None)


def card_model(event: EventRecord, now_ms: int) -> EventCard:
    """Return an event as lists show it."""
    return EventCard.model_construct(**_card(event, now_ms))


def public_model(event: EventRecord, now_ms: int) -> PublicEvent:
    """Return an event as its page shows it."""
    zone, shown = event.time_zone, offered(event)
    type_ids = {kind.ticket_type_id for kind in shown}

    def said(at_ms: int | None) -> str | None:
        return None if at_ms is None else local_time.to_text(at_ms, zone)

    return PublicEvent.model_construct(
        **_card(event, now_ms),
        description_html=event.description_html,
        ends_at=said(event.ends_at_ms),
        doors_at=said(event.doors_at_ms),
        doors_at_ms=event.doors_at_ms,
        address=event.address,
        geo=geo_of(event.latitude_e6, event.longitude_e6),
        images=event.images,
        buyer_limit=event.buyer_limit,
        extension_seconds=event.extension_ms // 1000,
        cancelled_reason=event.cancelled_reason,
        ticket_types=tuple(
            _type(kind, is_sold_out=at in event.sold_out)
            for at, kind in enumerate(event.ticket_types)
            if kind.is_public
        ),
        questions=tuple(
            PublicQuestion.model_construct(
                question=text(QUESTION, one.question_id),
                per=one.per,
                label=one.label,
                kind=one.kind,
                choices=one.choices,
                is_required=one.is_required,
                ticket_types=tuple(text(TICKET_TYPE, each) for each in one.type_ids if each in type_ids),
            )
            for one in event.questions
            if not one.type_ids or type_ids & set(one.type_ids)
        ),
    )


def organisation_model(profile: OrganisationProfile) -> PublicOrganisation:
    """Return an organisation as its page shows it."""
    return PublicOrganisation(
        organisation=text(ORGANISATION, profile.organisation_id),
        name=profile.name,
        slug=profile.slug,
        description_html=render(profile.description),
        website=profile.website,
        contact_email=profile.contact_email,
    )


def _card(event: EventRecord, now_ms: int) -> dict[str, Any]:
    return {
        "event": text(EVENT, event.event_id),
        "slug": event.slug,
        "title": event.title,
        "summary": event.summary,
        "organiser": event.organisation,
        "organisation": event.organisation_slug,
        "status": status_of(event, now_ms).value,
        "starts_at": local_time.to_text(event.starts_at_ms, event.time_zone),
        "starts_at_ms": event.starts_at_ms,
        "ends_at_ms": event.ends_at_ms,
        "time_zone": event.time_zone,
        "venue_name": event.venue,
        "city": event.city,
        "country": event.country,
        "image_url": event.image_url,
        "image_alt": event.image_alt,
        "category": event.category,
        "tags": event.tags,
        "language": event.language,
        "currency": event.currency,
        "price_min_minor": price_min(event),
        "opens_at_ms": event.opens_at_ms,
    }


def _type(kind: TicketTypeRecord, *, is_sold_out: bool) -> PublicTicketType:
    return PublicTicketType.model_construct(
        ticket_type=text(TICKET_TYPE, kind.ticket_type_id),
        name=kind.name,
        description=kind.description,
        kind=kind.kind,
        price_minor=kind.price_minor,
        price_min_minor=kind.price_min_minor,
        quantity_min=kind.quantity_min,
        quantity_max=kind.quantity_max,
        sales_start_ms=kind.sales_start_ms,
        sales_end_ms=kind.sales_end_ms,
        is_sold_out=is_sold_out,
        tax_basis_points=kind.tax_basis_points,
        valid_days=tuple(day.isoformat() for day in kind.valid_days),
        tiers=tuple(
            PublicTier(
                name=tier.name,
                price_minor=tier.price_minor,
                quantity=tier.quantity,
                ends_at_ms=tier.ends_at_ms,
            )
            for tier in kind.tiers
        ),
    )
