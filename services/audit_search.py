"""Looking things up in the audit log: an organisation in its own, the platform's people in all of them."""

from typing import Annotated, Any

from pydantic import Field

from domain import ids
from domain.ids import OrganisationId
from domain.refusals import Code, Refusal
from services.cursors import cursor_of, parts_of
from services.models import Model, OrganisationRef, Page, PageQuery, TimeMs
from storage.audit_log import PLATFORM, ChainedEntry
from storage.audit_reader import AuditFilter, entries_of, entries_of_all
from storage.postgres import Pool, asking
from storage.tenancy import tenant

_SEQ_BYTES = 8
_AT_BYTES = 8
_CHAIN_BYTES = 16

Reference = Annotated[str, Field(max_length=80, pattern="^[a-z_0-9]*$")]


class AuditQuery(PageQuery):
    """Which entries; what is not said is left open."""

    actor: Reference = ""
    """TypeID of a user, a key or a device."""
    action: Annotated[str, Field(max_length=60, pattern="^[a-z_.]*$", examples=["member."])] = ""
    """What an action begins with."""
    target: Reference = ""
    """TypeID of what something was done to; an event is found with its codes and all else that is its own."""
    from_ms: TimeMs | None = None
    to_ms: TimeMs | None = None


class PlatformAuditQuery(AuditQuery):
    """Which entries of all logs."""

    organisation: OrganisationRef | None = None
    """Only of this organisation's log."""
    only_platform: bool = False
    """Only of the platform's own log."""


class AuditEntryView(Model):
    """One change."""

    organisation: OrganisationRef | None
    """In whose log it stands; None for the platform's."""
    seq: int
    at_ms: TimeMs
    actor: str
    action: str
    target: str
    before: dict[str, Any]
    after: dict[str, Any]
    address: str
    user_agent: str
    hash: str
    """Over this entry and the one before, in hexadecimal."""


class AuditSearch:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of_organisation(
        self, organisation_id: OrganisationId, query: AuditQuery
    ) -> Page[AuditEntryView] | Refusal:
        """Return a part of an organisation's log, newest first."""
        before = _before_seq(query.cursor)
        if isinstance(before, Refusal):
            return before
        async with tenant(self._pool, organisation_id) as connection:
            found = await entries_of(connection, organisation_id, _filter(query), before, query.limit + 1)
        return _chain_page(found, query.limit)

    async def of_all(self, query: PlatformAuditQuery) -> Page[AuditEntryView] | Refusal:
        """Return a part of all logs, or of one of them, newest first."""
        if query.organisation is not None or query.only_platform:
            before = _before_seq(query.cursor)
            if isinstance(before, Refusal):
                return before
            chain = ids.parse(ids.ORGANISATION, query.organisation) if query.organisation else PLATFORM
            async with asking(self._pool) as connection:
                found = await entries_of(connection, chain, _filter(query), before, query.limit + 1)
            return _chain_page(found, query.limit)
        place = parts_of(query.cursor, _AT_BYTES, _CHAIN_BYTES, _SEQ_BYTES) if query.cursor else ()
        if place is None:
            return _bad_cursor()
        async with asking(self._pool) as connection:
            found = await entries_of_all(
                connection,
                _filter(query),
                (_number(place[0]), place[1], _number(place[2])) if place else None,
                query.limit + 1,
            )
        shown = found[: query.limit]
        return Page[AuditEntryView](
            items=tuple(_view(entry) for entry in shown),
            next_cursor=_place(shown[-1]) if len(found) > query.limit else None,
        )


def _chain_page(found: list[ChainedEntry], limit: int) -> Page[AuditEntryView]:
    shown = found[:limit]
    return Page[AuditEntryView](
        items=tuple(_view(entry) for entry in shown),
        next_cursor=cursor_of(shown[-1].seq.to_bytes(_SEQ_BYTES, "big")) if len(found) > limit else None,
    )


def _before_seq(cursor: str | None) -> int | Refusal | None:
    if cursor is None:
        return None
    place = parts_of(cursor, _SEQ_BYTES)
    return _bad_cursor() if place is None else _number(place[0])


def _place(entry: ChainedEntry) -> str:
    return cursor_of(
        entry.at_ms.to_bytes(_AT_BYTES, "big"), entry.chain, entry.seq.to_bytes(_SEQ_BYTES, "big")
    )


def _number(raw: bytes) -> int:
    # What somebody made up may be larger than a bigint or a time can be.
    return min(int.from_bytes(raw, "big"), 253_402_300_799_999)


def _bad_cursor() -> Refusal:
    return Refusal(Code.INVALID, None, {"field": "cursor"})


def _filter(query: AuditQuery) -> AuditFilter:
    return AuditFilter(query.actor, query.action, query.target, query.from_ms, query.to_ms)


def _view(entry: ChainedEntry) -> AuditEntryView:
    return AuditEntryView(
        organisation=ids.text(ids.ORGANISATION, entry.chain) if entry.chain != PLATFORM else None,
        seq=entry.seq,
        at_ms=entry.at_ms,
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        before=dict(entry.before),
        after=dict(entry.after),
        address=entry.address,
        user_agent=entry.user_agent,
        hash=entry.hash.hex(),
    )
