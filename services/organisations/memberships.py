"""What somebody is in organisations, as they see it themselves."""

from domain import ids
from domain.identity import Identity
from services.users.models import MembershipView, OrganisationName
from storage.members import Memberships


class MembershipViews:
    """Shows somebody their own memberships."""

    def __init__(self, memberships: Memberships) -> None:
        self._memberships = memberships

    async def views_of(self, identity: Identity) -> tuple[MembershipView, ...]:
        """Return the memberships of a user with the names of their organisations, in the order of joining.

        Raises `ConnectionError` when PostgreSQL is away.
        """
        if identity.user_id is None:
            return ()
        barred = {
            (member.organisation_id, member.event_id) for member in identity.memberships if member.is_barred
        }
        return tuple(
            MembershipView(
                organisation=OrganisationName(
                    id=ids.text(ids.ORGANISATION, named.organisation_id), slug=named.slug, name=named.name
                ),
                role=named.role,
                event=ids.text(ids.EVENT, named.event_id) if named.event_id else None,
                is_barred=(named.organisation_id, named.event_id) in barred,
            )
            for named in await self._memberships.named_memberships_of(identity.user_id)
        )
