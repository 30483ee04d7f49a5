// Made from domain/roles.py by `python -m web.role_table`: who may do what, so that the pages show no button
// that would be refused. What decides is the API.

/** @typedef {"owner" | "admin" | "event_manager" | "finance" | "box_office" | "scanner" | "viewer"} Role */
/** @typedef {"audit.read" | "devices.manage" | "events.cancel" | "events.create" | "events.edit" | "events.publish" | "events.read" | "keys.manage" | "members.manage" | "members.read" | "orders.read" | "orders.refund" | "organisation.close" | "organisation.edit" | "organisation.read" | "payouts.manage" | "people.erase" | "people.export" | "people.read" | "sale.control" | "sales.watch" | "tickets.scan" | "tickets.sell" | "venues.edit" | "vouchers.manage" | "vouchers.read"} Permission */
/** @typedef {"people.reveal" | "platform.audit" | "platform.manage" | "platform.read"} PlatformPermission */

/** @type {Record<string, readonly string[]>} */
export const GRANTS = {
    "owner": [
        "audit.read",
        "devices.manage",
        "events.cancel",
        "events.create",
        "events.edit",
        "events.publish",
        "events.read",
        "keys.manage",
        "members.manage",
        "members.read",
        "orders.read",
        "orders.refund",
        "organisation.close",
        "organisation.edit",
        "organisation.read",
        "payouts.manage",
        "people.erase",
        "people.export",
        "people.read",
        "sale.control",
        "sales.watch",
        "tickets.scan",
        "tickets.sell",
        "venues.edit",
        "vouchers.manage",
        "vouchers.read"
    ],
    "admin": [
        "audit.read",
        "devices.manage",
        "events.cancel",
        "events.create",
        "events.edit",
        "events.publish",
        "events.read",
        "keys.manage",
        "members.manage",
        "members.read",
        "orders.read",
        "orders.refund",
        "organisation.edit",
        "organisation.read",
        "people.export",
        "people.read",
        "sale.control",
        "sales.watch",
        "tickets.scan",
        "tickets.sell",
        "venues.edit",
        "vouchers.manage",
        "vouchers.read"
    ],
    "event_manager": [
        "devices.manage",
        "events.cancel",
        "events.create",
        "events.edit",
        "events.publish",
        "events.read",
        "members.read",
        "orders.read",
        "organisation.read",
        "sale.control",
        "sales.watch",
        "venues.edit",
        "vouchers.manage",
        "vouchers.read"
    ],
    "finance": [
        "audit.read",
        "events.read",
        "members.read",
        "orders.read",
        "orders.refund",
        "organisation.read",
        "payouts.manage",
        "people.export",
        "people.read",
        "sales.watch",
        "vouchers.read"
    ],
    "box_office": [
        "events.read",
        "orders.read",
        "organisation.read",
        "people.read",
        "sales.watch",
        "tickets.scan",
        "tickets.sell",
        "vouchers.read"
    ],
    "scanner": [
        "events.read",
        "tickets.scan"
    ],
    "viewer": [
        "events.read",
        "organisation.read",
        "sales.watch"
    ]
};

/** What the platform's people may do. @type {Record<string, readonly string[]>} */
export const PLATFORM_GRANTS = {
    "platform_admin": [
        "people.reveal",
        "platform.audit",
        "platform.manage",
        "platform.read"
    ],
    "platform_support": [
        "people.reveal",
        "platform.audit",
        "platform.read"
    ]
};

/** What an API key may be given. @type {readonly string[]} */
export const KEY_SCOPES = [
    "audit.read",
    "devices.manage",
    "events.cancel",
    "events.create",
    "events.edit",
    "events.publish",
    "events.read",
    "members.read",
    "orders.read",
    "organisation.edit",
    "organisation.read",
    "people.read",
    "sale.control",
    "sales.watch",
    "tickets.scan",
    "tickets.sell",
    "venues.edit",
    "vouchers.manage",
    "vouchers.read"
];

/** What a device may be given. @type {readonly string[]} */
export const DEVICE_SCOPES = [
    "events.read",
    "tickets.scan"
];
