"""Importing and exporting events."""

from functools import partial

from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from gateway.api.streaming import begun
from services.events.exporting import MEDIA
from services.events.import_entries import BYTES_MAX
from services.events.import_models import ExportQuery, ImportQuery, ImportReport
from services.events.importing import MEDIA_TYPES
from services.events.organising import Organising

_route = partial(Route, tag="Events", limit=LimitClass.ORGANIZER)


def routes(organising: Organising) -> list[Route]:
    """Return the routes of imports and exports."""

    async def take(call: Call) -> Answer | Refusal:
        importing, zone = organising.importing, call.query.time_zone
        report = await importing.take(call.who, call.organisation, call.body, zone)
        return report if isinstance(report, Refusal) else Answer(body=report)

    async def give(call: Call) -> Answer | Refusal:
        form = call.query.format
        body = await begun(organising.exporting.give(call.organisation, form))
        headers = {"Content-Disposition": f'attachment; filename="events.{form}"'}
        return Answer(body=body, content_type=MEDIA[form], headers=headers)

    return [
        _route(
            method="POST",
            path="/organisations/{organisation}/import",
            name="events.import",
            summary="Import events as drafts: schema.org JSON-LD or a page with it, iCalendar, CSV",
            access=Permission.EVENTS_CREATE,
            handler=take,
            query=ImportQuery,
            takes=MEDIA_TYPES,
            body_bytes_max=BYTES_MAX,
            answer=ImportReport,
        ),
        _route(
            method="GET",
            path="/organisations/{organisation}/export",
            name="events.export",
            summary="All events as JSON-LD, iCalendar or CSV",
            access=Permission.EVENTS_READ,
            handler=give,
            query=ExportQuery,
            gives=tuple(media.partition(";")[0] for media in MEDIA.values()),
            refusals=(Code.BUSY,),
        ),
    ]
