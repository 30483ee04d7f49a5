"""Making accounts and getting back into them. If these failed, a client could find out who has an account,
one link could be used twice, or somebody could get into an account that is not theirs.
"""

import asyncio

import pytest

from domain.refusals import Code, Refusal
from services.users.models import Confirmation, EmailBody, NewPassword, SignIn, SignUp
from services.users.sign_up import CONFIRM_MS, RESET_MS
from tests.mailbox import html_of, text_of, token_in
from tests.people import PASSWORD
from tests.services.users.conftest import ORIGIN, House, Housing


def code_of(result: object) -> Code:
    assert isinstance(result, Refusal), result
    return result.code


def by_hand(token: str, password: str = PASSWORD) -> Confirmation:
    """What another browser sends than the one that signed up."""
    return Confirmation(token=token, password=password)


async def test_an_address_is_confirmed_and_signs_in(house: House) -> None:
    email = await house.account()
    identity = await house.identity(await house.sign_in(email))
    assert identity is not None
    assert identity.user_id is not None
    me = await house.users.account.me(identity)
    assert not isinstance(me, Refusal)
    assert (me.email, me.name, me.has_totp, me.memberships) == (email, "Anna", False, ())


async def test_before_the_confirmation_nobody_signs_in(house: House) -> None:
    email = house.address()
    await house.sign_up(email)
    asked = SignIn(email=email, password=PASSWORD)
    assert code_of(await house.users.signing_in.sign_in(asked, "", ORIGIN)) is Code.SIGN_IN_FAILED


async def test_addresses_and_names_are_stored_sealed(house: House) -> None:
    email = await house.account("Marker.Person@example.org")
    rows = [str(dict(row)) for row in await house.pool.fetch("SELECT * FROM users")]
    rows += [str(dict(row)) for row in await house.pool.fetch("SELECT * FROM account_tokens")]
    for plain in ("Marker", "marker", "Anna", PASSWORD, email):
        assert not [row for row in rows if plain in row or plain.encode().hex() in row]
    assert await house.sign_in("marker.person@EXAMPLE.org"), "case is not what tells addresses apart"


async def test_known_and_unknown_addresses_are_answered_alike(house: House) -> None:
    """The same answer after the same number of hashes; what differs goes by mail, after the answer."""
    known, unknown = await house.account(), house.address()
    for email in (known, unknown):
        before = house.passwords.done
        asked = SignUp(email=email, password=PASSWORD, name="Anna")
        assert await house.users.signing_up.sign_up(asked, None) is None
        assert house.passwords.done == before + 1
        assert await house.users.signing_up.ask_reset(EmailBody(email=email).email) is None
        assert house.passwords.done == before + 1
        wrong = SignIn(email=email, password="not the password")
        assert await house.users.signing_in.sign_in(wrong, "", ORIGIN) == Refusal(Code.SIGN_IN_FAILED)
        assert house.passwords.done == before + 2
    subjects = {str((await house.box.next_to(known))["Subject"]) for _ in range(2)}
    assert subjects == {"You have an account already", "Choose a new password"}
    assert str((await house.box.next_to(unknown))["Subject"]) == "Confirm your address"


async def test_an_account_is_not_made_over_another(house: House) -> None:
    """Signing up with an address that has an account changes nothing of the account."""
    email = await house.account()
    asked = SignUp(email=email, password="another long password 77", name="Mallory")
    assert await house.users.signing_up.sign_up(asked, None) is None
    await house.box.next_to(email)
    await house.sign_in(email)
    failed = await house.users.signing_in.sign_in(
        SignIn(email=email, password="another long password 77"), "", ORIGIN
    )
    assert code_of(failed) is Code.SIGN_IN_FAILED


async def test_of_two_sign_ups_the_first_confirmed_has_the_address(house: House) -> None:
    email = house.address()
    first, second = await house.sign_up(email), await house.sign_up(email, "a very different phrase 4")
    done = await asyncio.gather(
        house.users.signing_up.confirm(by_hand(second, "a very different phrase 4"), "", ORIGIN),
        house.users.signing_up.confirm(by_hand(first), "", ORIGIN),
    )
    assert sorted(isinstance(result, Refusal) for result in done) == [False, True]


