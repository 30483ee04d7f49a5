"""Signing in, sessions, and what ends them. If these failed, a password could be guessed without end, or
somebody would stay signed in who must not be.
"""

import asyncio

import pytest
from argon2 import PasswordHasher

from domain.identity import Who
from domain.refusals import Code, Refusal
from services.users.attempts import Attempts
from services.users.auditing import told
from services.users.identities import Identities
from services.users.models import EmailChange, NewPassword, PasswordChange, ProfileChange, SignIn, StepUp
from services.users.passwords import Passwords, PasswordSettings
from storage.limits import RedisLimits
from storage.postgres import Pool
from storage.user_sessions import SESSIONS_PER_USER_MAX, LiveSession, UserSessions
from tests.people import PASSWORD
from tests.services.users.conftest import ORIGIN, House, Housing
from tests.services.users.test_sign_up import code_of

NEW = "a new phrase nobody knows"


async def test_guessing_slows_down_wherever_it_comes_from(housing: Housing) -> None:
    """Ten gateways and ten thousand addresses have one limit on one account together."""
    house, other = housing(burst=4), housing(burst=4)
    for email in (await house.account(), house.address()):
        asked = SignIn(email=email, password="wrong")
        results = [
            code_of(await each.users.signing_in.sign_in(asked, "", ORIGIN))
            for each in (house, other, house, other, house)
        ]
        assert results == [Code.SIGN_IN_FAILED] * 4 + [Code.RATE_LIMITED]


async def test_nobody_signs_in_without_limits(house: House) -> None:
    """Redis that is away must not mean that passwords can be guessed without end."""
    email = await house.account()
    away = RedisLimits("redis://127.0.0.1:1/0")
    house.users.signing_in._attempts = Attempts(away)
    with pytest.raises(ConnectionError):
        await house.users.signing_in.sign_in(SignIn(email=email, password=PASSWORD), "", ORIGIN)
    await away.close()


async def test_too_many_at_once_are_refused_at_once(house: House) -> None:
    """A rush of sign-ins is told to come back; it neither waits without end nor holds up the loop."""
    passwords = Passwords(PasswordSettings(memory_kib=8_192, passes=2, threads=1, waiting_max=3))
    results = await asyncio.gather(*(passwords.matches(None, "x") for _ in range(20)))
    refused = [result for result in results if isinstance(result, Refusal)]
    assert len(refused) == 16
    assert {refusal.code for refusal in refused} == {Code.BUSY}
    assert passwords.refused == 16
    assert await passwords.matches(None, "x") is False, "it recovers"
    await passwords.close()


def test_hashes_are_at_owasps_floor_or_above() -> None:
    settings = PasswordSettings()
    assert settings.memory_kib >= 19 * 1024
    assert settings.passes >= 2


async def test_old_hashes_are_brought_up_to_date(house: House) -> None:
    email = await house.account()
    weaker = PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    await house.pool.execute("UPDATE users SET password_hash = $1", weaker)
    await house.sign_in(email)
    stored = await house.pool.fetchval("SELECT password_hash FROM users")
    assert stored != weaker
    await house.sign_in(email)
    assert await house.pool.fetchval("SELECT password_hash FROM users") == stored


async def test_a_token_is_new_at_every_sign_in(house: House) -> None:
    """Fixation: a token that was there before, whoever put it there, is nobody's afterwards."""
    email = await house.account()
    planted, _ = await house.guest()
    first = await house.sign_in(email, replaced=planted)
    second = await house.sign_in(email, replaced=first)
    assert len({planted, first, second}) == 3
    assert await house.identity(planted) is None
    assert await house.identity(first) is None
    assert await house.identity(second) is not None


