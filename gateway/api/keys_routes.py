"""API keys, and the tokens of devices that scan."""

from domain import ids
from domain.ids import EventId
from domain.refusals import Code, Refusal
from domain.roles import DEVICE_SCOPES, Permission
from gateway.api.route import Answer, Call, Handler, LimitClass, Route
from services.keys.keys import Issued, Keys, Wanted
from services.keys.models import DeviceView, KeyView, MadeDevice, MadeKey, NewDevice, NewKey
from services.models import Page, PageQuery
from storage.api_tokens import ApiToken, TokenKind


def routes(keys: Keys) -> list[Route]:
    """Return the routes of keys and devices."""
    return [*_key_routes(keys), *_device_routes(keys)]


def _key_routes(keys: Keys) -> list[Route]:
    async def create(call: Call) -> Answer | Refusal:
        wanted: NewKey = call.body
        scopes = frozenset(Permission(scope) for scope in wanted.scopes)
        issued = await _issue(keys, call, TokenKind.KEY, scopes)
        if isinstance(issued, Refusal):
            return issued
        return Answer(body=MadeKey(key=_key(issued.stored, call.now_ms), token=issued.token))

    async def listed(call: Call) -> Answer | Refusal:
        found = await keys.list(call.organisation, TokenKind.KEY, call.query)
        if isinstance(found, Refusal):
            return found
        items = tuple(_key(token, call.now_ms) for token in found.items)
        return Answer(body=Page[KeyView](items=items, next_cursor=found.next_cursor))

    return [
        Route(
            method="POST",
            path="/organisations/{organisation}/keys",
            name="keys.create",
            tag="Keys",
            summary="Make an API key; its token is shown this once",
            access=Permission.KEYS_MANAGE,
            handler=create,
            limit=LimitClass.ORGANIZER,
            body=NewKey,
            answer=MadeKey,
            status=201,
            refusals=(Code.LIMIT_REACHED, Code.NOT_FOUND),
        ),
        Route(
            method="GET",
            path="/organisations/{organisation}/keys",
            name="keys.list",
            tag="Keys",
            summary="API keys that were not revoked",
            access=Permission.KEYS_MANAGE,
            handler=listed,
            limit=LimitClass.ORGANIZER,
            query=PageQuery,
            answer=Page[KeyView],
        ),
        Route(
            method="DELETE",
            path="/organisations/{organisation}/keys/{key}",
            name="keys.revoke",
            tag="Keys",
            summary="Make an API key worthless, everywhere within a second",
            access=Permission.KEYS_MANAGE,
            handler=_revoking(keys, TokenKind.KEY, "key"),
            limit=LimitClass.ORGANIZER,
        ),
    ]


def _device_routes(keys: Keys) -> list[Route]:
    async def create(call: Call) -> Answer | Refusal:
        issued = await _issue(keys, call, TokenKind.DEVICE, DEVICE_SCOPES)
        if isinstance(issued, Refusal):
            return issued
        return Answer(body=MadeDevice(device=_device(issued.stored, call.now_ms), token=issued.token))

    async def listed(call: Call) -> Answer | Refusal:
        found = await keys.list(call.organisation, TokenKind.DEVICE, call.query)
        if isinstance(found, Refusal):
            return found
        items = tuple(_device(token, call.now_ms) for token in found.items)
        return Answer(body=Page[DeviceView](items=items, next_cursor=found.next_cursor))

    return [
        Route(
            method="POST",
            path="/organisations/{organisation}/devices",
            name="devices.create",
            tag="Devices",
            summary="Let a device scan tickets; its token is shown this once",
            access=Permission.DEVICES_MANAGE,
            handler=create,
            limit=LimitClass.ORGANIZER,
            body=NewDevice,
            answer=MadeDevice,
            status=201,
            refusals=(Code.LIMIT_REACHED, Code.NOT_FOUND),
        ),
        Route(
            method="GET",
            path="/organisations/{organisation}/devices",
            name="devices.list",
            tag="Devices",
            summary="Devices whose tokens were not revoked",
            access=Permission.DEVICES_MANAGE,
            handler=listed,
            limit=LimitClass.ORGANIZER,
            query=PageQuery,
            answer=Page[DeviceView],
        ),
        Route(
            method="DELETE",
            path="/organisations/{organisation}/devices/{device}",
            name="devices.revoke",
            tag="Devices",
            summary="Make a device's token worthless, everywhere within a second",
            access=Permission.DEVICES_MANAGE,
            handler=_revoking(keys, TokenKind.DEVICE, "device"),
            limit=LimitClass.ORGANIZER,
        ),
    ]


async def _issue(keys: Keys, call: Call, kind: TokenKind, scopes: frozenset[Permission]) -> Issued | Refusal:
    wanted: NewKey | NewDevice = call.body
    event_id = EventId(ids.parse(ids.EVENT, wanted.event)) if wanted.event else None
    return await keys.issue(
        call.who,
        call.organisation,
        Wanted(kind, wanted.name, scopes, event_id, wanted.expires_in_days),
        call.now_ms,
    )


def _revoking(keys: Keys, kind: TokenKind, part: str) -> Handler:
    async def revoke(call: Call) -> Answer | Refusal:
        token_id = call.path[part]
        refusal = await keys.revoke(call.who, call.organisation, kind, token_id, call.now_ms)
        return refusal or Answer()

    return revoke


def _key(token: ApiToken, now_ms: int) -> KeyView:
    return KeyView(
        id=ids.text(ids.API_KEY, token.token_id),
        name=token.name,
        prefix=token.prefix,
        scopes=tuple(sorted(token.scopes)),
        event=ids.text(ids.EVENT, token.event_id) if token.event_id else None,
        created_at_ms=token.created_at_ms,
        expires_at_ms=token.expires_at_ms,
        last_used_at_ms=token.last_used_at_ms,
        is_expired=token.expires_at_ms <= now_ms,
    )


def _device(token: ApiToken, now_ms: int) -> DeviceView:
    return DeviceView(
        id=ids.text(ids.DEVICE, token.token_id),
        name=token.name,
        prefix=token.prefix,
        event=ids.text(ids.EVENT, token.event_id) if token.event_id else None,
        created_at_ms=token.created_at_ms,
        expires_at_ms=token.expires_at_ms,
        last_used_at_ms=token.last_used_at_ms,
        is_expired=token.expires_at_ms <= now_ms,
    )
