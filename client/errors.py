"""What a client may have to tell its caller instead of an answer."""

from collections.abc import Mapping


class BiltenError(Exception):
    """Anything below."""


class Refused(BiltenError):
    """The server said no, and nothing changed.

    Attributes:
        code: what to branch on; the list is in docs/protocol.md.
        message: an English sentence for people.
        retry_after_ms: when to try again, None where that makes no sense.
        details: what the code needs to be understood, such as `free` with `sold_out`.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        retry_after_ms: int | None = None,
        details: Mapping[str, str | int | None] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.details = dict(details or {})


class GaveUp(BiltenError):
    """No answer came in time, and nobody knows yet what became of the operation.

    Attributes:
        operation: the operation's id, None for a mere question. Asking again with it gives the first answer
            if there was one, and does it now if not.
    """

    def __init__(self, what: str, operation: str | None) -> None:
        super().__init__(f"no answer to {what} in time")
        self.operation = operation


class NotConnected(BiltenError):
    """No connection could be made in time, or the client is closed."""