async def test_sessions_are_listed_and_ended_one_by_one(house: House) -> None:
    email = await house.account()
    here, token = await house.signed_in(email)
    there, other = await house.signed_in(email)
    listed = await house.users.account.sessions(here)
    assert {each.device for each in listed.items} == {"Firefox on Linux"}
    assert [each.is_current for each in listed.items].count(True) == 1
    stranger, _ = await house.signed_in(await house.account())
    assert there.session_id is not None
    refusal = await house.users.account.end_session(Who(stranger, ORIGIN), there.session_id)
    assert code_of(refusal) is Code.NOT_FOUND
    assert await house.identity(other) is not None
    assert await house.users.account.end_session(Who(here, ORIGIN), there.session_id) is None
    assert await house.identity(other) is None
    assert await house.identity(token) is not None
    assert there.session_id in await house.users.sessions.ended()


async def test_a_reset_that_was_asked_for_at_the_old_address_opens_nothing(house: House) -> None:
    """The address changes while the letter to the old one, which others may read by now, is written."""
    email, wanted = await house.account(), house.address()
    identity, _ = await house.signed_in(email)
    was = await house.users.accounts.find_by_email(house.vault.lookup("email", email))
    assert was is not None
    asked = EmailChange(email=wanted, password=PASSWORD)
    assert await house.users.account.ask_email_change(identity, asked) is None
    assert await house.users.account.confirm_email(await house.box.token_to(wanted), ORIGIN) is None
    resets = "SELECT count(*) FROM account_tokens WHERE purpose = 'password_reset'"
    await house.users.signing_up._send_reset(was)
    assert await house.pool.fetchval(resets) == 0
    assert await house.users.signing_up.ask_reset(wanted) is None
    assert await house.box.token_to(wanted)
    assert await house.pool.fetchval(resets) == 1


async def test_signing_out_ends_this_session_and_everywhere_all(house: House) -> None:
    email = await house.account()
    _, first = await house.signed_in(email)
    second, _ = await house.signed_in(email)
    third = await house.sign_in(email)
    await house.users.signing_in.sign_out(first)
    assert await house.users.identities.of_session(first) is None, "at once on this gateway"
    assert second.user_id is not None
    assert await house.users.signing_in.sign_out_everywhere(second.user_id, ORIGIN) == 2
    assert await house.identity(third) is None


async def test_a_revoked_session_is_refused_elsewhere_within_a_second(housing: Housing) -> None:
    """The other gateway has it in its cache, and nobody tells it."""
    one, other = housing(), housing()
    token = await one.sign_in(await one.account())
    assert await other.users.identities.of_session(token) is not None
    await one.users.signing_in.sign_out(token)
    async with asyncio.timeout(1):
        while await other.users.identities.of_session(token) is not None:
            await asyncio.sleep(0.01)


async def test_a_session_ends_by_itself(house: House) -> None:
    token = await house.sign_in(await house.account())
    house.clock.ahead_ms = 14 * 24 * 3_600_000 - 1_000
    assert await house.identity(token) is not None
    house.clock.ahead_ms += 2_000
    assert await house.identity(token) is None


async def test_suspended_users_are_nobody(house: House) -> None:
    email = await house.account()
    identity, token = await house.signed_in(email)
    await house.pool.execute("INSERT INTO suspended_users VALUES ($1, $2)", identity.user_id, 0)
    assert await house.identity(token) is None
    failed = await house.users.signing_in.sign_in(SignIn(email=email, password=PASSWORD), "", ORIGIN)
    assert code_of(failed) is Code.SIGN_IN_FAILED
    await house.pool.execute("DELETE FROM suspended_users")
    assert await house.identity(token) is not None


async def test_one_user_has_so_many_sessions(house: House) -> None:
    email = await house.account()
    first = await house.sign_in(email)
    for _ in range(SESSIONS_PER_USER_MAX):
        await house.sign_in(email)
    assert await house.pool.fetchval("SELECT count(*) FROM sessions") == SESSIONS_PER_USER_MAX
    assert await house.identity(first) is None


