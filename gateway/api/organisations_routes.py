"""Making organisations, and their profiles."""

from domain.ids import ORGANISATION, OrganisationId, parse
from domain.refusals import Code, Refusal
from domain.roles import Access, Permission
from gateway.api.route import Answer, Call, Handler, LimitClass, Route
from services.organisations.closing import Closing
from services.organisations.models import NewOrganisation, OrganisationPatch, OrganisationView
from services.organisations.organisations import Organisations

_TAG = "Organisations"


def routes(organisations: Organisations, closing: Closing) -> list[Route]:
    """Return the routes of organisations."""

    async def create(call: Call) -> Answer | Refusal:
        return _answer(await organisations.create(call.who, call.body, call.now_ms))

    async def made(call: Call) -> Answer | Refusal:
        return _answer(await organisations.read(OrganisationId(parse(ORGANISATION, call.made))))

    async def read(call: Call) -> Answer | Refusal:
        return _answer(await organisations.read(call.organisation))

    async def update(call: Call) -> Answer | Refusal:
        assert call.version is not None
        return _answer(
            await organisations.edit(call.who, call.organisation, call.version, call.body, call.now_ms)
        )

    return [
        Route(
            method="POST",
            path="/organisations",
            name="organisations.create",
            tag=_TAG,
            summary="Make an organisation and own it",
            access=Access.USER,
            handler=create,
            limit=LimitClass.ORGANIZER,
            body=NewOrganisation,
            again=made,
            answer=OrganisationView,
            status=201,
            refusals=(Code.SLUG_TAKEN, Code.LIMIT_REACHED),
        ),
        Route(
            method="GET",
            path="/organisations/{organisation}",
            name="organisations.read",
            tag=_TAG,
            summary="An organisation's profile",
            access=Permission.ORGANISATION_READ,
            handler=read,
            limit=LimitClass.ORGANIZER,
            answer=OrganisationView,
        ),
        Route(
            method="PATCH",
            path="/organisations/{organisation}",
            name="organisations.update",
            tag=_TAG,
            summary="Change an organisation's profile",
            access=Permission.ORGANISATION_EDIT,
            handler=update,
            limit=LimitClass.ORGANIZER,
            body=OrganisationPatch,
            answer=OrganisationView,
            is_versioned=True,
            refusals=(Code.SLUG_TAKEN, Code.SECOND_FACTOR_NEEDED, Code.STEP_UP_NEEDED),
        ),
        _closing(closing, made),
    ]


def _closing(closing: Closing, closed: Handler) -> Route:
    async def close(call: Call) -> Answer | Refusal:
        assert call.version is not None
        return _answer(await closing.close(call.who, call.organisation, call.version, call.now_ms))

    return Route(
        method="POST",
        path="/organisations/{organisation}/close",
        name="organisations.close",
        tag=_TAG,
        summary="Close an organisation that has nothing left to sell or to finish",
        access=Permission.ORGANISATION_CLOSE,
        handler=close,
        limit=LimitClass.ORGANIZER,
        answer=OrganisationView,
        is_versioned=True,
        again=closed,
        ends_rights=True,
        refusals=(Code.ORGANISATION_IN_USE, Code.BUSY),
    )


def _answer(result: OrganisationView | Refusal) -> Answer | Refusal:
    return result if isinstance(result, Refusal) else Answer(body=result, version=result.version)
