"""Making organisations, and their profiles."""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from domain import ids
from domain.identity import Who
from domain.ids import MemberId, OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import Role
from domain.standing import Standing
from services.audit import entry_for, only_changes
from services.flags import Flags
from services.organisations.models import NewOrganisation, OrganisationPatch, OrganisationView
from storage import members, organisations
from storage.audit_log import record
from storage.erasure import lock_user
from storage.journal import Refused
from storage.members import Member
from storage.organisations import Organisation
from storage.postgres import AnyConnection, Pool, asking, broken_constraint
from storage.tenancy import tenant

OWNED_MAX: Final = 50
_SLUG_TAKEN: Final = Refusal(Code.SLUG_TAKEN, None, {"field": "slug"})


class Announcing(Protocol):
    """Tells every gateway that what is said of an organisation has changed."""

    async def announce_organisation(self, organisation_id: OrganisationId, version: int) -> None:
        """Tell them. Never raises: who does not hear it reads anew after a while."""
        ...


class Organisations:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, new_id: Callable[[], bytes], flags: Flags) -> None:
        self._pool = pool
        self._new_id = new_id
        self._flags = flags
        self._announcing: Announcing | None = None

    def announce_through(self, announcing: Announcing) -> None:
        """Have changes announced from now on. Who reads the catalogue is made later than this."""
        self._announcing = announcing

    async def create(self, who: Who, wanted: NewOrganisation, now_ms: int) -> OrganisationView | Refusal:
        """Make an organisation that a user owns."""
        user_id = who.identity.user_id
        if user_id is None:
            return Refusal(Code.UNAUTHENTICATED)
        if await self._flags.flag("organisations_closed"):
            return Refusal(Code.FORBIDDEN)
        organisation_id = OrganisationId(self._new_id())
        name = ids.text(ids.ORGANISATION, organisation_id)
        owner = Member(MemberId(self._new_id()), organisation_id, user_id, Role.OWNER, None, 1, now_ms)
        after = {"name": wanted.name, "slug": wanted.slug}
        try:
            # Nobody's yet, so under the owner's role; and the platform's log has to tell that there is one.
            async with asking(self._pool) as connection, connection.transaction():
                # Locked, so that what is counted is all there is; who is just being erased owns nothing new.
                if not await lock_user(connection, user_id):
                    return Refusal(Code.UNAUTHENTICATED)
                if await organisations.count_owned(connection, user_id) >= OWNED_MAX:
                    return Refusal(Code.LIMIT_REACHED, None, {"limit": OWNED_MAX})
                await organisations.insert(connection, organisation_id, wanted.name, wanted.slug, now_ms)
                await members.insert(connection, owner)
                for chain in (organisation_id, None):
                    await record(
                        connection,
                        entry_for(
                            who, "organisation.create", name, organisation_id=chain, at_ms=now_ms, after=after
                        ),
                    )
                made = await organisations.find(connection, organisation_id)
        except Refused as error:
            if broken_constraint(error) == "organisations_slug_key":
                return _SLUG_TAKEN
            raise
        assert made is not None
        return view(made)

    async def read(self, organisation_id: OrganisationId) -> OrganisationView | Refusal:
        """Return an organisation's profile."""
        async with tenant(self._pool, organisation_id) as connection:
            found = await organisations.find(connection, organisation_id)
        return Refusal(Code.NOT_FOUND) if found is None else view(found)

    async def edit(
        self, who: Who, organisation_id: OrganisationId, version: int, patch: OrganisationPatch, now_ms: int
    ) -> OrganisationView | Refusal:
        """Change what is said of an organisation, unless somebody else did since `version`."""
        said = {name: getattr(patch, name) for name in patch.model_fields_set}
        if said.get("require_second_factor") and not await self._has_second_factor(who):
            # Whoever requires it without having one would shut themselves out.
            return Refusal(Code.SECOND_FACTOR_NEEDED, None, {"field": "require_second_factor"})
        try:
            async with tenant(self._pool, organisation_id) as connection:
                was = await organisations.lock(connection, organisation_id)
                if was is None:
                    return Refusal(Code.NOT_FOUND)
                if was.version != version:
                    return Refusal(Code.VERSION_CONFLICT, None, {"version": was.version})
                changed = msgspec.structs.replace(was, **said)
                refusal = _refused_rights(who, was, changed, now_ms)
                if refusal is not None:
                    return refusal
                before, after = only_changes(_audited(was), _audited(changed))
                if not after:
                    return view(was)
                changed = msgspec.structs.replace(changed, version=was.version + 1)
                await organisations.update(connection, changed)
                await record(
                    connection,
                    entry_for(
                        who,
                        "organisation.edit",
                        ids.text(ids.ORGANISATION, organisation_id),
                        organisation_id=organisation_id,
                        at_ms=now_ms,
                        before=before,
                        after=after,
                    ),
                )
        except Refused as error:
            if broken_constraint(error) == "organisations_slug_key":
                return _SLUG_TAKEN
            raise
        if self._announcing is not None:
            await self._announcing.announce_organisation(organisation_id, changed.version)
        return view(changed)

    async def _has_second_factor(self, who: Who) -> bool:
        user_id = who.identity.user_id
        return user_id is None or await members.has_second_factor(self._pool, user_id)


def _refused_rights(who: Who, was: Organisation, changed: Organisation, now_ms: int) -> Refusal | None:
    """Return why somebody may not change what members need to act; everything else is theirs to edit.

    A key changes no rights, and whoever sits down at an open browser does not lower the wall.
    """
    if was.require_second_factor == changed.require_second_factor:
        return None
    if who.identity.user_id is None:
        return Refusal(Code.FORBIDDEN, None, {"field": "require_second_factor"})
    if was.require_second_factor and who.identity.stepped_up_until_ms <= now_ms:
        return Refusal(Code.STEP_UP_NEEDED)
    return None


async def change_standing(
    connection: AnyConnection,
    who: Who,
    was: Organisation,
    becomes: Standing,
    action: str,
    now_ms: int,
    **told: object,
) -> None:
    """Let a locked organisation stand otherwise, under the owner's role. Its owners are to see it in their
    log, and the platform's people in theirs; everybody locks chains in this order.
    """
    await organisations.stand(connection, was.organisation_id, becomes)
    for chain in (was.organisation_id, None):
        await record(
            connection,
            entry_for(
                who,
                action,
                ids.text(ids.ORGANISATION, was.organisation_id),
                organisation_id=chain,
                at_ms=now_ms,
                before={"standing": was.standing.value},
                after={"standing": becomes.value, **told},
            ),
        )


def view(organisation: Organisation) -> OrganisationView:
    """Return an organisation as its members see it."""
    return OrganisationView(
        id=ids.text(ids.ORGANISATION, organisation.organisation_id),
        name=organisation.name,
        slug=organisation.slug,
        description=organisation.description,
        website=organisation.website,
        contact_email=organisation.contact_email,
        require_second_factor=organisation.require_second_factor,
        standing=organisation.standing,
        version=organisation.version,
        created_at_ms=organisation.created_at_ms,
    )


def _audited(organisation: Organisation) -> dict[str, object]:
    return {
        "name": organisation.name,
        "slug": organisation.slug,
        "description": organisation.description,
        "website": organisation.website,
        "contact_email": organisation.contact_email,
        "require_second_factor": organisation.require_second_factor,
    }
