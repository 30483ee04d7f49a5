"""An organisation's audit log."""

from domain.refusals import Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from services.audit_search import AuditEntryView, AuditQuery, AuditSearch
from services.models import Page


def routes(audit: AuditSearch) -> list[Route]:
    """Return the routes of the audit log."""

    async def listed(call: Call) -> Answer | Refusal:
        found = await audit.of_organisation(call.organisation, call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)

    return [
        Route(
            method="GET",
            path="/organisations/{organisation}/audit",
            name="audit.list",
            tag="Audit",
            summary="Who changed what, newest first",
            access=Permission.AUDIT_READ,
            handler=listed,
            limit=LimitClass.ORGANIZER,
            query=AuditQuery,
            answer=Page[AuditEntryView],
        )
    ]