async def test_a_link_is_good_once(house: House) -> None:
    token = await house.sign_up(house.address())
    done = await asyncio.gather(
        *(house.users.signing_up.confirm(by_hand(token), "", ORIGIN) for _ in range(5))
    )
    assert sum(not isinstance(result, Refusal) for result in done) == 1
    assert code_of(await house.users.signing_up.confirm(by_hand(token), "", ORIGIN)) is Code.LINK_NOT_VALID


async def test_a_link_is_good_for_its_time_and_purpose(house: House) -> None:
    email = house.address()
    token = await house.sign_up(email)
    assert code_of(await house.users.account.confirm_email(token, ORIGIN)) is Code.LINK_NOT_VALID
    reset = NewPassword(token=token, password="some other long phrase")
    assert code_of(await house.users.signing_up.reset(reset, ORIGIN)) is Code.LINK_NOT_VALID
    house.clock.ahead_ms = CONFIRM_MS + 1
    assert code_of(await house.users.signing_up.confirm(by_hand(token), "", ORIGIN)) is Code.LINK_NOT_VALID


async def test_a_stranger_gets_no_account_with_anothers_address(house: House) -> None:
    """Mallory signs up with Anna's address and a password of his own, and Anna presses the link."""
    mallory, buyer = await house.guest()
    anna, _ = await house.guest()
    email, confirm = house.address(), house.users.signing_up.confirm
    theirs = "a phrase that only mallory knows"
    await house.users.signing_up.sign_up(SignUp(email=email, password=theirs, name="Mallory"), buyer)
    token = await house.box.token_to(email)
    for session in (anna, ""):
        asked = await confirm(Confirmation(token=token), session, ORIGIN)
        assert asked == Refusal(Code.INVALID, None, {"field": "password", "reason": "required"})
        assert (
            code_of(await confirm(by_hand(token, "what Anna would type"), session, ORIGIN))
            is Code.WRONG_PROOF
        )
    signing_in = house.users.signing_in.sign_in(SignIn(email=email, password=theirs), "", ORIGIN)
    assert code_of(await signing_in) is Code.SIGN_IN_FAILED, "there is no account yet"
    # Anna signs up herself, whatever waits for her address, and it is hers.
    house.clock.ahead_ms += 3_600_000
    assert await house.account(email) == email
    assert code_of(await confirm(by_hand(token, theirs), mallory, ORIGIN)) is Code.LINK_NOT_VALID


async def test_the_browser_that_signed_up_is_signed_in_by_the_link(house: House) -> None:
    guest, buyer = await house.guest()
    email = house.address()
    await house.users.signing_up.sign_up(SignUp(email=email, password=PASSWORD, name="Anna"), buyer)
    confirmed = await house.users.signing_up.confirm(
        Confirmation(token=await house.box.token_to(email)), guest, ORIGIN
    )
    assert not isinstance(confirmed, Refusal)
    assert confirmed[0].is_signed_in
    identity = await house.identity(confirmed[1])
    assert identity is not None
    assert identity.buyer_id == buyer, "the guest's orders are the user's"
    assert await house.users.account.buyers(identity) == [buyer]
    assert await house.identity(guest) is None, "a token from before the sign-in opens nothing"


async def test_a_guest_who_signs_in_brings_the_orders_along(house: House) -> None:
    email = await house.account()
    guest, buyer = await house.guest()
    identity = await house.identity(await house.sign_in(email, replaced=guest))
    assert identity is not None
    assert buyer in await house.users.account.buyers(identity)
    assert await house.session_rows(guest) == 0
    # Somebody else's buyer stays theirs.
    other = await house.identity(await house.sign_in(await house.account()))
    assert other is not None
    assert buyer not in await house.users.account.buyers(other)


