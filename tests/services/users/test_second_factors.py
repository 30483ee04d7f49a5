"""Second factors. If these failed, a code that was seen once could be used again, codes could be guessed,
or a passkey would open another's account.
"""

import asyncio
from typing import Any

import pyotp
import pytest

from domain.identity import Identity, Who
from domain.refusals import Code, Refusal
from services.users.auditing import told
from services.users.lost_factors import LostFactors
from services.users.mails import AccountLetters
from services.users.models import (
    EmailChange,
    NewPasskey,
    PasskeyAnswer,
    PasswordChange,
    SecondFactor,
    SignIn,
    StepUp,
)
from services.users.passkeys import PASSKEYS_MAX, relying_party
from services.users.second_factor import STEP_MS
from services.users.sign_in import TRIES, SignedIn
from tests.meeting import at_once
from tests.people import PASSWORD, URL
from tests.services.users.authenticator import Authenticator
from tests.services.users.conftest import ORIGIN, House, Housing
from tests.services.users.test_sign_up import code_of

NEW = "a new phrase nobody knows"


async def proven(house: House, email: str) -> Identity:
    """Somebody who is signed in and has just said who they are."""
    identity, _ = await house.signed_in(email)
    proof = await house.users.account.step_up(identity, StepUp(password=PASSWORD))
    assert not isinstance(proof, Refusal), proof
    again = await house.identity(proof[1])
    assert again is not None
    return again


async def with_app(house: House) -> tuple[str, str, tuple[str, ...]]:
    """An account with an authenticator app: address, secret, recovery codes."""
    email = await house.account()
    identity = await proven(house, email)
    offered = await house.users.factors.offer_totp(identity)
    assert not isinstance(offered, Refusal)
    confirmed = await house.users.factors.confirm_totp(Who(identity, ORIGIN), code_at(house, offered.secret))
    assert not isinstance(confirmed, Refusal)
    house.clock.ahead_ms += 2 * STEP_MS
    return email, offered.secret, confirmed[0].codes


