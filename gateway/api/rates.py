"""How often somebody may use the API: a class of limits for each route, a quota for each who asks
(docs/decisions/rate-limits.md).
"""

import math
from typing import Final

from domain.identity import Identity
from domain.refusals import Code, Refusal
from gateway.api.ports import Allowance
from gateway.api.route import LimitClass
from gateway.limits import ClassRates, Counted, Limiter, Rate

# Guessing passwords and cards is what these are there to stop: they don't go on uncounted.
CLOSED_WITHOUT_REDIS: Final = frozenset({LimitClass.SIGN_IN, LimitClass.SIGN_UP, LimitClass.PURCHASE})
BY_ADDRESS: Final = frozenset({LimitClass.SIGN_IN, LimitClass.SIGN_UP})
_FAIL_CLOSED_RETRY_MS: Final = 1_000


class ApiRates:
    """Counts requests of one gateway process, with all others through Redis."""

    def __init__(self, limiter: Limiter, rates: ClassRates) -> None:
        self._limiter = limiter
        self._rates = rates

    async def take(self, limit: LimitClass, identity: Identity, address: str) -> Allowance:
        """Count one request. A device has one quota for all that it does: it hangs at a gate, and asks for
        its own event.
        """
        if identity.device_id is not None and limit not in BY_ADDRESS:
            limit = LimitClass.DEVICE
        key = _who(identity)
        rate: Rate = getattr(self._rates, limit.value)
        if key is None or limit in BY_ADDRESS:
            if self._limiter.is_exempt(address):
                return Allowance()
            key = f"address:{address}"
        else:
            factor = self._factor(identity)
            rate = Rate(rate.per_s * factor, max(1, round(rate.burst * factor)))
        counted = await self._limiter.count(
            f"api-{limit.value}", key, rate, is_closed_alone=limit in CLOSED_WITHOUT_REDIS
        )
        if counted is None:
            return Allowance(Refusal(Code.BUSY, _FAIL_CLOSED_RETRY_MS))
        refusal = Refusal(Code.RATE_LIMITED, counted.wait_ms) if counted.wait_ms else None
        return Allowance(refusal, _headers(limit, rate, counted))

    def _factor(self, identity: Identity) -> float:
        if identity.api_key_id is not None:
            return self._rates.key_factor
        return 1.0 if identity.user_id is None else self._rates.user_factor


def _who(identity: Identity) -> str | None:
    """Return whose quota a request counts against, None for nobody in particular."""
    for kind, found in (
        ("key", identity.api_key_id),
        ("device", identity.device_id),
        ("user", identity.user_id),
        ("buyer", identity.buyer_id),
    ):
        if found is not None:
            return f"{kind}:{found.hex()}"
    return None


def _headers(limit: LimitClass, rate: Rate, counted: Counted) -> dict[str, str]:
    """Return what draft-ietf-httpapi-ratelimit-headers says about a quota: `q` requests in `w` seconds, of
    which `r` are left until `t` seconds from now.
    """
    window_s = math.ceil(rate.burst / rate.per_s)
    reset_s = math.ceil(counted.reset_ms / 1000)
    return {
        "RateLimit-Policy": f'"{limit.value}";q={rate.burst};w={window_s}',
        "RateLimit": f'"{limit.value}";r={counted.remaining};t={reset_s}',
    }
