"""Writes docs/roles.md from the table that the code obeys.

python -m domain.roles_page
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from domain.roles import (
    DEVICE_SCOPES,
    GRANTS,
    KEY_SCOPES,
    ORGANISATION_PERMISSIONS,
    PLATFORM_GRANTS,
    PLATFORM_PERMISSIONS,
    STEP_UP,
    Permission,
)

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "roles.md"
_INTRODUCTION: Final = """\
# Who may do what

Made by `python -m domain.roles_page` from the table that the code obeys. Every route and every message that
needs a right names one of these permissions; a test calls every route as every role.

## In an organisation

A role is held for an organisation, or for one event of it (owners and admins: for the whole only), and counts
there. Whoever has no role is told that there is nothing. Nobody gives a role with permissions that they don't
have.
"""
_TOKENS: Final = """
## Keys and devices

An API key has those of the permissions under “key” that it was made with; a device's token has those under
“device”. “Fresh proof” is asked for with the password or the second factor, although somebody is signed in.
"""
_PLATFORM: Final = """
## On the platform

Roles of the platform say nothing about personal data: that is revealed one person at a time, with a reason,
and logged.
"""


def page() -> str:
    """Return docs/roles.md."""
    permissions = [permission for permission in Permission if permission in ORGANISATION_PERMISSIONS]
    roles: list[tuple[str, Collection[Permission]]] = [(role.value, GRANTS[role]) for role in GRANTS]
    tokens: list[tuple[str, Collection[Permission]]] = [
        ("key", KEY_SCOPES),
        ("device", DEVICE_SCOPES),
        ("fresh proof", STEP_UP),
    ]
    platform = [permission for permission in Permission if permission in PLATFORM_PERMISSIONS]
    platform_roles: list[tuple[str, Collection[Permission]]] = [
        *((role.value, PLATFORM_GRANTS[role]) for role in PLATFORM_GRANTS),
        ("fresh proof", STEP_UP),
    ]
    return "\n".join(
        [
            _INTRODUCTION,
            *_table(permissions, roles),
            _TOKENS,
            *_table(permissions, tokens),
            _PLATFORM,
            *_table(platform, platform_roles),
            "",
        ]
    )


def _table(
    permissions: Sequence[Permission], columns: Sequence[tuple[str, Collection[Permission]]]
) -> list[str]:
    return [
        "| permission | " + " | ".join(name for name, _ in columns) + " |",
        "| --- |" + " :-: |" * len(columns),
        *(
            f"| `{permission.value}` | "
            + " | ".join("✓" if permission in granted else "" for _, granted in columns)
            + " |"
            for permission in permissions
        ),
    ]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
