"""Who may do what: the one table of permissions by role. The API, the websocket, the pages, docs/roles.md and
the test that calls every route as every role all read it from here.

A role is held for an organisation or for one event of it. Roles of the platform are held for everything, and
say nothing about personal data: that is revealed one person at a time, with a reason, and logged.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Final


class Permission(enum.StrEnum):
    """One thing that somebody may do. The part before the dot is what it is done to."""

    ORGANISATION_READ = "organisation.read"
    ORGANISATION_EDIT = "organisation.edit"
    ORGANISATION_CLOSE = "organisation.close"
    MEMBERS_READ = "members.read"
    MEMBERS_MANAGE = "members.manage"
    KEYS_MANAGE = "keys.manage"
    DEVICES_MANAGE = "devices.manage"
    AUDIT_READ = "audit.read"
    VENUES_EDIT = "venues.edit"
    EVENTS_READ = "events.read"
    EVENTS_CREATE = "events.create"
    EVENTS_EDIT = "events.edit"
    EVENTS_PUBLISH = "events.publish"
    EVENTS_CANCEL = "events.cancel"
    SALE_CONTROL = "sale.control"
    SALES_WATCH = "sales.watch"
    VOUCHERS_READ = "vouchers.read"
    VOUCHERS_MANAGE = "vouchers.manage"
    ORDERS_READ = "orders.read"
    ORDERS_REFUND = "orders.refund"
    PAYOUTS_MANAGE = "payouts.manage"
    PEOPLE_READ = "people.read"
    PEOPLE_EXPORT = "people.export"
    PEOPLE_ERASE = "people.erase"
    TICKETS_SELL = "tickets.sell"
    TICKETS_SCAN = "tickets.scan"

    PLATFORM_READ = "platform.read"
    PLATFORM_MANAGE = "platform.manage"
    PLATFORM_AUDIT = "platform.audit"
    PEOPLE_REVEAL = "people.reveal"


class Access(enum.Enum):
    """Who may do what belongs to no organisation."""

    ANYONE = "anyone"
    SESSION = "session"  # a guest's or a user's
    USER = "user"  # somebody who is signed in


class Role(enum.StrEnum):
    """What a member of an organisation is there for."""

    OWNER = "owner"
    ADMIN = "admin"
    EVENT_MANAGER = "event_manager"
    FINANCE = "finance"
    BOX_OFFICE = "box_office"
    SCANNER = "scanner"
    VIEWER = "viewer"


class PlatformRole(enum.StrEnum):
    """What somebody is to the whole platform."""

    ADMIN = "platform_admin"
    SUPPORT = "platform_support"


_P = Permission
PLATFORM_PERMISSIONS: Final = frozenset(
    {_P.PLATFORM_READ, _P.PLATFORM_MANAGE, _P.PLATFORM_AUDIT, _P.PEOPLE_REVEAL}
)
ORGANISATION_PERMISSIONS: Final = frozenset(Permission) - PLATFORM_PERMISSIONS

_VIEWS: Final = frozenset({_P.ORGANISATION_READ, _P.EVENTS_READ, _P.SALES_WATCH})
GRANTS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: ORGANISATION_PERMISSIONS,
    Role.ADMIN: ORGANISATION_PERMISSIONS - {_P.ORGANISATION_CLOSE, _P.PAYOUTS_MANAGE, _P.PEOPLE_ERASE},
    Role.EVENT_MANAGER: _VIEWS
    | {
        _P.MEMBERS_READ,
        _P.DEVICES_MANAGE,
        _P.VENUES_EDIT,
        _P.EVENTS_CREATE,
        _P.EVENTS_EDIT,
        _P.EVENTS_PUBLISH,
        _P.EVENTS_CANCEL,
        _P.SALE_CONTROL,
        _P.VOUCHERS_READ,
        _P.VOUCHERS_MANAGE,
        _P.ORDERS_READ,
    },
    Role.FINANCE: _VIEWS
    | {
        _P.MEMBERS_READ,
        _P.AUDIT_READ,
        _P.VOUCHERS_READ,
        _P.ORDERS_READ,
        _P.ORDERS_REFUND,
        _P.PAYOUTS_MANAGE,
        _P.PEOPLE_READ,
        _P.PEOPLE_EXPORT,
    },
    Role.BOX_OFFICE: _VIEWS
    | {_P.VOUCHERS_READ, _P.ORDERS_READ, _P.PEOPLE_READ, _P.TICKETS_SELL, _P.TICKETS_SCAN},
    Role.SCANNER: frozenset({_P.EVENTS_READ, _P.TICKETS_SCAN}),
    Role.VIEWER: _VIEWS,
}
PLATFORM_GRANTS: Final[Mapping[PlatformRole, frozenset[Permission]]] = {
    PlatformRole.ADMIN: PLATFORM_PERMISSIONS,
    PlatformRole.SUPPORT: frozenset({_P.PLATFORM_READ, _P.PLATFORM_AUDIT, _P.PEOPLE_REVEAL}),
}

# Who may send which message over a websocket, which a session's ticket opens. What needs a permission
# needs it for the event that the message names.
MESSAGES: Final[Mapping[str, Access | Permission]] = {
    "ping": Access.SESSION,
    "watch": Access.SESSION,
    "unwatch": Access.SESSION,
    "watch_sales": Permission.SALES_WATCH,
    "unlock": Access.SESSION,
    "hold": Access.SESSION,
    "extend": Access.SESSION,
    "release": Access.SESSION,
    "purchase": Access.SESSION,
}

# What is asked for once more, with a password or a second factor, although somebody is signed in.
STEP_UP: Final = frozenset(
    {
        _P.ORGANISATION_CLOSE,
        _P.ORDERS_REFUND,
        _P.PAYOUTS_MANAGE,
        _P.PEOPLE_EXPORT,
        _P.PEOPLE_ERASE,
        _P.PEOPLE_REVEAL,
    }
)
# What an API key may be given: nothing that makes or changes rights. Of an organisation it edits everything
# but what members need to act (services/organisations); devices that it makes may no more than itself.
KEY_SCOPES: Final = ORGANISATION_PERMISSIONS - STEP_UP - {_P.MEMBERS_MANAGE, _P.KEYS_MANAGE}
DEVICE_SCOPES: Final = frozenset({_P.EVENTS_READ, _P.TICKETS_SCAN})
# Roles that are held for a whole organisation only.
WHOLE_ORGANISATION: Final = frozenset({Role.OWNER, Role.ADMIN})


def may_give(own: Iterable[Role], role: Role) -> bool:
    """Say whether somebody with these roles may give a role, or take it away: nobody may give more than they
    have.
    """
    return GRANTS[role] <= frozenset[Permission]().union(*(GRANTS[held] for held in own))
