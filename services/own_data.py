"""What is known of somebody, handed over to them: one document with everything that can be read of them."""

from collections.abc import Callable

from domain.identity import Identity
from domain.refusals import Code, Refusal
from services.models import Model, TimeMs
from services.orders import BuyerOrders, OrderDetails
from services.users.account import AccountService
from services.users.factors import FactorService
from services.users.models import PasskeyView, SessionView, UserView


class OwnDataView(Model):
    """Everything that is known of somebody."""

    made_at_ms: TimeMs
    profile: UserView
    """With what they are in organisations."""
    sessions: tuple[SessionView, ...]
    passkeys: tuple[PasskeyView, ...]
    orders: tuple[OrderDetails, ...]
    """With their tickets and answers, newest first."""
    are_all_orders: bool
    """Whether none is left out: a document has so many at most."""


class OwnData:
    """Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        account: AccountService,
        factors: FactorService,
        orders: BuyerOrders,
        clock: Callable[[], int],
    ) -> None:
        self._account = account
        self._factors = factors
        self._orders = orders
        self._clock = clock

    async def of(self, identity: Identity) -> OwnDataView | Refusal:
        """Return everything of a user; refused without a fresh proof, so that a browser that somebody finds
        signed in does not give it away.
        """
        now_ms = self._clock()
        if identity.stepped_up_until_ms <= now_ms:
            return Refusal(Code.STEP_UP_NEEDED)
        profile = await self._account.me(identity)
        if isinstance(profile, Refusal):
            return profile
        orders, are_all = await self._orders.everything_of(await self._account.buyers(identity))
        return OwnDataView(
            made_at_ms=now_ms,
            profile=profile,
            sessions=(await self._account.sessions(identity)).items,
            passkeys=(await self._factors.passkeys(identity)).items,
            orders=tuple(orders),
            are_all_orders=are_all,
        )
