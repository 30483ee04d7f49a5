"""Second factors that an operator takes away. If one failed, somebody who lost a phone would be shut out for
ever, or a factor could go without its owner or the audit log hearing of it.
"""

import json

from domain.refusals import Code, Refusal
from services.users.lost_factors import LostFactors
from services.users.mails import AccountLetters
from services.users.sign_in import SignedIn
from storage.second_factors import Factors
from tests.people import URL
from tests.services.users.conftest import House
from tests.services.users.test_second_factors import answer, challenge, code_at, with_app
from tests.services.users.test_sign_up import code_of


def lost(house: House) -> LostFactors:
    return LostFactors(house.pool, house.vault, AccountLetters(URL), house.clock)


async def test_all_of_them_go_and_the_password_is_enough_again(house: House) -> None:
    email, secret, codes = await with_app(house)
    signed = await answer(house, await challenge(house, email), codes[0])
    assert isinstance(signed, SignedIn)
    identity = await house.identity(signed.session_token)
    assert identity is not None
    await house.pool.execute("DELETE FROM sessions WHERE session_id <> $1", identity.session_id)
    await house.pool.execute(
        "INSERT INTO passkeys VALUES (gen_random_uuid(), $1, $2, $3, 0, $3, now(), NULL)",
        identity.user_id,
        bytes(16),
        b"x",
    )
    # Whoever is half-way through signing in with the factor that goes.
    half = await challenge(house, email)
    found = await lost(house).of(email)
    assert found == Factors(has_totp=True, recovery_codes=9, passkeys=1)
    done = await lost(house).remove(email.upper(), "Phone lost, called back")
    assert done is not None
    assert (done[0].factors, done[0].sessions) == (found, 1)
    assert await house.identity(signed.session_token) is None
    assert code_of(await answer(house, half, code_at(house, secret))) is Code.SIGN_IN_FAILED
    assert await house.sign_in(email)
    assert done[1].to == email and "removed every second factor" in done[1].text.replace("\n", " ")
    row = await house.pool.fetchrow("SELECT * FROM audit_entries WHERE action = 'user.remove_second_factors'")
    assert row is not None
    assert (row["actor"], bytes(row["chain"])) == ("system", bytes(16))
    assert json.loads(row["before"]) == {"passkeys": 1, "recovery_codes": 9, "totp": True}
    assert json.loads(row["after"]) == {"reason": "Phone lost, called back", "sessions_ended": 1}


async def test_who_has_none_is_left_alone(house: House) -> None:
    email = await house.account()
    token = await house.sign_in(email)
    assert await lost(house).remove(email, "Phone lost, called back") is None
    assert await lost(house).remove("nobody@example.org", "Phone lost, called back") is None
    assert await house.identity(token) is not None
    assert not isinstance(await house.users.account.me((await house.signed_in(email))[0]), Refusal)
    count = "SELECT count(*) FROM audit_entries WHERE action = 'user.remove_second_factors'"
    assert await house.pool.fetchval(count) == 0