async def test_a_password_change_ends_the_others_and_changes_the_token(house: House) -> None:
    email = await house.account()
    here, token = await house.signed_in(email)
    other = await house.sign_in(email)
    wrong = PasswordChange(old="not this", new=NEW)
    assert code_of(await house.users.account.change_password(Who(here, ORIGIN), wrong)) is Code.WRONG_PROOF
    weak = PasswordChange(old=PASSWORD, new="aaaaaaaaaaaa")
    assert code_of(await house.users.account.change_password(Who(here, ORIGIN), weak)) is Code.PASSWORD_WEAK
    asked = PasswordChange(old=PASSWORD, new=NEW)
    rotated = await house.users.account.change_password(Who(here, ORIGIN), asked)
    assert isinstance(rotated, str)
    assert await house.identity(rotated) is not None
    assert await house.identity(token) is None
    assert await house.identity(other) is None
    await house.sign_in(email, NEW)


async def test_a_sign_in_under_way_does_not_survive_a_reset(house: House) -> None:
    """Whoever typed the old password just before it was changed gets no session just after."""
    email = await house.account()
    user = await house.users.accounts.find_by_email(house.vault.lookup("email", email))
    assert user is not None
    assert await house.users.accounts.change_password(
        user, "x" * 20, None, house.clock(), told(ORIGIN, "user.change_password", 0)
    )
    opened = await house.users.signing_in._opening.open(user, ORIGIN, "", with_second_factor=False)
    assert opened is None
    assert not await house.users.accounts.change_password(
        user, "y" * 20, None, house.clock(), told(ORIGIN, "user.change_password", 0)
    )


async def test_an_address_changes_when_its_owner_says_so(house: House) -> None:
    email, wanted = await house.account(), house.address()
    identity, _ = await house.signed_in(email)
    account = house.users.account
    wrong = EmailChange(email=wanted, password="not this")
    assert code_of(await account.ask_email_change(identity, wrong)) is Code.WRONG_PROOF
    assert await account.ask_email_change(identity, EmailChange(email=wanted, password=PASSWORD)) is None
    token = await house.box.token_to(wanted)
    done = await asyncio.gather(*(account.confirm_email(token, ORIGIN) for _ in range(3)))
    assert done.count(None) == 1
    await house.sign_in(wanted)
    assert "changed" in str((await house.box.next_to(email))["Subject"])
    me = await account.me(identity)
    assert not isinstance(me, Refusal)
    assert me.email == wanted


@pytest.mark.parametrize("way", ["change", "reset"])
async def test_a_change_of_address_does_not_survive_a_new_password(house: House, way: str) -> None:
    """Somebody got hold of a session and the password and has asked to make the account's address theirs. The
    owner notices and takes another password; that link would still make the account the stranger's.
    """
    email, theirs = await house.account(), house.address()
    account, up = house.users.account, house.users.signing_up
    stranger, _ = await house.signed_in(email)
    assert await account.ask_email_change(stranger, EmailChange(email=theirs, password=PASSWORD)) is None
    link = await house.box.token_to(theirs)
    if way == "change":
        owner, _ = await house.signed_in(email)
        asked = PasswordChange(old=PASSWORD, new=NEW)
        assert isinstance(await account.change_password(Who(owner, ORIGIN), asked), str)
    else:
        await up.ask_reset(email)
        again = NewPassword(token=await house.box.token_to(email), password=NEW)
        assert await up.reset(again, ORIGIN) is None
    assert code_of(await account.confirm_email(link, ORIGIN)) is Code.LINK_NOT_VALID
    await house.sign_in(email, NEW)


async def test_nobody_takes_the_address_of_another(house: House) -> None:
    """Nor learns that it has an account: that is told to its owner."""
    email, taken, free = await house.account(), await house.account(), house.address()
    identity, _ = await house.signed_in(email)
    for wanted in (taken, free):
        asked = EmailChange(email=wanted, password=PASSWORD)
        assert await house.users.account.ask_email_change(identity, asked) is None
    assert "has an account already" in str((await house.box.next_to(taken))["Subject"])
    # Somebody signs up with the free one before its link is pressed.
    token = await house.box.token_to(free)
    await house.account(free)
    assert code_of(await house.users.account.confirm_email(token, ORIGIN)) is Code.LINK_NOT_VALID
    await house.sign_in(email)


