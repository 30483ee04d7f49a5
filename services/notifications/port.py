"""What the services ask of whoever carries mail."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Mail(msgspec.Struct, frozen=True):
    """A letter to one person, as `services.notifications.letters` writes it.

    Attributes:
        to: one address; what is no address is refused when the mail is built.
        subject: one line.
        text, html: the same words twice.
    """

    to: str
    subject: str
    text: str
    html: str

    def __repr__(self) -> str:
        # Letters carry addresses, names and links that open accounts; logs print what they are given.
        return f"Mail({len(self.text)} characters)"


class Mailer(Protocol):
    """Carries mail, sooner or later."""

    async def send(self, mail: Mail) -> None:
        """Take a mail and return at once; it is carried in the background.

        Raises:
            ConnectionError: too many wait already; nothing was taken.
        """
        ...

    def counts(self) -> Mapping[str, int]:
        """Return what metrics show: mails that wait, were sent, given up, tried again."""
        ...