async def test_a_password_is_reset_once_and_ends_every_session(house: House) -> None:
    email = await house.account()
    session = await house.sign_in(email)
    await house.users.signing_up.ask_reset(email)
    first = await house.box.token_to(email)
    await house.users.signing_up.ask_reset(email)
    second = await house.box.token_to(email)
    new = "a new phrase nobody knows"
    stale = NewPassword(token=first, password=new)
    assert code_of(await house.users.signing_up.reset(stale, ORIGIN)) is Code.LINK_NOT_VALID
    weak = NewPassword(token=second, password="short")
    assert code_of(await house.users.signing_up.reset(weak, ORIGIN)) is Code.PASSWORD_WEAK
    asked = NewPassword(token=second, password=new)
    done = await asyncio.gather(*(house.users.signing_up.reset(asked, ORIGIN) for _ in range(3)))
    assert [result for result in done if result is None] == [None]
    assert await house.identity(session) is None
    failed = await house.users.signing_in.sign_in(SignIn(email=email, password=PASSWORD), "", ORIGIN)
    assert code_of(failed) is Code.SIGN_IN_FAILED
    await house.sign_in(email, new)
    assert "password was changed" in str((await house.box.next_to(email))["Subject"])


async def test_a_reset_is_good_for_an_hour(house: House) -> None:
    email = await house.account()
    await house.users.signing_up.ask_reset(email)
    asked = NewPassword(token=await house.box.token_to(email), password="a new phrase nobody knows")
    house.clock.ahead_ms = RESET_MS + 1
    assert code_of(await house.users.signing_up.reset(asked, ORIGIN)) is Code.LINK_NOT_VALID


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "too_short"),
        ("password1234", "guessable"),
        ("1" * 200, "guessable"),
        ("qwertyuiop", "guessable"),
        ("annabelle.q", "personal"),
    ],
)
async def test_weak_passwords_are_refused_with_a_reason(house: House, password: str, reason: str) -> None:
    asked = SignUp(email="annabelle.q@example.org", password=password, name="Annabelle Quince")
    refusal = await house.users.signing_up.sign_up(asked, None)
    assert code_of(refusal) is Code.PASSWORD_WEAK
    assert isinstance(refusal, Refusal)
    assert refusal.details["reason"] == reason
    assert house.passwords.done == 0


async def test_names_come_out_inert_in_letters(house: House) -> None:
    email = house.address()
    name = '<img src=x onerror="alert(1)"> A\u0301nna \u200fعلي'
    asked = SignUp(email=email, password=PASSWORD, name=name)
    await house.users.signing_up.sign_up(asked, None)
    first = await house.box.next_to(email)
    assert "onerror" not in text_of(first), "who asked for it may be anybody, and so are the words"
    confirmed = await house.users.signing_up.confirm(by_hand(token_in(first)), "", ORIGIN)
    assert not isinstance(confirmed, Refusal)
    await house.users.signing_up.sign_up(asked, None)
    mail = await house.box.next_to(email)
    assert "<img" not in html_of(mail)
    assert "&lt;img" in html_of(mail)
    assert "عل" in text_of(mail)


async def test_letters_are_in_the_language_of_the_account(house: House) -> None:
    email = house.address()
    await house.users.signing_up.sign_up(
        SignUp(email=email, password=PASSWORD, name="Anna", locale="ar"), None
    )
    mail = await house.box.next_to(email)
    assert 'dir="rtl"' in html_of(mail)
    confirmed = await house.users.signing_up.confirm(by_hand(token_in(mail)), "", ORIGIN)
    assert isinstance(confirmed, tuple)
    await house.users.signing_up.ask_reset(email)
    assert 'dir="rtl"' in html_of(await house.box.next_to(email))


async def test_letters_to_one_address_are_limited(housing: Housing) -> None:
    """Nobody's mailbox is flooded, and whether it has an account makes no difference."""
    house = housing(burst=3)
    known, unknown = await house.account(), house.address()
    for email, sent in ((known, 1), (unknown, 0)):
        results = [await house.users.signing_up.ask_reset(email) for _ in range(4)]
        assert [isinstance(result, Refusal) for result in results] == [False] * (3 - sent) + [True] * (
            1 + sent
        )
