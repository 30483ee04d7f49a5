"""A few people, an organisation or two, and a mailbox behind a real SMTP server."""

import asyncio
import email
import email.policy
import itertools
import re
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from domain import ids
from domain.identity import Identity, Origin, Who
from domain.ids import BuyerId, OrganisationId, SessionId, UserId
from domain.roles import Role
from services.flags import Flags
from services.models import PageQuery
from services.notifications.email import SmtpMailer, SmtpSettings
from services.organisations.invitations import Invitations
from services.organisations.letters import InvitationLetters
from services.organisations.members import Members
from services.organisations.models import Joined, NewInvitation, NewOrganisation, OrganisationView
from services.organisations.organisations import Organisations
from services.users.attempts import Attempts
from services.users.people import lookup_of
from services.vault import KeyRing, Vault
from storage.accounts import Accounts, User, UserState
from storage.limits import RedisLimits
from storage.members import Memberships
from storage.person_keys import PersonKeys
from storage.postgres import Pool

INVITATIONS_BURST = 5
NOW_MS = 1_800_000_000_000
_numbers = itertools.count(1)


def new_id() -> bytes:
    return ids.uuid7(NOW_MS + next(_numbers), next(_numbers))


class Mailbox:
    """What the SMTP server was given."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.came = asyncio.Event()

    async def serve(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.came.set()
        return "250 OK"

    async def letter_to(self, address: str, count: int = 1) -> str:
        """The text of the newest letter to an address, once `count` have come."""
        async with asyncio.timeout(10):
            while True:
                found = [letter for letter in self.letters if letter["To"] == address]
                if len(found) >= count:
                    body = found[-1].get_body(("plain",))
                    assert body is not None
                    return str(body.get_content())
                self.came.clear()
                await self.came.wait()

    async def token_to(self, address: str, count: int = 1) -> str:
        found = re.search(r"/invitation#token=(\S+)", await self.letter_to(address, count))
        assert found is not None
        return found[1]


class Stage:
    def __init__(self, pool: Pool, mailbox: Mailbox, smtp_port: int, limits: RedisLimits) -> None:
        self.pool = pool
        self.mailbox = mailbox
        self.now_ms = NOW_MS
        ring = KeyRing({1: b"k" * 32}, b"l" * 32)
        self.vault = Vault(PersonKeys(pool), lambda: ring, lambda: self.now_ms)
        self.mailer = SmtpMailer(
            SmtpSettings(url=f"smtp://127.0.0.1:{smtp_port}", sender="bilten@example.org"), lambda: NOW_MS
        )
        self.flags = Flags(pool, lambda: self.now_ms)
        self.organisations = Organisations(pool, new_id, self.flags)
        self.members = Members(pool, self.vault)
        self.invitations = Invitations(
            pool,
            self.vault,
            self.mailer,
            InvitationLetters("https://example.org"),
            new_id,
            Attempts(limits, INVITATIONS_BURST, 0.001),
        )
        self.memberships = Memberships(pool)
        self.accounts = Accounts(pool)

    async def user(self, address: str, name: str = "Anna") -> Who:
        """Somebody with an account, as a request of theirs has them."""
        user_id, buyer_id = UserId(new_id()), BuyerId(new_id())
        assert await self.accounts.create(
            User(
                user_id,
                buyer_id,
                UserState.ACTIVE,
                lookup_of(self.vault, address),
                await self.vault.seal(user_id, "users", "email_sealed", address),
                await self.vault.seal(user_id, "users", "name_sealed", name),
                "en",
                "",
            ),
            self.now_ms,
        )
        identity = Identity(buyer_id=buyer_id, user_id=user_id, session_id=SessionId(new_id()))
        return Who(identity, Origin("192.0.2.1", "test"))

    async def organisation(self, owner: Who, slug: str = "north") -> OrganisationId:
        made = await self.organisations.create(owner, NewOrganisation(name="North", slug=slug), self.now_ms)
        assert isinstance(made, OrganisationView)
        return OrganisationId(ids.parse(ids.ORGANISATION, made.id))

    async def invite(
        self, who: Who, organisation_id: OrganisationId, address: str, role: Role, event: str | None = None
    ) -> object:
        wanted = NewInvitation(email=address, role=role, event=event)
        return await self.invitations.invite(who, organisation_id, wanted, self.now_ms)

    async def member(self, owner: Who, organisation_id: OrganisationId, address: str, role: Role) -> Who:
        """Somebody new who was invited and has joined."""
        person = await self.user(address)
        await self.invite(owner, organisation_id, address, role)
        token = await self.mailbox.token_to(address)
        assert isinstance(await self.invitations.accept(person, token, self.now_ms), Joined)
        return person

    async def roles(self, who: Who) -> list[tuple[OrganisationId, Role]]:
        assert who.identity.user_id is not None
        found = await self.memberships.memberships_of(who.identity.user_id)
        return [(member.organisation_id, member.role) for member in found]

    async def member_of(self, organisation_id: OrganisationId, who: Who) -> Any:
        """How the list of members shows somebody."""
        page: Any = await self.members.list(organisation_id, PageQuery())
        user = ids.text(ids.USER, who.identity.user_id or b"")
        return next(member for member in page.items if member.user == user)

    async def log(self, organisation_id: OrganisationId) -> list[str]:
        rows = await self.pool.fetch(
            "SELECT action FROM audit_entries WHERE chain = $1 ORDER BY seq", organisation_id
        )
        return [row["action"] for row in rows]
