"""What is made for people, from the settings: mail, the vault, organisations, accounts."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from cluster import processes
from cluster.key_ring import ensure_ring, read_ring
from cluster.settings import Settings
from services.notifications.email import SmtpMailer, SmtpSettings
from services.organisations.capability import (
    OrganisationGround,
    OrganisationServices,
    organisation_services,
)
from services.users.attempts import Attempts
from services.users.capability import UserGround, Users, user_services
from services.users.opening import UserSessionSettings
from services.users.passwords import Passwords, PasswordSettings
from services.vault import Vault
from storage.limits import RedisLimits
from storage.person_keys import PersonKeys
from storage.postgres import Pool


class PeopleParts(msgspec.Struct, frozen=True):
    """What a process has for people."""

    mailer: SmtpMailer
    vault: Vault
    organisations: OrganisationServices
    users: Users

    async def close(self) -> None:
        """Finish what was promised in the background."""
        await self.users.close()
        await self.mailer.close()


def people_parts(
    settings: Settings,
    pool: Pool,
    limits: RedisLimits,
    clock: Callable[[], int],
    new_id: Callable[[], bytes],
) -> PeopleParts:
    """Return what one process has for people."""
    mailer = mailer_of(settings, clock)
    vault = people_vault(settings, pool, clock)
    given = settings.users
    attempts = Attempts(limits, given.attempts_burst, given.attempts_per_s)
    organisations = organisation_services(
        OrganisationGround(
            pool=pool,
            vault=vault,
            mailer=mailer,
            clock=clock,
            new_id=new_id,
            url=settings.url,
            attempts=attempts,
        )
    )
    users = user_services(
        UserGround(
            pool=pool,
            vault=vault,
            mailer=mailer,
            memberships=organisations.memberships,
            membership_views=organisations.membership_views,
            keys=organisations.keys,
            passwords=Passwords(
                PasswordSettings(
                    given.hash_memory_kib,
                    given.hash_passes,
                    given.hash_threads,
                    given.hash_waiting_max,
                    is_apart=True,
                )
            ),
            attempts=attempts,
            clock=clock,
            new_id=new_id,
            url=settings.url,
            settings=UserSessionSettings(given.session_ms, given.step_up_ms),
        )
    )
    return PeopleParts(mailer, vault, organisations, users)


def people_vault(settings: Settings, pool: Pool, clock: Callable[[], int]) -> Vault:
    """What personal data is sealed and opened with; every process has one."""
    file = Path(settings.people.keys_file or settings.data_path / "people-keys")
    if not settings.people.keys_file:
        ensure_ring(file)
    return Vault(PersonKeys(pool), lambda: read_ring(file), clock)


def audit_key(settings: Settings) -> bytes:
    """The key that seals the audit log: the same in every process, and nowhere in the database."""
    return bytes.fromhex(settings.audit.key or processes.secret(settings.data_path / "audit-key"))


def mailer_of(settings: Settings, clock: Callable[[], int]) -> SmtpMailer:
    """Carries the mail of one process. Without a server, mail waits and is given up."""
    mail = settings.mail
    return SmtpMailer(
        SmtpSettings(
            mail.smtp_url or "smtp://127.0.0.1:25",
            mail.sender,
            mail.sender_name,
            waiting_max=mail.waiting_max,
            tries=mail.tries,
        ),
        clock,
    )
