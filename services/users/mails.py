"""The letters that accounts need.

Links carry their token in the fragment, which no browser sends anywhere and no proxy writes into a log; the
page there sends it with a POST, so that nothing happens when a program of the receiver follows every link.

Letters to an address that nobody has confirmed say no name: it was typed by whoever asked for them, who may
be anybody, and would be a stranger's words in our letter.
"""

import enum

from services.notifications.port import Mail
from services.notifications.writing import Recipient, Writer


class FactorChange(enum.StrEnum):
    """What was done to somebody's second factors."""

    TOTP_ADDED = "totp_added"
    TOTP_DROPPED = "totp_dropped"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_DROPPED = "passkey_dropped"


class AccountLetters:
    """Writes letters with links to the pages below `url`."""

    def __init__(self, url: str) -> None:
        self._writer = Writer(url)

    def confirm_sign_up(self, to: Recipient, token: str) -> Mail:
        return self._writer.write("confirm_sign_up", to, f"/sign-up/confirm#token={token}", closing="ignore")

    def already_signed_up(self, to: Recipient) -> Mail:
        return self._writer.write("already_signed_up", to, "/sign-in", closing="already_signed_up.closing")

    def reset_password(self, to: Recipient, token: str) -> Mail:
        page = f"/password-reset/confirm#token={token}"
        return self._writer.write("reset_password", to, page, closing="ignore")

    def password_changed(self, to: Recipient) -> Mail:
        return self._writer.write("password_changed", to, "/password-reset")

    def confirm_email(self, to: Recipient, token: str) -> Mail:
        page = f"/account/email/confirm#token={token}"
        return self._writer.write("confirm_email", to, page, closing="ignore")

    def email_in_use(self, to: Recipient) -> Mail:
        return self._writer.write("email_in_use", to)

    def email_changed(self, to: Recipient) -> Mail:
        return self._writer.write("email_changed", to)

    def erased(self, to: Recipient) -> Mail:
        return self._writer.write("erased", to, closing="erased.closing")

    def second_factors_removed(self, to: Recipient) -> Mail:
        return self._writer.write("second_factors_removed", to, "/password-reset")

    def second_factor_changed(self, to: Recipient, change: FactorChange) -> Mail:
        return self._writer.write("second_factor", to, "/account/security", change=change)
