"""What a search engine and a messenger's preview are told of an event."""

from domain.event_status import EventStatus
from gateway.shell import Preview, script_json
from services.events.descriptions import plain
from services.events.schema_org import json_ld
from services.messages import Messages
from storage.event_records import EventRecord


def event_preview(event: EventRecord, status: EventStatus, url: str, messages: Messages) -> Preview:
    """Return the head of an event's page. `url` is the address of this site, without a slash at its end."""
    block = f'<script type="application/ld+json">{script_json(json_ld(event, status, url))}</script>'
    calendar = f'<link rel="alternate" type="text/calendar" href="/calendar/events/{event.slug}.ics" />'
    return Preview(
        title=messages.text("event.title_of", title=event.title),
        description=event.summary or plain(event.description_html),
        address=f"{url}/e/{event.slug}",
        image=event.image_url,
        extra=f"\n        {calendar}\n        {block}",
    )
