"""Members of organisations, and invitations."""

from domain.ids import ORGANISATION, OrganisationId, parse
from domain.refusals import Code, Refusal
from domain.roles import Access, Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from services.models import Page, PageQuery
from services.organisations.invitations import Invitations
from services.organisations.members import Members
from services.organisations.models import (
    Acceptance,
    InvitationView,
    Joined,
    Leaving,
    MemberChange,
    MemberView,
    NewInvitation,
)

_TAG = "Members"


def routes(members: Members, invitations: Invitations) -> list[Route]:
    """Return the routes of members and of invitations."""
    return [*_members_routes(members), _leaving_route(members), *_invitations_routes(invitations)]


def _members_routes(members: Members) -> list[Route]:
    async def listed(call: Call) -> Answer | Refusal:
        found = await members.list(call.organisation, call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def update(call: Call) -> Answer | Refusal:
        assert call.version is not None
        changed = await members.change(
            call.who, call.organisation, call.path["member"], call.version, call.body, call.now_ms
        )
        return changed if isinstance(changed, Refusal) else Answer(body=changed, version=changed.version)

    async def remove(call: Call) -> Answer | Refusal:
        assert call.version is not None
        refusal = await members.remove(
            call.who, call.organisation, call.path["member"], call.version, call.now_ms
        )
        return refusal or Answer()

    return [
        Route(
            method="GET",
            path="/organisations/{organisation}/members",
            name="members.list",
            tag=_TAG,
            summary="Who works for an organisation",
            access=Permission.MEMBERS_READ,
            handler=listed,
            limit=LimitClass.ORGANIZER,
            query=PageQuery,
            answer=Page[MemberView],
        ),
        Route(
            method="PATCH",
            path="/organisations/{organisation}/members/{member}",
            name="members.update",
            tag=_TAG,
            summary="Give a member another role",
            access=Permission.MEMBERS_MANAGE,
            handler=update,
            limit=LimitClass.ORGANIZER,
            body=MemberChange,
            answer=MemberView,
            is_versioned=True,
            refusals=(Code.ROLE_TOO_HIGH, Code.LAST_OWNER, Code.INVALID),
        ),
        Route(
            method="DELETE",
            path="/organisations/{organisation}/members/{member}",
            name="members.remove",
            tag=_TAG,
            summary="Take a member's role away",
            access=Permission.MEMBERS_MANAGE,
            handler=remove,
            limit=LimitClass.ORGANIZER,
            is_versioned=True,
            refusals=(Code.ROLE_TOO_HIGH, Code.LAST_OWNER),
        ),
    ]


def _leaving_route(members: Members) -> Route:
    async def leave(call: Call) -> Answer | Refusal:
        organisation_id = OrganisationId(parse(ORGANISATION, call.body.organisation))
        return await members.leave(call.who, organisation_id, call.now_ms) or Answer()

    return Route(
        method="POST",
        path="/me/leave",
        name="members.leave",
        tag=_TAG,
        summary="Leave an organisation",
        access=Access.USER,
        handler=leave,
        limit=LimitClass.ORGANIZER,
        body=Leaving,
        refusals=(Code.NOT_FOUND, Code.LAST_OWNER),
    )


def _invitations_routes(invitations: Invitations) -> list[Route]:
    async def create(call: Call) -> Answer | Refusal:
        sent = await invitations.invite(call.who, call.organisation, call.body, call.now_ms)
        return sent if isinstance(sent, Refusal) else Answer(body=sent)

    async def listed(call: Call) -> Answer | Refusal:
        found = await invitations.list(call.organisation, call.query, call.now_ms)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def revoke(call: Call) -> Answer | Refusal:
        refusal = await invitations.revoke(call.who, call.organisation, call.path["invitation"], call.now_ms)
        return refusal or Answer()

    async def accept(call: Call) -> Answer | Refusal:
        joined = await invitations.accept(call.who, call.body.token, call.now_ms)
        return joined if isinstance(joined, Refusal) else Answer(body=joined)

    return [
        Route(
            method="POST",
            path="/organisations/{organisation}/invitations",
            name="invitations.create",
            tag=_TAG,
            summary="Invite somebody by mail",
            access=Permission.MEMBERS_MANAGE,
            handler=create,
            limit=LimitClass.ORGANIZER,
            body=NewInvitation,
            answer=InvitationView,
            status=201,
            refusals=(Code.ROLE_TOO_HIGH, Code.ALREADY_MEMBER, Code.LIMIT_REACHED, Code.NOT_FOUND),
        ),
        Route(
            method="GET",
            path="/organisations/{organisation}/invitations",
            name="invitations.list",
            tag=_TAG,
            summary="Invitations that nobody has accepted yet",
            access=Permission.MEMBERS_MANAGE,
            handler=listed,
            limit=LimitClass.ORGANIZER,
            query=PageQuery,
            answer=Page[InvitationView],
        ),
        Route(
            method="DELETE",
            path="/organisations/{organisation}/invitations/{invitation}",
            name="invitations.revoke",
            tag=_TAG,
            summary="Take an invitation back",
            access=Permission.MEMBERS_MANAGE,
            handler=revoke,
            limit=LimitClass.ORGANIZER,
        ),
        Route(
            method="POST",
            path="/invitations/accept",
            name="invitations.accept",
            tag=_TAG,
            summary="Join an organisation with the token of an invitation",
            access=Access.USER,
            handler=accept,
            limit=LimitClass.ORGANIZER,
            body=Acceptance,
            answer=Joined,
            refusals=(Code.LINK_NOT_VALID, Code.OTHER_ADDRESS, Code.ALREADY_MEMBER, Code.LIMIT_REACHED),
        ),
    ]
