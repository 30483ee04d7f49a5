"""Who somebody is at the moment that counts: within the transaction that changes who may do what."""

from domain.identity import Identity
from domain.ids import OrganisationId, UserId
from domain.roles import GRANTS, Permission, Role
from storage import members
from storage.postgres import AnyConnection


async def roles_of(
    connection: AnyConnection, organisation_id: OrganisationId, user_id: UserId
) -> frozenset[Role]:
    """Return the roles that somebody has for a whole organisation, as the database has them now."""
    found = await members.of_user(connection, organisation_id, user_id)
    return frozenset(member.role for member in found if member.event_id is None)


async def managing_roles(
    connection: AnyConnection, organisation_id: OrganisationId, identity: Identity
) -> frozenset[Role]:
    """Return the roles of somebody who may manage members; none if they may not any more.

    What the route has checked may be half a second old, and another owner may just have changed it: asked
    after the organisation was locked, this is certain.
    """
    if identity.user_id is None:
        return frozenset()
    roles = await roles_of(connection, organisation_id, identity.user_id)
    is_managing = any(Permission.MEMBERS_MANAGE in GRANTS[role] for role in roles)
    return roles if is_managing else frozenset()
