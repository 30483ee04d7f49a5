"""Where the places of a pool are, and the tickets of a type. Changed by `domain.applying` only."""


class PoolCounts:
    """The four places where a pool's capacity can be. All count single places.

    Attributes:
        blocked: those of the withheld places that are left of vouchers' blocks.
    """

    __slots__ = ("blocked", "capacity", "free", "held", "sold", "withheld")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.free = capacity
        self.held = 0
        self.sold = 0
        self.withheld = 0
        self.blocked = 0

    def check(self) -> None:
        """Assert the invariant that all of Bilten rests on."""
        free, held, sold, withheld = self.free, self.held, self.sold, self.withheld
        assert free + held + sold + withheld == self.capacity, self.as_tuple()
        assert free >= 0 <= held, self.as_tuple()
        assert sold >= 0 <= withheld, self.as_tuple()

    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """Return (capacity, free, held, sold, withheld)."""
        return self.capacity, self.free, self.held, self.sold, self.withheld


class TypeCounts:
    """How many tickets of one type are held and sold.

    Attributes:
        tiers: held and sold together, by number of the tier; all others are in tier 0.
    """

    __slots__ = ("held", "sold", "tiers")

    def __init__(self) -> None:
        self.held = 0
        self.sold = 0
        self.tiers: dict[int, int] = {}

    def in_tier(self, number: int) -> int:
        """Return how many tickets count in a tier."""
        if number:
            return self.tiers.get(number, 0)
        return self.held + self.sold - sum(self.tiers.values())
