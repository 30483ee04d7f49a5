"""An account together with what is sealed of it, and the making of tokens."""

import secrets
from typing import Final

import msgspec

from services.sessions import TOKEN_BYTES, hashed
from services.vault import Vault
from storage.accounts import User

EMAIL: Final = "email"


class Person(msgspec.Struct, frozen=True):
    """What a letter needs to know. Not printed."""

    email: str
    name: str
    locale: str

    def __repr__(self) -> str:
        return "Person()"


async def person_of(vault: Vault, user: User) -> Person:
    """Open what is sealed of an account. Raises `ConnectionError` and `services.vault.Unreadable`."""
    return Person(
        await vault.open(user.user_id, "users", "email_sealed", user.email_sealed),
        await vault.open(user.user_id, "users", "name_sealed", user.name_sealed),
        user.locale,
    )


def lookup_of(vault: Vault, email: str) -> bytes:
    """Return by what the account of an address is found."""
    return vault.lookup(EMAIL, email)


def new_token() -> tuple[str, bytes]:
    """Return a token and what is stored of it."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, hashed(token)
