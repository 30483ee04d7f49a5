"""Everybody who may come to a gateway: each role in an organisation and in one event of it, in the own and in
a foreign organisation, people of the platform, keys, devices, guests and nobody. The own organisation
requires a second factor; the foreign one does not.
"""

import secrets

import msgspec

from domain.ids import BuyerId, EventId, OrganisationId, UserId
from domain.roles import DEVICE_SCOPES, GRANTS, KEY_SCOPES, PLATFORM_GRANTS, Permission, PlatformRole, Role
from services.demo import load
from services.events.catalogue_file import OrganisationSection
from services.sessions import hashed
from storage.event_records import EventRecord
from tests.gateway.stage import Works, catalogue_file, fresh
from tests.people import Person

LONG_MS = 3_600_000


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks.

    Attributes:
        granted: what they may do in the own organisation.
        granted_for_event: what they may do to the own event.
        on_platform: what they may do on the whole platform.
        person: None for guests, keys, devices and nobody.
        has_factor: whether their sessions were opened with a second factor.
        is_barred: whether what they may do has to wait for one.
    """

    name: str
    granted: frozenset[Permission] | None = None
    granted_for_event: frozenset[Permission] | None = None
    on_platform: frozenset[Permission] = frozenset()
    person: Person | None = None
    key: str = ""
    is_guest: bool = False
    has_factor: bool = True
    is_barred: bool = False


class Cast(msgspec.Struct, frozen=True):
    """The figures, and what they stand around."""

    organisation_id: OrganisationId
    event_id: EventId
    foreign_organisation_id: OrganisationId
    foreign_event_id: EventId
    figures: list[Figure]


async def assemble(made: Works) -> Cast:
    """Make everybody."""
    _, own = await made.load(catalogue_file())
    other_file = msgspec.structs.replace(
        catalogue_file(), organisation=OrganisationSection(name="Other", slug="other")
    )
    loaded = await load(
        other_file,
        catalogue=made.catalogue,
        shards=made.shards,
        clock=made.clock,
        opens_in_ms=0,
    )
    foreign = await made.catalogue.find(loaded.event_id)
    assert foreign is not None
    await made.pool.execute(
        "UPDATE organisations SET require_second_factor = true WHERE organisation_id = $1",
        own.organisation_id,
    )
    figures = [Figure(name="nobody"), Figure(name="guest", is_guest=True)]
    figures.append(Figure(name="user", person=await made.people.add()))
    # First of those who may something: an owner's own requests may change what is required.
    figures += [await _barred(made, own, Role.OWNER), await _barred(made, own, Role.VIEWER)]
    for role in Role:
        person = await made.people.add()
        await _join(made, own.organisation_id, person.user_id, role)
        figures.append(
            Figure(name=role.value, granted=GRANTS[role], granted_for_event=GRANTS[role], person=person)
        )
        person = await made.people.add()
        await _join(made, foreign.organisation_id, person.user_id, role)
        figures.append(Figure(name=f"foreign {role.value}", person=person, has_factor=False))
        if role not in {Role.OWNER, Role.ADMIN}:
            person = await made.people.add()
            await _join(made, own.organisation_id, person.user_id, role, own.event_id)
            figures.append(
                Figure(name=f"{role.value} of the event", granted_for_event=GRANTS[role], person=person)
            )
    for platform_role in PlatformRole:
        person = await made.people.add()
        await made.pool.execute(
            "INSERT INTO platform_members VALUES ($1, $2, now())", person.user_id, platform_role.value
        )
        granted = PLATFORM_GRANTS[platform_role]
        figures.append(Figure(name=platform_role.value, person=person, on_platform=granted))
    for kind, role, scopes in (("key", Role.ADMIN, KEY_SCOPES), ("device", Role.SCANNER, DEVICE_SCOPES)):
        granted = GRANTS[role] & scopes
        token = await _token(made, own.organisation_id, kind, scopes)
        figures.append(Figure(name=kind, granted=granted, granted_for_event=granted, key=token))
        token = await _token(made, foreign.organisation_id, kind, scopes)
        figures.append(Figure(name=f"foreign {kind}", key=token))
        token = await _token(made, own.organisation_id, kind, scopes, own.event_id)
        figures.append(Figure(name=f"{kind} of the event", granted_for_event=granted, key=token))
    return Cast(own.organisation_id, own.event_id, foreign.organisation_id, foreign.event_id, figures)


async def _barred(made: Works, own: EventRecord, role: Role) -> Figure:
    """Somebody with a role who has signed in without a second factor."""
    person = await made.people.add()
    await _join(made, own.organisation_id, person.user_id, role)
    return Figure(
        name=f"{role.value} without a second factor",
        granted=GRANTS[role],
        granted_for_event=GRANTS[role],
        person=person,
        has_factor=False,
        is_barred=True,
    )


async def open_session(made: Works, figure: Figure) -> str:
    """Return the token of a new session of theirs, proven afresh; "" for those who have none."""
    if figure.person is None and not figure.is_guest:
        return ""
    token = secrets.token_urlsafe(32)
    now_ms = made.clock()
    await made.pool.execute(
        """
        INSERT INTO sessions (token_hash, session_id, buyer_id, user_id, device, created_at, last_used_at,
            expires_at, stepped_up_until, with_second_factor)
        VALUES ($1, $2, $3, $4, 'Test', $5, $5, $6, $6, $7)
        """,
        hashed(token),
        fresh(),
        figure.person.buyer_id if figure.person else BuyerId(fresh()),
        figure.person.user_id if figure.person else None,
        now_ms,
        now_ms + LONG_MS,
        figure.has_factor,
    )
    return token


async def _join(
    made: Works,
    organisation_id: OrganisationId,
    user_id: UserId,
    role: Role,
    event_id: EventId | None = None,
) -> None:
    await made.pool.execute(
        """
        INSERT INTO members (member_id, organisation_id, user_id, event_id, role, created_at)
        VALUES ($1, $2, $3, $4, $5, now())
        """,
        fresh(),
        organisation_id,
        user_id,
        event_id,
        role.value,
    )


async def _token(
    made: Works,
    organisation_id: OrganisationId,
    kind: str,
    scopes: frozenset[Permission],
    event_id: EventId | None = None,
) -> str:
    token = f"bilten_{kind}_{secrets.token_urlsafe(32)}"
    await made.pool.execute(
        """
        INSERT INTO api_tokens (token_id, organisation_id, kind, name, prefix, token_hash, scopes, created_by,
            created_at, expires_at, event_id)
        VALUES ($1, $2, $3, 'Test', $4, $5, $6, $7, now(), now() + interval '1 day', $8)
        """,
        fresh(),
        organisation_id,
        kind,
        token[:16],
        hashed(token),
        sorted(scope.value for scope in scopes),
        fresh(),
        event_id,
    )
    return token
