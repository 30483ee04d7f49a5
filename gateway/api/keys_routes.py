"""API keys, and the tokens of devices that scan: two sorts of token with one life."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from pydantic import BaseModel

from domain import ids
from domain.ids import EventId
from domain.refusals import Code, Refusal
from domain.roles import DEVICE_SCOPES, Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from services.keys.keys import Keys, Wanted
from services.keys.models import DeviceView, KeyView, MadeDevice, MadeKey, NewDevice, NewKey
from services.models import Page, PageQuery
from storage.api_tokens import ApiToken, TokenKind


class _Sort(msgspec.Struct, frozen=True):
    """What the routes of one sort of token have of their own.

    Attributes:
        one, many: what it is called, in paths too.
        summaries: of making, listing and revoking.
    """

    kind: TokenKind
    one: str
    many: str
    permission: Permission
    summaries: tuple[str, str, str]
    new: type[BaseModel]
    view: Callable[[ApiToken, int], BaseModel]
    made: type[BaseModel]
    page: type[Page[Any]]
    scopes: Callable[[Any], frozenset[Permission]]


def routes(keys: Keys) -> list[Route]:
    """Return the routes of keys and devices."""
    return [route for sort in (_KEYS, _DEVICES) for route in _routes(keys, sort)]


def _routes(keys: Keys, sort: _Sort) -> list[Route]:
    async def create(call: Call) -> Answer | Refusal:
        said: NewKey | NewDevice = call.body
        event_id = EventId(ids.parse(ids.EVENT, said.event)) if said.event else None
        wanted = Wanted(sort.kind, said.name, sort.scopes(said), event_id, said.expires_in_days)
        issued = await keys.issue(call.who, call.organisation, wanted, call.now_ms)
        if isinstance(issued, Refusal):
            return issued
        view = sort.view(issued.stored, call.now_ms)
        return Answer(body=sort.made(**{sort.one: view, "token": issued.token}))

    async def listed(call: Call) -> Answer | Refusal:
        found = await keys.list(call.organisation, sort.kind, call.query)
        if isinstance(found, Refusal):
            return found
        items = tuple(sort.view(token, call.now_ms) for token in found.items)
        return Answer(body=sort.page(items=items, next_cursor=found.next_cursor))

    async def revoke(call: Call) -> Answer | Refusal:
        token_id = call.path[sort.one]
        refusal = await keys.revoke(call.who, call.organisation, sort.kind, token_id, call.now_ms)
        return refusal or Answer()

    path = f"/organisations/{{organisation}}/{sort.many}"
    making, listing, revoking = sort.summaries
    return [
        Route(
            method="POST",
            path=path,
            name=f"{sort.many}.create",
            tag=sort.many.capitalize(),
            summary=making,
            access=sort.permission,
            handler=create,
            limit=LimitClass.ORGANIZER,
            body=sort.new,
            answer=sort.made,
            status=201,
            refusals=(Code.LIMIT_REACHED, Code.NOT_FOUND),
        ),
        Route(
            method="GET",
            path=path,
            name=f"{sort.many}.list",
            tag=sort.many.capitalize(),
            summary=listing,
            access=sort.permission,
            handler=listed,
            limit=LimitClass.ORGANIZER,
            query=PageQuery,
            answer=sort.page,
        ),
        Route(
            method="DELETE",
            path=f"{path}/{{{sort.one}}}",
            name=f"{sort.many}.revoke",
            tag=sort.many.capitalize(),
            summary=revoking,
            access=sort.permission,
            handler=revoke,
            limit=LimitClass.ORGANIZER,
        ),
    ]


def _common(token: ApiToken, now_ms: int) -> dict[str, Any]:
    return {
        "name": token.name,
        "prefix": token.prefix,
        "event": ids.text(ids.EVENT, token.event_id) if token.event_id else None,
        "created_at_ms": token.created_at_ms,
        "expires_at_ms": token.expires_at_ms,
        "last_used_at_ms": token.last_used_at_ms,
        "is_expired": token.expires_at_ms <= now_ms,
    }


def _key(token: ApiToken, now_ms: int) -> KeyView:
    key_id = ids.text(ids.API_KEY, token.token_id)
    return KeyView(id=key_id, scopes=tuple(sorted(token.scopes)), **_common(token, now_ms))


def _device(token: ApiToken, now_ms: int) -> DeviceView:
    return DeviceView(id=ids.text(ids.DEVICE, token.token_id), **_common(token, now_ms))


_KEYS: Final = _Sort(
    kind=TokenKind.KEY,
    one="key",
    many="keys",
    permission=Permission.KEYS_MANAGE,
    summaries=(
        "Make an API key; its token is shown this once",
        "API keys that were not revoked",
        "Make an API key worthless, everywhere within a second",
    ),
    new=NewKey,
    view=_key,
    made=MadeKey,
    page=Page[KeyView],
    scopes=lambda said: frozenset(Permission(scope) for scope in said.scopes),
)
_DEVICES: Final = _Sort(
    kind=TokenKind.DEVICE,
    one="device",
    many="devices",
    permission=Permission.DEVICES_MANAGE,
    summaries=(
        "Let a device scan tickets; its token is shown this once",
        "Devices whose tokens were not revoked",
        "Make a device's token worthless, everywhere within a second",
    ),
    new=NewDevice,
    view=_device,
    made=MadeDevice,
    page=Page[DeviceView],
    scopes=lambda _: DEVICE_SCOPES,
)
