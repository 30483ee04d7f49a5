"""The letters that accounts need.

Links carry their token in the fragment, which no browser sends anywhere and no proxy writes into a log; the
page there sends it with a POST, so that nothing happens when a program of the receiver follows every link.
"""

from typing import Final

from services.notifications.letters import letter
from services.notifications.port import Mail

_IGNORE: Final = "If this was not you, you need not do anything: without the link nothing changes."


class AccountLetters:
    """Writes letters with links to the pages below `url`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def confirm_sign_up(self, to: str, name: str, token: str) -> Mail:
        return letter(
            to,
            "Confirm your address",
            [
                f"Hello {name},",
                "with this address an account at Bilten was asked for. The link is good for a day.",
            ],
            link=("Confirm my address", f"{self._url}/sign-up/confirm#token={token}"),
            closing=[_IGNORE],
        )

    def already_signed_up(self, to: str, name: str) -> Mail:
        return letter(
            to,
            "You have an account already",
            [
                f"Hello {name},",
                (
                    "somebody, probably you, wanted to make an account with this address. You have one: "
                    "sign in, or choose a new password if you forgot yours."
                ),
            ],
            link=("Sign in", f"{self._url}/sign-in"),
            closing=["If this was not you, you need not do anything."],
        )

    def reset_password(self, to: str, name: str, token: str) -> Mail:
        return letter(
            to,
            "Choose a new password",
            [f"Hello {name},", "here you can choose a new password. The link is good for an hour, and once."],
            link=("Choose a new password", f"{self._url}/password-reset/confirm#token={token}"),
            closing=[_IGNORE],
        )

    def password_changed(self, to: str, name: str) -> Mail:
        return letter(
            to,
            "Your password was changed",
            [
                f"Hello {name},",
                (
                    "your password was changed, and you were signed out everywhere else. "
                    "If this was not you, choose a new one now."
                ),
            ],
            link=("Choose a new password", f"{self._url}/password-reset"),
        )

    def confirm_email(self, to: str, name: str, token: str) -> Mail:
        return letter(
            to,
            "Confirm your new address",
            [f"Hello {name},", "with this link your account changes to this address. It is good for a day."],
            link=("Use this address", f"{self._url}/account/email/confirm#token={token}"),
            closing=[_IGNORE],
        )

    def email_in_use(self, to: str, name: str) -> Mail:
        return letter(
            to,
            "This address has an account already",
            [
                f"Hello {name},",
                (
                    "somebody wanted to change their account to this address, but it has one of its own. "
                    "Nothing was changed."
                ),
            ],
        )

    def email_changed(self, to: str, name: str) -> Mail:
        return letter(
            to,
            "Your address was changed",
            [
                f"Hello {name},",
                (
                    "your account has another address now, and no mail about it comes here any more. "
                    "If this was not you, tell us at once."
                ),
            ],
        )

    def erased(self, to: str, name: str) -> Mail:
        return letter(
            to,
            "Your account was erased",
            [
                f"Hello {name},",
                (
                    "your account at Bilten was erased, as you asked. What was known about you can't be "
                    "read any more. Tickets that you kept are good as before."
                ),
            ],
            closing=["This is our last letter to you."],
        )

    def second_factor_changed(self, to: str, name: str, what: str) -> Mail:
        return letter(
            to,
            "Your second factor was changed",
            [f"Hello {name},", f"{what} If this was not you, change your password now."],
            link=("Look at my account", f"{self._url}/account"),
        )
