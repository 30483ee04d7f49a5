"""Requests that come twice."""

from collections.abc import Awaitable, Callable

from domain.refusals import Refusal
from gateway.api.ports import Rendered


class Answers:
    """Does the work each time."""

    async def once(
        self,
        scope: bytes,  # noqa: ARG002
        key: str,  # noqa: ARG002
        request: bytes,  # noqa: ARG002
        work: Callable[[], Awaitable[Rendered | Refusal]],
    ) -> Rendered | Refusal:
        """Do the work."""
        return await work()
