"""The user service, put together from what it stands on."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from services.notifications.port import Mailer
from services.users.account import AccountService, MembershipViews
from services.users.attempts import Attempts
from services.users.background import Background
from services.users.erasure import Erasure
from services.users.factors import FactorService
from services.users.identities import Identities, Keys, Memberships
from services.users.mails import AccountLetters
from services.users.opening import SessionOpening, UserSessionSettings
from services.users.passkeys import Passkeys, relying_party
from services.users.passwords import Passwords
from services.users.second_factor import SecondFactors
from services.users.sign_in import SigningIn
from services.users.sign_up import SigningUp
from services.vault import Vault
from storage.account_tokens import AccountTokens
from storage.accounts import Accounts
from storage.postgres import Pool
from storage.second_factors import SecondFactorStore
from storage.user_sessions import UserSessions

_ERASING: Final = ("accounts", "vault", "mailer", "letters", "background", "clock")


class UserGround(msgspec.Struct, frozen=True, kw_only=True):
    """What the user service stands on.

    Attributes:
        memberships, membership_views, keys: what organisations know of somebody; None where there are none.
        url: the address of the pages, for links and passkeys.
    """

    pool: Pool
    vault: Vault
    mailer: Mailer
    passwords: Passwords
    attempts: Attempts
    clock: Callable[[], int]
    new_id: Callable[[], bytes]
    url: str
    memberships: Memberships | None = None
    membership_views: MembershipViews | None = None
    keys: Keys | None = None
    settings: UserSessionSettings = UserSessionSettings()


class Users(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the user service."""

    identities: Identities
    sessions: UserSessions
    accounts: Accounts
    signing_up: SigningUp
    signing_in: SigningIn
    account: AccountService
    factors: FactorService
    erasure: Erasure
    background: Background
    passwords: Passwords
    mailer: Mailer

    async def close(self) -> None:
        """Finish what was promised in the background, and end the threads."""
        await self.background.close()
        await self.passwords.close()


def user_services(ground: UserGround) -> Users:
    """Return the user service of one process."""
    pool, vault, clock, new_id = ground.pool, ground.vault, ground.clock, ground.new_id
    accounts, tokens = Accounts(pool), AccountTokens(pool)
    sessions, factor_store = UserSessions(pool), SecondFactorStore(pool)
    identities = Identities(sessions, ground.memberships, ground.keys, clock)
    opening = SessionOpening(sessions, identities, clock, new_id, ground.settings)
    second_factors = SecondFactors(factor_store, vault, clock)
    letters, background = AccountLetters(ground.url), Background()
    passkeys = Passkeys(
        store=factor_store,
        tokens=tokens,
        vault=vault,
        party=relying_party(ground.url),
        clock=clock,
        new_id=new_id,
    )
    shared: dict[str, Any] = {
        "accounts": accounts,
        "second_factors": second_factors,
        "passkeys": passkeys,
        "opening": opening,
        "attempts": ground.attempts,
        "vault": vault,
        "mailer": ground.mailer,
        "letters": letters,
        "background": background,
        "clock": clock,
    }
    signing_in = SigningIn(
        accounts=accounts,
        sessions=sessions,
        tokens=tokens,
        factors=factor_store,
        identities=identities,
        passwords=ground.passwords,
        **{name: shared[name] for name in ("second_factors", "opening", "attempts", "vault", "clock")},
    )
    return Users(
        identities=identities,
        sessions=sessions,
        accounts=accounts,
        signing_up=SigningUp(
            tokens=tokens,
            passwords=ground.passwords,
            new_id=new_id,
            **{name: part for name, part in shared.items() if name not in {"second_factors", "passkeys"}},
        ),
        signing_in=signing_in,
        account=AccountService(
            sessions=sessions,
            tokens=tokens,
            factors=factor_store,
            identities=identities,
            passwords=ground.passwords,
            memberships=ground.membership_views,
            **shared,
        ),
        factors=FactorService(store=factor_store, signing_in=signing_in, **shared),
        erasure=Erasure(pool=pool, identities=identities, **{name: shared[name] for name in _ERASING}),
        background=background,
        passwords=ground.passwords,
        mailer=ground.mailer,
    )
