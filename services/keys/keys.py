"""Making and revoking tokens, and saying who a token is.

A token is shown once and stored as its hash; it is random, so a plain hash can't be searched through. Who it
is stays in this process for `KEPT_MS` at most: a token that was revoked anywhere is refused within a second
everywhere, without anybody having to be told.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from domain import ids
from domain.identity import Identity, Membership, Who
from domain.ids import ApiKeyId, DeviceId, EventId, OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import DEVICE_SCOPES, GRANTS, KEY_SCOPES, Permission, Role
from services.audit import entry_for
from services.cursors import cursor_of, parts_of
from services.models import PageQuery
from services.organisations.rights import roles_of
from services.sessions import TOKEN_BYTES, hashed
from storage import api_tokens, organisations
from storage.api_tokens import ApiToken, TokenKind
from storage.audit_log import record
from storage.catalogue import title_of
from storage.postgres import AnyConnection, Pool
from storage.tenancy import tenant

KEPT_MS: Final = 400
KEPT_MAX: Final = 10_000
# How exact "last used" is.
TOUCHED_EVERY_MS: Final = 60_000
TOKENS_MAX: Final = {TokenKind.KEY: 100, TokenKind.DEVICE: 1_000}
_DAY_MS: Final = 24 * 3_600_000
_BEGINNINGS: Final = {TokenKind.KEY: "bilten_key_", TokenKind.DEVICE: "bilten_device_"}
# Characters of the secret that are shown again: enough to know a token by, of 43.
_SHOWN: Final = 6
_LENGTH_MAX: Final = 80
# What a token is taken for in its organisation, before its scopes narrow that down.
_ROLES: Final = {TokenKind.KEY: Role.ADMIN, TokenKind.DEVICE: Role.SCANNER}
_PERMISSIONS: Final = {
    TokenKind.KEY: Permission.KEYS_MANAGE,
    TokenKind.DEVICE: Permission.DEVICES_MANAGE,
}
_SCOPES: Final = {TokenKind.KEY: KEY_SCOPES, TokenKind.DEVICE: DEVICE_SCOPES}
_IDS: Final = {TokenKind.KEY: ids.API_KEY, TokenKind.DEVICE: ids.DEVICE}


class Wanted(msgspec.Struct, frozen=True):
    """A token to be made."""

    kind: TokenKind
    name: str
    scopes: frozenset[Permission]
    event_id: EventId | None
    days: int


class Issued(msgspec.Struct, frozen=True):
    """A new token, and the secret itself. Not printed."""

    stored: ApiToken
    token: str

    def __repr__(self) -> str:
        return f"Issued({self.stored.prefix}…)"


class Tokens(msgspec.Struct, frozen=True):
    """A part of a list."""

    items: tuple[ApiToken, ...]
    next_cursor: str | None


class Keys:
    """Every method raises `ConnectionError` when PostgreSQL is away.

    Attributes:
        asked, found: how often somebody asked who a token is, and how often it was at hand; for metrics.
    """

    def __init__(
        self,
        pool: Pool,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
        kept_ms: int = KEPT_MS,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._new_id = new_id
        self._kept_ms = kept_ms
        self._kept: OrderedDict[bytes, tuple[int, Identity | None]] = OrderedDict()
        self.asked = 0
        self.found = 0

    async def of_key(self, token: str) -> Identity | None:
        """Return who a token is, None if it is nobody's, any more."""
        if len(token) > _LENGTH_MAX or not token.startswith(tuple(_BEGINNINGS.values())):
            return None
        self.asked += 1
        token_hash = hashed(token)
        now_ms = self._clock()
        kept = self._kept.get(token_hash)
        if kept is not None and now_ms < kept[0]:
            self.found += 1
            return kept[1]
        found = await api_tokens.find_good(self._pool, token_hash, now_ms)
        # Counted from before the question: what is revoked while the answer travels lives no longer for it.
        identity = None if found is None else _identity(found)
        self._kept[token_hash] = now_ms + self._kept_ms, identity
        self._kept.move_to_end(token_hash)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        if found is not None and now_ms - (found.last_used_at_ms or 0) >= TOUCHED_EVERY_MS:
            await api_tokens.touch(self._pool, found.token_id, now_ms)
        return identity

    def counts(self) -> dict[str, int]:
        """Return what metrics show."""
        return {"asked": self.asked, "found": self.found, "kept": len(self._kept)}

    async def issue(
        self, who: Who, organisation_id: OrganisationId, wanted: Wanted, now_ms: int
    ) -> Issued | Refusal:
        """Make a token that acts for an organisation."""
        maker = who.identity.user_id or who.identity.api_key_id
        own = who.identity.scopes
        # A key makes nothing that may do more than itself.
        if (
            maker is None
            or not wanted.scopes <= _SCOPES[wanted.kind]
            or (own is not None and not wanted.scopes <= own)
        ):
            return Refusal(Code.FORBIDDEN)
        secret = _BEGINNINGS[wanted.kind] + secrets.token_urlsafe(TOKEN_BYTES)
        token = ApiToken(
            token_id=self._new_id(),
            organisation_id=organisation_id,
            event_id=wanted.event_id,
            kind=wanted.kind,
            name=wanted.name,
            prefix=secret[: len(_BEGINNINGS[wanted.kind]) + _SHOWN],
            token_hash=hashed(secret),
            scopes=wanted.scopes,
            created_by=maker,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + wanted.days * _DAY_MS,
        )
        async with tenant(self._pool, organisation_id) as connection:
            refusal = await self._refusal(connection, who, token)
            if refusal is not None:
                return refusal
            await api_tokens.insert(connection, token)
            await self._record(connection, who, "create", token, now_ms)
        return Issued(token, secret)

    async def list(
        self, organisation_id: OrganisationId, kind: TokenKind, query: PageQuery
    ) -> Tokens | Refusal:
        """Return a part of an organisation's tokens that were not revoked, oldest first."""
        after = parts_of(query.cursor, 16) if query.cursor else (None,)
        if after is None:
            return Refusal(Code.INVALID, None, {"field": "cursor"})
        async with tenant(self._pool, organisation_id) as connection:
            found = await api_tokens.list_tokens(connection, organisation_id, kind, after[0], query.limit + 1)
        shown = found[: query.limit]
        is_more = len(found) > query.limit
        return Tokens(tuple(shown), cursor_of(shown[-1].token_id) if is_more else None)

    async def revoke(
        self, who: Who, organisation_id: OrganisationId, kind: TokenKind, token_id: bytes, now_ms: int
    ) -> Refusal | None:
        """Make a token worthless, here at once and everywhere within a second."""
        async with tenant(self._pool, organisation_id) as connection:
            await organisations.lock(connection, organisation_id)
            revoked = await api_tokens.revoke(connection, organisation_id, kind, token_id, now_ms)
            if revoked is None:
                return Refusal(Code.NOT_FOUND)
            await self._record(connection, who, "revoke", revoked, now_ms)
        self._kept.pop(revoked.token_hash, None)
        return None

    async def _refusal(self, connection: AnyConnection, who: Who, token: ApiToken) -> Refusal | None:
        # Locked, so that who is being removed leaves no key behind, and a key that is revoked no device.
        await organisations.lock(connection, token.organisation_id)
        user_id = who.identity.user_id
        if user_id is not None:
            roles = await roles_of(connection, token.organisation_id, user_id)
            if not any(_PERMISSIONS[token.kind] in GRANTS[role] for role in roles):
                return Refusal(Code.FORBIDDEN)
        elif not await api_tokens.is_good(
            connection, token.organisation_id, token.created_by, token.created_at_ms
        ):
            return Refusal(Code.FORBIDDEN)
        if (
            token.event_id is not None
            and await title_of(connection, token.organisation_id, token.event_id) is None
        ):
            return Refusal(Code.NOT_FOUND, None, {"field": "event"})
        limit = TOKENS_MAX[token.kind]
        if await api_tokens.count(connection, token.organisation_id, token.kind) >= limit:
            return Refusal(Code.LIMIT_REACHED, None, {"limit": limit})
        return None

    async def _record(
        self, connection: AnyConnection, who: Who, what: str, token: ApiToken, now_ms: int
    ) -> None:
        said: dict[str, object] = {
            "name": token.name,
            "prefix": token.prefix,
            "scopes": sorted(token.scopes),
            "event": ids.text(ids.EVENT, token.event_id) if token.event_id else None,
            "expires_at_ms": token.expires_at_ms,
        }
        await record(
            connection,
            entry_for(
                who,
                f"{token.kind.value}.{what}",
                ids.text(_IDS[token.kind], token.token_id),
                organisation_id=token.organisation_id,
                at_ms=now_ms,
                before=said if what == "revoke" else None,
                after=said if what == "create" else None,
            ),
        )


def _identity(token: ApiToken) -> Identity:
    is_key = token.kind is TokenKind.KEY
    return Identity(
        api_key_id=ApiKeyId(token.token_id) if is_key else None,
        device_id=None if is_key else DeviceId(token.token_id),
        memberships=(Membership(token.organisation_id, _ROLES[token.kind], token.event_id),),
        scopes=token.scopes & _SCOPES[token.kind],
    )
