"""Letters in the language of who gets them.

What they say is in `messages/LANGUAGE/letters.json` beside this module, in the same grammar as the pages'
messages. A letter has a subject and a text, and, where its messages say so, words on a link and a closing.
"""

from pathlib import Path
from typing import Final, Protocol

from services.messages import Catalogues
from services.notifications.letters import letter
from services.notifications.port import Mail

FOLDER: Final = Path(__file__).with_name("messages")


class Recipient(Protocol):
    """Who gets a letter."""

    @property
    def email(self) -> str: ...
    @property
    def name(self) -> str:
        """As they are greeted, "" for somebody of whom only the address is known."""
        ...

    @property
    def locale(self) -> str:
        """Such as "ar-EG"; English is written to those whose language is not spoken here."""
        ...


class Writer:
    """Writes letters with links to the pages below `url`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._catalogues = Catalogues(FOLDER)

    def write(self, kind: str, to: Recipient, page: str = "", *, closing: str = "", **values: str) -> Mail:
        """Write a letter.

        Args:
            kind: which; the first part of its messages' names.
            to: who gets it.
            page: where its link leads, such as "/sign-in"; "" for a letter without one. A token stands behind
                a #, which no browser sends anywhere and no log has.
            closing: the message that it ends with, such as "ignore".
            values: what its messages are filled with. They are taken for plain words, whatever is in them.
        """
        messages = self._catalogues.of(to.locale.partition("-")[0])
        greeting = messages.text("letters.hello", named="yes" if to.name else "no", name=to.name)
        link = (messages.text(f"letters.{kind}.link"), self._url + page) if page else None
        return letter(
            to.email,
            messages.text(f"letters.{kind}.subject", **values),
            [greeting, messages.text(f"letters.{kind}.text", **values)],
            link=link,
            closing=[messages.text(f"letters.{closing}")] if closing else [],
            language=messages.language,
        )