def code_at(house: House, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(house.clock() // 1000 + steps * STEP_MS // 1000)


async def challenge(house: House, email: str) -> str:
    asked = SignIn(email=email, password=PASSWORD)
    signed = await house.users.signing_in.sign_in(asked, "", ORIGIN)
    assert isinstance(signed, SignedIn), signed
    assert signed.session_token == ""
    assert signed.answer.second_factor_needed
    assert signed.answer.challenge is not None
    return signed.answer.challenge


async def answer(house: House, token: str, code: str) -> SignedIn | Refusal:
    return await house.users.signing_in.second_factor(SecondFactor(challenge=token, code=code), "", ORIGIN)


async def test_a_code_of_the_app_finishes_a_sign_in(house: House) -> None:
    email, secret, codes = await with_app(house)
    assert len(set(codes)) == 10
    token = await challenge(house, email)
    done = await answer(house, token, code_at(house, secret))
    assert isinstance(done, SignedIn)
    identity = await house.identity(done.session_token)
    assert identity is not None
    stored = await house.pool.fetchval(
        "SELECT with_second_factor FROM sessions WHERE session_id = $1", identity.session_id
    )
    assert stored
    me = await house.users.account.me(identity)
    assert not isinstance(me, Refusal)
    assert (me.has_totp, me.recovery_codes_left) == (True, 10)


async def test_a_code_is_good_once_and_near_its_time(house: House) -> None:
    """Somebody who looked over a shoulder has the code, and half a minute."""
    email, secret, _ = await with_app(house)
    code = code_at(house, secret)
    tokens = [await challenge(house, email) for _ in range(4)]
    done = await asyncio.gather(*(answer(house, token, code) for token in tokens))
    assert len([each for each in done if isinstance(each, SignedIn)]) == 1
    # The one before is used up with it; those far away were never good.
    for steps in (-1, -2, 3):
        token = await challenge(house, email)
        assert code_of(await answer(house, token, code_at(house, secret, steps))) is Code.SIGN_IN_FAILED
    assert isinstance(await answer(house, token, code_at(house, secret, 1)), SignedIn)


async def test_a_recovery_code_is_good_once_however_it_is_typed(house: House) -> None:
    email, _, codes = await with_app(house)
    typed = codes[0].replace("-", " ").lower()
    tokens = [await challenge(house, email) for _ in range(3)]
    done = await asyncio.gather(*(answer(house, token, typed) for token in tokens))
    assert len([each for each in done if isinstance(each, SignedIn)]) == 1
    rows = await house.pool.fetch("SELECT code_hash FROM recovery_codes")
    assert len(rows) == 9
    other, _, _ = await with_app(house)
    token = await challenge(house, other)
    assert code_of(await answer(house, token, codes[1])) is Code.SIGN_IN_FAILED, "it is another's"


async def test_a_challenge_takes_few_tries_and_ends(housing: Housing) -> None:
    house = housing(burst=100)
    email, secret, _ = await with_app(house)
    token = await challenge(house, email)
    for _ in range(TRIES):
        assert code_of(await answer(house, token, "000000")) is Code.SIGN_IN_FAILED
    assert code_of(await answer(house, token, code_at(house, secret))) is Code.SIGN_IN_FAILED
    token = await challenge(house, email)
    house.clock.ahead_ms += 5 * 60_000 + 1
    assert code_of(await answer(house, token, code_at(house, secret))) is Code.SIGN_IN_FAILED


async def test_codes_of_one_user_are_limited_over_all_challenges(housing: Housing) -> None:
    """A million codes, and a fresh challenge for each try: the limit is the user's."""
    house = housing(burst=100)
    email, _, _ = await with_app(house)
    token = await challenge(house, email)
    house.users.signing_in._attempts._burst = 2
    results = [code_of(await answer(house, token, "000000")) for _ in range(4)]
    assert Code.RATE_LIMITED in results


async def test_a_password_that_changes_ends_the_challenge(house: House) -> None:
    email, secret, _ = await with_app(house)
    token = await challenge(house, email)
    user = await house.users.accounts.find_by_email(house.vault.lookup("email", email))
    assert user is not None
    assert await house.users.accounts.change_password(
        user, "x" * 20, None, house.clock(), told(ORIGIN, "user.change_password", 0)
    )
    assert code_of(await answer(house, token, code_at(house, secret))) is Code.SIGN_IN_FAILED


async def test_factors_are_touched_with_a_fresh_proof_only(house: House) -> None:
    """Nobody who finds a browser signed in locks its owner out."""
    email = await house.account()
    identity, _ = await house.signed_in(email)
    factors = house.users.factors
    for refused in (
        await factors.offer_totp(identity),
        await factors.confirm_totp(Who(identity, ORIGIN), "000000"),
        await factors.drop_totp(Who(identity, ORIGIN)),
        await factors.passkey_registration(identity),
        await factors.drop_passkey(Who(identity, ORIGIN), bytes(16)),  # type: ignore[arg-type]
    ):
        assert code_of(refused) is Code.STEP_UP_NEEDED


async def test_who_has_a_factor_proves_themselves_with_it(house: House) -> None:
    email, secret, _ = await with_app(house)
    done = await answer(house, await challenge(house, email), code_at(house, secret))
    assert isinstance(done, SignedIn)
    identity = await house.identity(done.session_token)
    assert identity is not None
    account = house.users.account
    assert code_of(await account.step_up(identity, StepUp(password=PASSWORD))) is Code.WRONG_PROOF
    house.clock.ahead_ms += 2 * STEP_MS
    proof = await account.step_up(identity, StepUp(code=code_at(house, secret)))
    assert not isinstance(proof, Refusal)
    again = await house.identity(proof[1])
    assert again is not None
    dropped = await house.users.factors.drop_totp(Who(again, ORIGIN))
    assert isinstance(dropped, str)
    assert await house.pool.fetchval("SELECT count(*) FROM recovery_codes") == 0
    await house.sign_in(email)


async def test_an_offered_secret_counts_once_it_is_confirmed(house: House) -> None:
    email = await house.account()
    identity = await proven(house, email)
    first = await house.users.factors.offer_totp(identity)
    second = await house.users.factors.offer_totp(identity)
    assert not isinstance(first, Refusal)
    assert not isinstance(second, Refusal)
    await house.sign_in(email)
    stale = await house.users.factors.confirm_totp(Who(identity, ORIGIN), code_at(house, first.secret))
    assert code_of(stale) is Code.WRONG_PROOF
    confirmed = await house.users.factors.confirm_totp(Who(identity, ORIGIN), code_at(house, second.secret))
    assert not isinstance(confirmed, Refusal)
    assert code_of(await house.users.factors.offer_totp(identity)) is Code.ILLEGAL_STEP
    rows = [str(dict(row)) for row in await house.pool.fetch("SELECT * FROM totp")]
    assert not [row for row in rows if second.secret in row]


# --- passkeys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name", "origin"),
    [
        ("http://localhost:8080", "localhost", "http://localhost:8080"),
        ("http://localhost:80", "localhost", "http://localhost"),
        ("https://Tickets.Example:443", "tickets.example", "https://tickets.example"),
        ("https://tickets.example:8443/shop", "tickets.example", "https://tickets.example:8443"),
        ("http://[::1]:8080", "::1", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_compared_as_browsers_write_it(url: str, name: str, origin: str) -> None:
    """Else no passkey would be taken of a platform whose address somebody wrote in another way."""
    party = relying_party(url)
    assert (party.id, party.origins) == (name, (origin,))


async def register(house: House, identity: Identity, key: Authenticator) -> Any:
    options = await house.users.factors.passkey_registration(identity)
    assert not isinstance(options, Refusal)
    asked = NewPasskey(challenge=options.challenge, credential=key.make(options.options), name="Anna's phone")
    return await house.users.factors.add_passkey(Who(identity, ORIGIN), asked)


async def with_passkey(house: House, **key: bool) -> tuple[str, Authenticator, Identity]:
    email = await house.account()
    made = Authenticator(URL, **key)
    identity = await proven(house, email)
    kept = await register(house, identity, made)
    assert not isinstance(kept, Refusal), kept
    identity = await house.identity(kept[1])  # type: ignore[assignment]
    return email, made, identity


async def use(house: House, key: Authenticator) -> tuple[PasskeyAnswer, SignedIn | Refusal]:
    options = await house.users.factors.sign_in_options()
    asked = PasskeyAnswer(challenge=options.challenge, credential=key.get(options.options))
    return asked, await house.users.factors.sign_in(asked, "", ORIGIN)


async def test_a_passkey_signs_in_alone_and_once(house: House) -> None:
    email, key, identity = await with_passkey(house)
    asked, done = await use(house, key)
    assert isinstance(done, SignedIn)
    mine = await house.identity(done.session_token)
    assert mine is not None
    assert mine.user_id == identity.user_id
    replayed = await house.users.factors.sign_in(asked, "", ORIGIN)
    assert code_of(replayed) is Code.SIGN_IN_FAILED
    token = await challenge(house, email)
    assert code_of(await answer(house, token, "123456")) is Code.SIGN_IN_FAILED, "there is no app"
    listed = await house.users.factors.passkeys(mine)
    assert [each.name for each in listed.items] == ["Anna's phone"]
    assert listed.items[0].last_used_at_ms is not None


async def test_a_copied_passkey_is_noticed(house: House) -> None:
    """Two that count apart: the one that is behind is refused."""
    _, key, _ = await with_passkey(house)
    assert isinstance((await use(house, key))[1], SignedIn)
    key.count -= 1
    assert code_of((await use(house, key))[1]) is Code.SIGN_IN_FAILED
    _, uncounted, _ = await with_passkey(house, has_counter=False)
    for _ in range(2):
        assert isinstance((await use(house, uncounted))[1], SignedIn)


async def test_answers_that_are_not_right_are_refused(house: House) -> None:
    _, key, identity = await with_passkey(house)
    stranger = Authenticator(URL)
    assert code_of((await use(house, stranger))[1]) is Code.SIGN_IN_FAILED
    key.origin = "https://tickets.example.evil.example"
    assert code_of((await use(house, key))[1]) is Code.SIGN_IN_FAILED
    key.origin = URL
    options = await house.users.factors.sign_in_options()
    credential = key.get(options.options)
    credential["response"]["signature"] = stranger.get(options.options)["response"]["signature"]
    forged = PasskeyAnswer(challenge=options.challenge, credential=credential)
    assert code_of(await house.users.factors.sign_in(forged, "", ORIGIN)) is Code.SIGN_IN_FAILED
    # Without a finger or a PIN it is one factor only.
    lax = Authenticator(URL, is_verifying=False)
    assert code_of(await register(house, identity, lax)) is Code.WRONG_PROOF


async def test_a_challenge_is_its_askers(house: House) -> None:
    _, _, anna = await with_passkey(house)
    _, _, mallory = await with_passkey(house)
    options = await house.users.factors.passkey_registration(anna)
    assert not isinstance(options, Refusal)
    key = Authenticator(URL)
    asked = NewPasskey(challenge=options.challenge, credential=key.make(options.options), name="x")
    house.clock.ahead_ms += 1
    stepped = await house.pool.execute("UPDATE sessions SET stepped_up_until = $1", house.clock() + 60_000)
    assert stepped
    house.users.identities._kept.clear()
    again = await house.users.identities.of_session_id(mallory.session_id)  # type: ignore[arg-type]
    assert again is not None
    assert code_of(await house.users.factors.add_passkey(Who(again, ORIGIN), asked)) is Code.WRONG_PROOF


async def test_a_credential_is_kept_once(house: House) -> None:
    _, key, _ = await with_passkey(house)
    _, _, other = await with_passkey(house)
    assert code_of(await register(house, other, key)) is Code.FORBIDDEN


async def test_no_more_passkeys_are_kept_than_may_be_however_many_come_at_once(house: House) -> None:
    _, _, identity = await with_passkey(house)
    await house.pool.execute(
        """
        INSERT INTO passkeys
        SELECT gen_random_uuid(), user_id, uuid_send(gen_random_uuid()), public_key, 0, name_sealed,
            created_at
        FROM passkeys, generate_series(1, $1)
        """,
        PASSKEYS_MAX - 2,
    )
    done = await at_once(house.pool, *(register(house, identity, Authenticator(URL)) for _ in range(3)))
    assert [code_of(each) for each in done if isinstance(each, Refusal)] == [Code.FORBIDDEN] * 2
    assert await house.pool.fetchval("SELECT count(*) FROM passkeys") == PASSKEYS_MAX


async def test_who_was_just_signed_out_adds_nothing_that_gets_them_in(house: House) -> None:
    """A gateway knows them for half a second longer: enough for a program to stay for ever, or to lock the
    owner out, after an operator has taken everything away.
    """
    email, _, identity = await with_passkey(house)
    factors = house.users.factors
    offered = await factors.offer_totp(identity)
    assert not isinstance(offered, Refusal)
    lost = LostFactors(house.pool, house.vault, AccountLetters(URL), house.clock)
    assert await lost.remove(email, "Phone lost, called back") is not None
    assert code_of(await register(house, identity, Authenticator(URL))) is Code.FORBIDDEN
    again = await factors.offer_totp(identity)
    assert not isinstance(again, Refusal)
    confirmed = await factors.confirm_totp(Who(identity, ORIGIN), code_at(house, again.secret))
    assert code_of(confirmed) is Code.WRONG_PROOF
    found = await lost.of(email)
    assert found is not None
    assert not found.is_any


async def test_a_passkey_is_a_fresh_proof_of_its_owner_only(house: House) -> None:
    _, key, identity = await with_passkey(house)
    _, foreign, _ = await with_passkey(house)
    for used, is_own in ((foreign, False), (key, True)):
        options = await house.users.factors.sign_in_options()
        asked = PasskeyAnswer(challenge=options.challenge, credential=used.get(options.options))
        proof = await house.users.account.step_up(identity, StepUp(passkey=asked))
        assert isinstance(proof, Refusal) is not is_own


async def test_a_dropped_passkey_opens_nothing(house: House) -> None:
    email, key, identity = await with_passkey(house)
    listed = await house.pool.fetch("SELECT passkey_id FROM passkeys")
    dropped = await house.users.factors.drop_passkey(Who(identity, ORIGIN), listed[0]["passkey_id"])
    assert isinstance(dropped, str)
    assert code_of((await use(house, key))[1]) is Code.SIGN_IN_FAILED
    await house.sign_in(email)


async def test_without_a_factor_no_session_is_one_with_a_factor(house: House) -> None:
    """Else another browser goes on where an organisation requires a factor, while it is signed in."""
    _, key, identity = await with_passkey(house)
    assert isinstance((await use(house, key))[1], SignedIn)
    said = "SELECT array_agg(with_second_factor) FROM sessions"
    assert await house.pool.fetchval(said) == [True, True]
    passkey_id = await house.pool.fetchval("SELECT passkey_id FROM passkeys")
    assert isinstance(await house.users.factors.drop_passkey(Who(identity, ORIGIN), passkey_id), str)
    assert await house.pool.fetchval(said) == [False, False]


async def test_what_gets_somebody_in_is_not_changed_by_a_password_alone(house: House) -> None:
    """Whoever has stolen a password and an open browser must not take the account with it."""
    email, secret, _ = await with_app(house)
    token = await challenge(house, email)
    signed = await answer(house, token, code_at(house, secret))
    assert isinstance(signed, SignedIn)
    identity = await house.identity(signed.session_token)
    assert identity is not None
    account, wanted = house.users.account, house.address()
    change, moved = PasswordChange(old=PASSWORD, new=NEW), EmailChange(email=wanted, password=PASSWORD)
    assert await account.ask_email_change(identity, moved) == Refusal(Code.STEP_UP_NEEDED)
    assert await account.change_password(Who(identity, ORIGIN), change) == Refusal(Code.STEP_UP_NEEDED)
    house.clock.ahead_ms += 2 * STEP_MS
    proof = await account.step_up(identity, StepUp(code=code_at(house, secret)))
    assert not isinstance(proof, Refusal)
    proven_now = await house.identity(proof[1])
    assert proven_now is not None
    wrong = EmailChange(email=wanted, password="not this")
    assert await account.ask_email_change(proven_now, wrong) == Refusal(Code.WRONG_PROOF), "and the password"
    assert await account.ask_email_change(proven_now, moved) is None
    assert isinstance(await account.change_password(Who(proven_now, ORIGIN), change), str)
