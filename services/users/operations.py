"""What operators do to accounts from the command line."""

from collections.abc import Callable

import msgspec
from pydantic import TypeAdapter, ValidationError

from domain.ids import MEMBER, USER, BuyerId, MemberId, OrganisationId, UserId, text
from domain.refusals import Code, Refusal
from domain.roles import PlatformRole, Role
from services.audit import SYSTEM, entry_for
from services.models import Email, Name
from services.users.passwords import Passwords
from services.users.people import lookup_of, person_of
from services.vault import Vault
from storage import audit_log, members, organisations, platform
from storage.accounts import Accounts, User, UserState
from storage.catalogue import Catalogue
from storage.postgres import Pool, asking

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Added(msgspec.Struct, frozen=True):
    """What came of making an account and an owner.

    Attributes:
        problem: what is wrong, "" if nothing is.
        was: the lesser role in the organisation that became that of an owner, None if there was none.
    """

    problem: str = ""
    was: Role | None = None


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

    async def add(self, email: str, name: str, password: str, owner_of_event: str = "") -> Added:
        """Make an account that needs no confirmation, and an owner of the organisation of an event, whatever
        it was there before. One that is there keeps its name and password.
        """
        try:
            email, name = _EMAIL.validate_python(email), _NAME.validate_python(name)
        except ValidationError:
            return Added(problem="the address or the name can't be used")
        user = await self._accounts.find_by_email(lookup_of(self._vault, email))
        if user is None:
            made = await self._make(email, name, password)
            if isinstance(made, str):
                return Added(problem=made)
            user = made
        if not owner_of_event:
            return Added()
        event = await Catalogue(self._pool).find_by_slug(owner_of_event)
        if event is None:
            return Added(problem=f"there is no event {owner_of_event}")
        return Added(was=await self._own(user.user_id, event.organisation_id))

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

    async def _own(self, user_id: UserId, organisation_id: OrganisationId) -> Role | None:
        """Make somebody an owner, and return which lesser role they had for the whole organisation."""
        now_ms = self._clock()
        async with asking(self._pool) as connection, connection.transaction():
            await organisations.lock(connection, organisation_id)
            roles = await members.of_user(connection, organisation_id, user_id)
            had = next((member for member in roles if member.event_id is None), None)
            if had is not None and had.role is Role.OWNER:
                return None
            if had is None:
                member_id = MemberId(self._new_id())
                owner = members.Member(member_id, organisation_id, user_id, Role.OWNER, None, 1, now_ms)
                await members.insert(connection, owner)
                action, target, before = "member.add", text(USER, user_id), None
            else:
                await members.update_role(connection, had, Role.OWNER)
                action, target = "member.change", text(MEMBER, had.member_id)
                before = {"user": text(USER, user_id), "role": had.role.value, "event": None}
            entry = entry_for(
                SYSTEM,
                action,
                target,
                organisation_id=organisation_id,
                at_ms=now_ms,
                before=before,
                after={"role": Role.OWNER.value},
            )
            await audit_log.record(connection, entry)
        return None if had is None else had.role


def _why(refusal: Refusal) -> str:
    if refusal.code is Code.PASSWORD_WEAK:
        return f"the password is not good enough: {dict(refusal.details)}"
    return refusal.code.value
