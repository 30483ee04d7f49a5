"""The letter that invites somebody."""

from typing import Final

from domain.roles import Role
from services.notifications.letters import letter
from services.notifications.port import Mail

# How a role is called in a sentence.
ROLE_NAMES: Final = {
    Role.OWNER: "an owner",
    Role.ADMIN: "an administrator",
    Role.EVENT_MANAGER: "an event manager",
    Role.FINANCE: "a member for finance",
    Role.BOX_OFFICE: "a member for the box office",
    Role.SCANNER: "a member who scans tickets",
    Role.VIEWER: "a member who may look",
}


class InvitationLetters:
    """Writes letters with links to the pages below `url`. The token stands in the fragment, which no browser
    sends anywhere and no log has.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def invitation(self, to: str, organisation: str, role: Role, event: str | None, token: str) -> Mail:
        """Invite somebody, as what, and for which event by its title."""
        scope = f", for the event {event}" if event else ""
        return letter(
            to,
            f"Join {organisation} at Bilten",
            [
                "Hello,",
                f"{organisation} invites you to join them at Bilten as {ROLE_NAMES[role]}{scope}.",
                "The link is good once, for a week, and for this address only.",
            ],
            link=("Accept the invitation", f"{self._url}/invitation#token={token}"),
            closing=["If you did not expect this, you need not do anything."],
        )
