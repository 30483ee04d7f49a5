"""What operators do to accounts from the command line."""

from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from domain.ids import USER, BuyerId, MemberId, OrganisationId, UserId, text
from domain.refusals import Code, Refusal
from domain.roles import PlatformRole, Role
from services.audit import SYSTEM, entry_for
from services.models import Email, Name
from services.users.passwords import Passwords
from services.users.people import lookup_of, person_of
from services.vault import Vault
from storage import audit_log, members, platform
from storage.accounts import Accounts, User, UserState
from storage.catalogue import Catalogue
from storage.postgres import Pool, asking

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class AccountOperations:
    """Methods raise `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        passwords: Passwords,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._passwords = passwords
        self._clock = clock
        self._new_id = new_id
        self._accounts = Accounts(pool)

    async def promote(self, email: str, role: PlatformRole) -> bool:
        """Give an account a role of the platform. Returns whether there is one with this address."""
        return await self._set_role(email, "platform.promote", role)

    async def demote(self, email: str) -> bool:
        """Take an account's role of the platform away; within a second it may do nothing any more. Returns
        whether there is an account with this address that had one.
        """
        return await self._set_role(email, "platform.demote", None)

    async def _set_role(self, email: str, action: str, role: PlatformRole | None) -> bool:
        user = await self._accounts.find_by_email(lookup_of(self._vault, email))
        if user is None:
            return False
        now_ms = self._clock()
        async with asking(self._pool) as connection, connection.transaction():
            had = await platform.set_platform_role(connection, user.user_id, role, now_ms)
            if had is None and role is None:
                return False
            await audit_log.record(
                connection,
                entry_for(
                    SYSTEM,
                    action,
                    text(USER, user.user_id),
                    organisation_id=None,
                    at_ms=now_ms,
                    before={"role": had.value if had else None},
                    after={"role": role.value if role else None},
                ),
            )
        return True

    async def add(self, email: str, name: str, password: str, owner_of_event: str = "") -> str:
        """Make an account that needs no confirmation, and an owner of the organisation of an event. One that
        is there keeps its name and password. Returns what is wrong, "" if nothing is.
        """
        try:
            email, name = _EMAIL.validate_python(email), _NAME.validate_python(name)
        except ValidationError:
            return "the address or the name can't be used"
        user = await self._accounts.find_by_email(lookup_of(self._vault, email))
        if user is None:
            made = await self._make(email, name, password)
            if isinstance(made, str):
                return made
            user = made
        if not owner_of_event:
            return ""
        event = await Catalogue(self._pool).find_by_slug(owner_of_event)
        if event is None:
            return f"there is no event {owner_of_event}"
        await self._own(user.user_id, event.organisation_id)
        return ""

    async def set_password(self, email: str, password: str) -> str:
        """Give an account another password and end all of its sessions. A second factor stays. Returns what
        is wrong, "" if nothing is.
        """
        user = await self._accounts.find_by_email(lookup_of(self._vault, email))
        if user is None:
            return "there is no account with this address"
        person = await person_of(self._vault, user)
        password_hash = await self._hash(password, (person.email, person.name))
        if isinstance(password_hash, Refusal):
            return _why(password_hash)
        now_ms = self._clock()

        def entry(user_id: UserId) -> audit_log.AuditEntry:
            target = text(USER, user_id)
            return entry_for(SYSTEM, "user.set_password", target, organisation_id=None, at_ms=now_ms)

        is_changed = await self._accounts.change_password(user, password_hash, None, now_ms, entry)
        return "" if is_changed else "somebody else has just changed it"

    async def _hash(self, password: str, personal: tuple[str, ...]) -> str | Refusal:
        return await self._passwords.weakness(password, personal) or await self._passwords.hash(password)

    async def _make(self, email: str, name: str, password: str) -> User | str:
        password_hash = await self._hash(password, (email, name))
        if isinstance(password_hash, Refusal):
            return _why(password_hash)
        user_id = UserId(self._new_id())
        user = User(
            user_id,
            BuyerId(self._new_id()),
            UserState.ACTIVE,
            lookup_of(self._vault, email),
            await self._vault.seal(user_id, "users", "email_sealed", email),
            await self._vault.seal(user_id, "users", "name_sealed", name),
            "en",
            password_hash,
        )
        return user if await self._accounts.create(user, self._clock()) else "somebody has this address"

    async def _own(self, user_id: UserId, organisation_id: OrganisationId) -> None:
        now_ms = self._clock()
        member = members.Member(
            MemberId(self._new_id()), organisation_id, user_id, Role.OWNER, None, 1, now_ms
        )
        async with asking(self._pool) as connection, connection.transaction():
            if await members.insert(connection, member):
                await audit_log.record(
                    connection,
                    entry_for(
                        SYSTEM,
                        "member.add",
                        text(USER, user_id),
                        organisation_id=organisation_id,
                        at_ms=now_ms,
                        after={"role": Role.OWNER.value},
                    ),
                )


def _why(refusal: Refusal) -> str:
    if refusal.code is Code.PASSWORD_WEAK:
        return f"the password is not good enough: {dict(refusal.details)}"
    return refusal.code.value
