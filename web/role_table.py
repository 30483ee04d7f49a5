"""Who may do what, for the pages: `python -m web.role_table > web/shared/roles.js`.

The pages only hide what would be refused; what decides is the API, from the same table.
"""

import json
import sys

from domain.roles import DEVICE_SCOPES, GRANTS, KEY_SCOPES, PLATFORM_GRANTS, Permission, Role

_HEAD = """\
// Made from domain/roles.py by `python -m web.role_table`: who may do what, so that the pages show no button
// that would be refused. What decides is the API.

/** @typedef {%(roles)s} Role */
/** @typedef {%(permissions)s} Permission */
/** @typedef {%(platform)s} PlatformPermission */
"""


def module() -> str:
    """Return the module `web/shared/roles.js`."""
    permissions = sorted({permission.value for granted in GRANTS.values() for permission in granted})
    platform = sorted({permission.value for granted in PLATFORM_GRANTS.values() for permission in granted})
    head = _HEAD % {
        "roles": " | ".join(f'"{role.value}"' for role in Role),
        "permissions": " | ".join(f'"{permission}"' for permission in permissions),
        "platform": " | ".join(f'"{permission}"' for permission in platform),
    }
    grants = {role.value: sorted(permission.value for permission in GRANTS[role]) for role in Role}
    platform_grants = {
        role.value: sorted(permission.value for permission in granted)
        for role, granted in PLATFORM_GRANTS.items()
    }
    return "\n".join(
        [
            head,
            "/** @type {Record<string, readonly string[]>} */",
            f"export const GRANTS = {json.dumps(grants, indent=4)};",
            "",
            "/** What the platform's people may do. @type {Record<string, readonly string[]>} */",
            f"export const PLATFORM_GRANTS = {json.dumps(platform_grants, indent=4)};",
            "",
            "/** What an API key may be given. @type {readonly string[]} */",
            f"export const KEY_SCOPES = {_listed(KEY_SCOPES)};",
            "",
            "/** What a device may be given. @type {readonly string[]} */",
            f"export const DEVICE_SCOPES = {_listed(DEVICE_SCOPES)};",
            "",
        ]
    )


def _listed(scopes: frozenset[Permission]) -> str:
    return json.dumps(sorted(scope.value for scope in scopes), indent=4)


if __name__ == "__main__":
    sys.stdout.write(module())