async def test_two_editors_of_a_profile(house: House) -> None:
    identity, _ = await house.signed_in(await house.account())
    account = house.users.account
    changed = await account.change_profile(Who(identity, ORIGIN), 1, ProfileChange(name="Ánna"))
    assert not isinstance(changed, Refusal)
    assert (changed.name, changed.version, changed.locale) == ("Ánna", 2, "en")
    late = await account.change_profile(Who(identity, ORIGIN), 1, ProfileChange(locale="ar"))
    assert code_of(late) is Code.VERSION_CONFLICT


async def test_a_fresh_proof_counts_for_a_while_and_changes_the_token(house: House) -> None:
    identity, token = await house.signed_in(await house.account())
    account = house.users.account
    assert identity.stepped_up_until_ms == 0
    assert code_of(await account.step_up(identity, StepUp(password="wrong"))) is Code.WRONG_PROOF
    assert code_of(await account.step_up(identity, StepUp())) is Code.WRONG_PROOF
    proof = await account.step_up(identity, StepUp(password=PASSWORD))
    assert not isinstance(proof, Refusal)
    again = await house.identity(proof[1])
    assert again is not None
    assert again.stepped_up_until_ms == proof[0].until_ms > house.clock()
    assert again.session_id == identity.session_id
    assert await house.identity(token) is None


async def test_one_lookup_for_many_requests_and_a_bound_on_what_is_kept(house: House) -> None:
    token = await house.sign_in(await house.account())
    house.users.identities._kept.clear()
    found = house.users.sessions._finding.items
    identities = await asyncio.gather(*(house.users.identities.of_session(token) for _ in range(50)))
    assert len({identity.session_id for identity in identities if identity}) == 1
    assert house.users.sessions._finding.items == found + 1
    await asyncio.gather(*(house.users.identities.of_session(f"nobody-{n}") for n in range(300)))
    assert len(house.users.identities._kept) <= 301


async def test_last_use_is_noted_now_and_then(house: House) -> None:
    identity, token = await house.signed_in(await house.account())
    house.clock.ahead_ms = 3_600_000
    await house.identity(token)
    listed = await house.users.account.sessions(identity)
    assert listed.items[0].last_used_at_ms - listed.items[0].created_at_ms >= 3_600_000


async def test_changes_of_an_account_are_in_the_audit_log(house: House) -> None:
    """Who, what and from where; and nothing of what somebody is called."""
    email = await house.account()
    identity, _ = await house.signed_in(email)
    who = Who(identity, ORIGIN)
    await house.users.account.change_profile(who, 1, ProfileChange(name="Marker Name", locale="ar"))
    await house.users.account.change_password(who, PasswordChange(old=PASSWORD, new=NEW))
    rows = await house.pool.fetch("SELECT * FROM audit_entries ORDER BY seq")
    assert [row["action"] for row in rows] == ["user.confirm", "user.update", "user.change_password"]
    assert {row["address"] for row in rows} == {ORIGIN.address}
    assert len({row["actor"] for row in rows}) == 1
    assert "ar" in rows[1]["after"]
    for row in rows:
        for plain in ("Marker", email, NEW, PASSWORD):
            assert plain not in str(dict(row))


class Held(UserSessions):
    """Sessions in PostgreSQL that are looked up when the test says so, but for the first time."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.looks = 0
        self.gate = asyncio.Event()

    async def find(self, token_hash: bytes, now_ms: int) -> LiveSession | None:
        self.looks += 1
        if self.looks == 1:
            await self.gate.wait()
        return await super().find(token_hash, now_ms)


async def test_looking_anew_does_not_end_what_others_wait_for(house: House) -> None:
    """Else a page that is refused while it loads asks for its session once more for each request."""
    token = await house.sign_in(await house.account())
    sessions = Held(house.pool)
    identities = Identities(sessions, None, None, house.clock, kept_ms=0)
    waiting = [asyncio.create_task(identities.of_session(token)) for _ in range(2)]
    while not sessions.looks:
        await asyncio.sleep(0)
    assert await identities.anew(token) is not None
    waiting.append(asyncio.create_task(identities.of_session(token)))
    await asyncio.sleep(0)
    sessions.gate.set()
    assert None not in await asyncio.gather(*waiting)
    assert sessions.looks == 2
