"""Accounts as they are stored. If these failed, two accounts would have one address, or what ended a session
would not be noted where every gateway looks.
"""

import asyncio

import msgspec

from domain.identity import Origin
from domain.ids import BuyerId, SessionId, UserId
from services.users.auditing import told
from storage.account_tokens import AccountTokens, NewToken, Purpose
from storage.accounts import UNCONFIRMED_KEPT_MS, Accounts, User, UserState
from storage.housekeeping import keep_house
from storage.person_keys import PersonKeys, WrappedKey
from storage.postgres import Pool
from storage.user_sessions import NewSession, UserSessions
from tests.storage.journal_contract import NOW_MS, fresh

TOLD = told(Origin("", ""), "user.confirm", NOW_MS)


def user(email: bytes = b"", state: UserState = UserState.ACTIVE) -> User:
    return User(
        UserId(fresh()), BuyerId(fresh()), state, email or fresh() * 2, b"sealed", b"sealed", "en", "hash"
    )


def token(owner: User, purpose: Purpose, **more: object) -> NewToken:
    made = NewToken(fresh() * 2, purpose, owner.user_id, NOW_MS + 1_000)
    return msgspec.structs.replace(made, **more)


def session(owner: User, replaced: bytes | None = None) -> NewSession:
    return NewSession(
        fresh() * 2,
        SessionId(fresh()),
        owner.user_id,
        owner.stamp,
        "Firefox on Linux",
        NOW_MS,
        NOW_MS + 1_000,
        with_second_factor=False,
        replaced_hash=replaced,
    )


async def test_an_address_belongs_to_one_account(pool: Pool) -> None:
    accounts = Accounts(pool)
    email = fresh() * 2
    done = await asyncio.gather(*(accounts.create(user(email), NOW_MS) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]


async def test_sign_ups_wait_side_by_side_and_one_is_confirmed(pool: Pool) -> None:
    accounts = Accounts(pool)
    email = fresh() * 2
    tokens = []
    for _ in range(3):
        waiting = user(email, UserState.UNCONFIRMED)
        tokens.append(token(waiting, Purpose.SIGN_UP))
        await accounts.sign_up(waiting, tokens[-1], NOW_MS)
    assert await accounts.find_by_email(email) is None
    done = await asyncio.gather(
        *(accounts.confirm(each.token_hash, BuyerId(fresh()), NOW_MS, TOLD) for each in tokens)
    )
    assert len([confirmed for confirmed in done if confirmed]) == 1


async def test_a_buyer_is_one_users(pool: Pool) -> None:
    """Two sign-ups of one browser: the second to be confirmed must not get the orders of the first."""
    accounts = Accounts(pool)
    first, second = user(state=UserState.UNCONFIRMED), user(state=UserState.UNCONFIRMED)
    second = msgspec.structs.replace(second, buyer_id=first.buyer_id)
    spare = BuyerId(fresh())
    for waiting in (first, second):
        issued = token(waiting, Purpose.SIGN_UP)
        await accounts.sign_up(waiting, issued, NOW_MS)
        assert await accounts.confirm(issued.token_hash, spare, NOW_MS, TOLD) is not None
    assert await accounts.buyers_of(first.user_id) == [first.buyer_id]
    assert await accounts.buyers_of(second.user_id) == [spare]


async def test_tries_are_counted_and_a_token_is_used_once(pool: Pool) -> None:
    accounts, tokens = Accounts(pool), AccountTokens(pool)
    owner = user()
    await accounts.create(owner, NOW_MS)
    issued = token(owner, Purpose.SECOND_FACTOR, tries=3)
    await tokens.issue(issued)
    tried = await asyncio.gather(
        *(tokens.try_once(issued.token_hash, Purpose.SECOND_FACTOR, NOW_MS) for _ in range(6))
    )
    assert len([found for found in tried if found]) == 3
    assert await tokens.use(issued.token_hash, Purpose.PASSWORD_RESET, NOW_MS) is None
    assert await tokens.use(issued.token_hash, Purpose.SECOND_FACTOR, NOW_MS + 1_000) is None
    used = await asyncio.gather(
        *(tokens.use(issued.token_hash, Purpose.SECOND_FACTOR, NOW_MS) for _ in range(4))
    )
    assert len([found for found in used if found]) == 1


async def test_a_session_is_opened_for_the_present_password_only(pool: Pool) -> None:
    accounts, sessions = Accounts(pool), UserSessions(pool)
    owner = user()
    await accounts.create(owner, NOW_MS)
    assert await sessions.open(session(owner)) == owner.buyer_id
    assert await accounts.change_password(owner, "other", None, NOW_MS, TOLD)
    assert await sessions.open(session(owner)) is None
    assert await sessions.of_user(owner.user_id, NOW_MS) == []
    assert len(await sessions.ended()) == 1


async def test_what_was_asked_for_with_an_old_password_is_not_written_down(pool: Pool) -> None:
    accounts, tokens = Accounts(pool), AccountTokens(pool)
    owner = user()
    await accounts.create(owner, NOW_MS)
    issued = token(owner, Purpose.EMAIL_CHANGE)
    assert await tokens.issue(issued, is_only=True, stamp=owner.stamp)
    assert await accounts.change_password(owner, "other", None, NOW_MS, TOLD)
    assert await tokens.find(issued.token_hash, Purpose.EMAIL_CHANGE, NOW_MS) is None
    assert not await tokens.issue(issued, is_only=True, stamp=owner.stamp)
    assert await tokens.find(issued.token_hash, Purpose.EMAIL_CHANGE, NOW_MS) is None


async def test_what_was_not_confirmed_and_what_is_over_is_forgotten(pool: Pool) -> None:
    """With the keys of the persons: nobody keeps the address of somebody who never wanted an account."""
    accounts, keys = Accounts(pool), PersonKeys(pool)
    waiting, owner = user(state=UserState.UNCONFIRMED), user()
    await accounts.sign_up(waiting, token(waiting, Purpose.SIGN_UP), NOW_MS)
    await accounts.create(owner, NOW_MS)
    await keys.keep(WrappedKey(waiting.user_id, 1, bytes(60)))
    await AccountTokens(pool).issue(token(owner, Purpose.PASSWORD_RESET))
    kept = await keep_house(pool, NOW_MS + UNCONFIRMED_KEPT_MS + 1)
    assert (kept.sign_ups, kept.account_tokens) == (1, 2)
    assert await keys.find(waiting.user_id) is None
    assert await accounts.find(owner.user_id) is not None


async def test_thousands_who_ask_at_once_take_a_few_statements(pool: Pool) -> None:
    accounts, sessions = Accounts(pool), UserSessions(pool)
    owner = user()
    await accounts.create(owner, NOW_MS)
    opened = session(owner)
    await sessions.open(opened)
    found = await asyncio.gather(*(sessions.find(opened.token_hash, NOW_MS) for _ in range(2_000)))
    assert {each.user_id for each in found if each} == {owner.user_id}
    assert sessions._finding.batches < 15
