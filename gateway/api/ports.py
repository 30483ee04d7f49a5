"""What the pipeline asks of others."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Protocol

import msgspec

from domain.identity import Attempt, Identity
from domain.ids import EventId, OrganisationId
from domain.refusals import Refusal
from gateway.api.route import LimitClass


class Identities(Protocol):
    """Says who a token is. A revoked one is nobody's within a second."""

    async def of_session(self, token: str) -> Identity | None:
        """Return who a session's token opens. Raises `ConnectionError`."""
        ...

    async def anew(self, token: str) -> Identity | None:
        """Return the same as it is now, when somebody may just have been given what they ask for. Raises
        `ConnectionError`.
        """
        ...

    async def of_key(self, token: str) -> Identity | None:
        """Return who an API key's or a device's token is. Raises `ConnectionError`."""
        ...


class EventOwners(Protocol):
    """Knows who works on an event."""

    async def works_on(self, organisation_id: OrganisationId, event_id: EventId) -> bool:
        """Say whether an organisation may see an event among its own. Raises `ConnectionError`."""
        ...


class Allowance(msgspec.Struct, frozen=True):
    """What a limit says about one request.

    Attributes:
        headers: what the client is told of its quota.
    """

    refusal: Refusal | None = None
    headers: Mapping[str, str] = {}


class Rates(Protocol):
    """How often somebody may ask."""

    async def take(self, limit: LimitClass, identity: Identity, address: str) -> Allowance:
        """Count one request."""
        ...


class Rendered(msgspec.Struct, frozen=True):
    """A whole answer, as it is sent, and sent once more when its request is repeated.

    Attributes:
        session_token: becomes the session cookie; "" removes it, None leaves it alone.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    session_token: str | None = None


class Streamed(msgspec.Struct, frozen=True):
    """An answer that is made while it is sent. It is never sent once more."""

    status: int
    headers: tuple[tuple[str, str], ...]
    parts: AsyncIterator[bytes]


class Repetitions(Protocol):
    """Remembers what was answered to a request that may be repeated."""

    async def once(
        self,
        scope: bytes,
        key: str,
        request: bytes,
        work: Callable[[Attempt], Coroutine[Any, Any, Rendered | Refusal]],
        again: Callable[[str], Coroutine[Any, Any, Rendered | Refusal]],
    ) -> Rendered | Refusal:
        """Do the work, or return what it gave the first time.

        Args:
            scope: whose key it is.
            key: the client's.
            request: everything that makes two requests the same.
            work: done at most once at a time, and not again once it gave an answer or its transaction has
                marked the attempt.
            again: answers in place of `work` where it was marked and the answer is not known; takes what
                `storage.repeated_requests.mark` was told.
        """
        ...

    async def repeated(
        self,
        scope: bytes,
        key: str,
        request: bytes,
        again: Callable[[str], Coroutine[Any, Any, Rendered | Refusal]],
    ) -> Rendered | Refusal | None:
        """Return what the same request was answered, or `again` would; None if nothing came of it."""
        ...
