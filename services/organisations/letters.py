"""The letter that invites somebody."""

from domain.roles import Role
from services.notifications.letters import foreign_name
from services.notifications.port import Mail
from services.notifications.writing import Recipient, Writer


class InvitationLetters:
    """Writes letters with links to the pages below `url`. The token stands in the fragment, which no browser
    sends anywhere and no log has.
    """

    def __init__(self, url: str) -> None:
        self._writer = Writer(url)

    def invitation(self, to: Recipient, organisation: str, role: Role, event: str | None, token: str) -> Mail:
        """Invite somebody, as what, and for which event by its title."""
        return self._writer.write(
            "invitation",
            to,
            f"/invitation#token={token}",
            closing="invitation.closing",
            organisation=foreign_name(organisation),
            role=role,
            scope="event" if event else "all",
            event=foreign_name(event) if event else "",
        )
