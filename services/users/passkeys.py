"""Passkeys (WebAuthn level 3): kept, listed, dropped, and verified for signing in and for a fresh proof.

A passkey is asked for without a name: the authenticator says whose it is, so nothing tells which accounts
exist. The user is always verified, with a finger or a PIN, which makes a passkey two factors at once. What
the authenticator signs is derived from a token of ours, which is good once and for a few minutes.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from domain.ids import PASSKEY, PasskeyId, SessionId, UserId, text
from domain.refusals import Code, Refusal
from services.sessions import hashed, is_token
from services.users.models import (
    NewPasskey,
    PasskeyAnswer,
    PasskeyList,
    PasskeyOptions,
    PasskeyView,
)
from services.users.people import Person, new_token
from services.vault import Vault
from storage.account_tokens import AccountTokens, NewToken, Purpose
from storage.accounts import Told
from storage.second_factors import Passkey, SecondFactorStore

CHALLENGE_MS: Final = 5 * 60_000
PASSKEYS_MAX: Final = 20
# Answers of authenticators are a few kilobytes.
_CREDENTIAL_BYTES_MAX: Final = 16_384
_PORTS: Final = {"http": 80, "https": 443}
_WRONG: Final = Refusal(Code.WRONG_PROOF)


class RelyingParty(msgspec.Struct, frozen=True):
    """For whom passkeys are made.

    Attributes:
        id: the host that people type; passkeys are bound to it for ever.
        origins: where the pages are that may ask for them.
    """

    id: str
    name: str
    origins: tuple[str, ...]


def relying_party(public_url: str, name: str = "Bilten") -> RelyingParty:
    """Return the relying party of the pages at an address, its origin as browsers write it."""
    address = urlsplit(public_url)
    host = address.hostname or "localhost"
    netloc = f"[{host}]" if ":" in host else host
    if address.port not in {None, _PORTS.get(address.scheme)}:
        netloc += f":{address.port}"
    return RelyingParty(host, name, (f"{address.scheme}://{netloc}",))


class Passkeys:
    """Methods raise `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        *,
        store: SecondFactorStore,
        tokens: AccountTokens,
        vault: Vault,
        party: RelyingParty,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._vault = vault
        self._party = party
        self._clock = clock
        self._new_id = new_id

    async def registration_options(self, user_id: UserId, person: Person) -> PasskeyOptions:
        """Return what a page needs to have a passkey made."""
        token = await self._challenge(Purpose.PASSKEY_REGISTRATION, user_id)
        known = await self._store.passkeys_of(user_id)
        options = webauthn.generate_registration_options(
            rp_id=self._party.id,
            rp_name=self._party.name,
            user_name=person.email,
            user_display_name=person.name,
            user_id=user_id,
            challenge=_derived(token),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in known],
        )
        return PasskeyOptions(challenge=token, options=json.loads(webauthn.options_to_json(options)))

    async def register(
        self, user_id: UserId, session_id: SessionId, asked: NewPasskey, told: Told
    ) -> PasskeyView | Refusal:
        """Keep a passkey that was made for a challenge of this user's, in a session that has not ended."""
        used = await self._used(asked.challenge, Purpose.PASSKEY_REGISTRATION)
        if used is None or used != user_id:
            return _WRONG
        try:
            verified = webauthn.verify_registration_response(
                credential=_bounded(asked.credential),
                expected_challenge=_derived(asked.challenge),
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError):
            return _WRONG
        passkey_id = PasskeyId(self._new_id())
        passkey = Passkey(
            passkey_id,
            user_id,
            verified.credential_id,
            verified.credential_public_key,
            verified.sign_count,
            await self._vault.seal(user_id, "passkeys", "name_sealed", asked.name),
            self._clock(),
            None,
        )
        if not await self._store.add_passkey(passkey, session_id, PASSKEYS_MAX, told):
            return Refusal(Code.FORBIDDEN, None, {"field": "credential", "count_max": PASSKEYS_MAX})
        return PasskeyView(
            id=text(PASSKEY, passkey_id),
            name=asked.name,
            created_at_ms=passkey.created_at_ms,
            last_used_at_ms=None,
        )

    async def of_user(self, user_id: UserId) -> PasskeyList:
        """Return a user's passkeys."""
        return PasskeyList(
            items=tuple(
                [
                    PasskeyView(
                        id=text(PASSKEY, each.passkey_id),
                        name=await self._vault.open(user_id, "passkeys", "name_sealed", each.name_sealed),
                        created_at_ms=each.created_at_ms,
                        last_used_at_ms=each.last_used_at_ms,
                    )
                    for each in await self._store.passkeys_of(user_id)
                ]
            )
        )

    async def drop(self, user_id: UserId, passkey_id: PasskeyId, told: Told) -> Refusal | None:
        """Forget a passkey of a user's."""
        is_gone = await self._store.drop_passkey(user_id, passkey_id, told)
        return None if is_gone else Refusal(Code.NOT_FOUND)

    async def options(self) -> PasskeyOptions:
        """Return what a page needs to have some passkey used."""
        token = await self._challenge(Purpose.PASSKEY_SIGN_IN, None)
        options = webauthn.generate_authentication_options(
            rp_id=self._party.id,
            challenge=_derived(token),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return PasskeyOptions(challenge=token, options=json.loads(webauthn.options_to_json(options)))

    async def verify(self, answer: PasskeyAnswer) -> UserId | None:
        """Return whose passkey answered a challenge, None if it is nobody's or the answer is not right. The
        challenge is used up either way.
        """
        if not is_token(answer.challenge):
            return None
        used = await self._tokens.use(hashed(answer.challenge), Purpose.PASSKEY_SIGN_IN, self._clock())
        if used is None:
            return None
        try:
            credential = _bounded(answer.credential)
            passkey = await self._store.passkey_of_credential(base64url_to_bytes(str(credential["id"])))
            if passkey is None:
                return None
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=_derived(answer.challenge),
                expected_rp_id=self._party.id,
                expected_origin=list(self._party.origins),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError):
            return None
        is_first_use = await self._store.passkey_used(passkey, verified.new_sign_count, self._clock())
        return passkey.user_id if is_first_use else None

    async def _challenge(self, purpose: Purpose, user_id: UserId | None) -> str:
        token, token_hash = new_token()
        await self._tokens.issue(NewToken(token_hash, purpose, user_id, self._clock() + CHALLENGE_MS))
        return token

    async def _used(self, challenge: str, purpose: Purpose) -> UserId | None:
        if not is_token(challenge):
            return None
        token = await self._tokens.use(hashed(challenge), purpose, self._clock())
        return None if token is None else token.user_id


def _derived(token: str) -> bytes:
    """Return what an authenticator signs for a token: not what is stored of it."""
    return hashlib.sha256(b"bilten passkey\0" + token.encode()).digest()


def _bounded(credential: dict[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(credential)) > _CREDENTIAL_BYTES_MAX:
        raise ValueError("too large")
    return credential
