"""What letters say, in every language. If one failed, somebody would get a letter that they can't read, with
a raw `{name}` in it, or with something in it that a person's name has put there.
"""

import html
import inspect
import json
import re
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from domain.roles import Role
from services.messages import LANGUAGES, holes, parsed
from services.notifications.email import SmtpSettings, message_of
from services.notifications.port import Mail
from services.notifications.writing import FOLDER
from services.organisations.letters import InvitationLetters
from services.users.mails import AccountLetters, FactorChange
from services.users.people import Person
from tests.mailbox import html_of, text_of

TOKEN = "t" * 43
URL = "https://tickets.example"
NASTY = '<b onclick="x">Zoë</b>\r\nBcc: everyone@example.org\u2028{name} \u202e& Co'

accounts, invitations = AccountLetters(URL), InvitationLetters(URL)
# Each letter, written to somebody; `word` stands for whatever people can put into it.
LETTERS: dict[str, Callable[[Person, str], Mail]] = {
    "confirm_sign_up": lambda to, _: accounts.confirm_sign_up(to, TOKEN),
    "already_signed_up": lambda to, _: accounts.already_signed_up(to),
    "reset_password": lambda to, _: accounts.reset_password(to, TOKEN),
    "password_changed": lambda to, _: accounts.password_changed(to),
    "confirm_email": lambda to, _: accounts.confirm_email(to, TOKEN),
    "email_in_use": lambda to, _: accounts.email_in_use(to),
    "email_changed": lambda to, _: accounts.email_changed(to),
    "erased": lambda to, _: accounts.erased(to),
    "second_factors_removed": lambda to, _: accounts.second_factors_removed(to),
    "second_factor_changed": lambda to, _: accounts.second_factor_changed(to, FactorChange.TOTP_ADDED),
    "invitation": lambda to, word: invitations.invitation(to, word, Role.SCANNER, word, TOKEN),
}


def catalogue(language: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((FOLDER / language / "letters.json").read_text())
    return read


def sent(mail: Mail) -> EmailMessage:
    """As it goes to the server and is read there."""
    return message_of(mail, SmtpSettings("smtp://127.0.0.1", "a@bilten.example"), 0)


def test_no_letter_is_forgotten_here() -> None:
    written = {
        name
        for kind in (AccountLetters, InvitationLetters)
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert written == set(LETTERS)


def test_every_language_says_the_same() -> None:
    english = catalogue("en")
    assert sorted(folder.name for folder in FOLDER.iterdir()) == sorted(LANGUAGES)
    for language in LANGUAGES:
        other = catalogue(language)
        assert list(english) == list(other), "the same names, in the same order"
        for name, message in english.items():
            assert set(holes(parsed(message))) == set(holes(parsed(other[name]))), (language, name)


def test_no_message_is_left_over() -> None:
    """What no letter says any more would be translated for ever."""
    found = set()
    for write in LETTERS.values():
        for name in ("", "Anna"):
            mail = write(Person("anna@example.org", name, "en"), "Harbour")
            words = " ".join(f"{mail.subject} {mail.text}".split())
            for key, message in catalogue("en").items():
                plain = [part for part in parsed(message) if isinstance(part, str)]
                if all(" ".join(part.split()) in words for part in plain):
                    found.add(key)
    assert set(catalogue("en")) - found == set()


@pytest.mark.parametrize("name", LETTERS)
def test_letters_come_in_the_language_of_who_gets_them(name: str) -> None:
    for locale, direction, script in (
        ("en", "ltr", r"^[^\u0600-\u06ff]*$"),
        ("en-GB", "ltr", r"^[^\u0600-\u06ff]*$"),
        ("de", "ltr", r"^[^\u0600-\u06ff]*$"),
        ("ar", "rtl", r"[\u0600-\u06ff]{3}"),
        ("ar-EG", "rtl", r"[\u0600-\u06ff]{3}"),
    ):
        mail = LETTERS[name](Person("anna@example.org", "Anna", locale), "Harbour")
        message = sent(mail)
        assert re.search(script, str(message["Subject"])), (locale, mail.subject)
        paragraphs = [part for part in text_of(message).split("\n\n") if "https://" not in part]
        assert all(re.search(script, part) for part in paragraphs), (locale, paragraphs)
        language = "ar" if direction == "rtl" else "en"
        assert f'<html lang="{language}" dir="{direction}">' in html_of(message)
        assert "{" not in mail.text


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("name", LETTERS)
def test_what_people_are_called_does_nothing(name: str, locale: str) -> None:
    """Markup, line ends, holes and signs that turn the direction are words, or nothing at all."""
    message = sent(LETTERS[name](Person("anna@example.org", NASTY, locale), NASTY))
    assert set(message.keys()) == set(sent(LETTERS[name](Person("a@b.org", "A", "en"), "x")).keys())
    body, page = text_of(message), html_of(message)
    assert not re.search(r"^Bcc:", body, re.MULTILINE)
    assert "<b" not in page.partition("<body")[2]
    assert "onclick=&quot;x" in page or "onclick" not in page
    for text in (body, page, str(message["Subject"])):
        assert not re.search("[\u2028\u202e]", text)
    if name != "invitation":
        # All of it is there to be read, in one line.
        assert '<b onclick="x">Zoë</b> Bcc: everyone@example.org {name}' in html.unescape(page)


@pytest.mark.parametrize("role", Role)
def test_every_role_has_a_name_in_every_language(role: Role) -> None:
    for language in LANGUAGES:
        cases = {
            invitations.invitation(Person("a@b.org", "", language), "Harbour", each, None, TOKEN).text
            for each in Role
        }
        assert len(cases) == len(Role), "two roles would be told as one"
        event = invitations.invitation(Person("a@b.org", "", language), "Harbour", role, "Gala", TOKEN)
        assert "Gala" in event.text


def test_every_change_of_second_factors_is_told_apart() -> None:
    for language in LANGUAGES:
        to = Person("a@b.org", "Anna", language)
        told = {accounts.second_factor_changed(to, change).text for change in FactorChange}
        assert len(told) == len(FactorChange)
