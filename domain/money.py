"""Money: integer minor units and an ISO 4217 currency; never a float."""

from typing import Final

import msgspec

# The digits after the point, from ISO 4217 (list one); every currency not named here has two.
_EXPONENTS: Final = {
    "BHD": 3, "BIF": 0, "CLF": 4, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0,
    "KMF": 0, "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "UYI": 0,
    "UYW": 4, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip

AMOUNT_MINOR_MAX: Final = 10**12


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were added: a bug in the caller, never bad input."""


class Money(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An amount.

    Attributes:
        minor: the amount in the currency's smallest unit (cents for EUR, yen for JPY); negative for what is
            given back.
        currency: three capital letters of ISO 4217.
    """

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return Money(self.minor + other.minor, self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(self.minor * quantity, self.currency)

    def __str__(self) -> str:
        exponent = currency_exponent(self.currency)
        if not exponent:
            return f"{self.minor} {self.currency}"
        sign = "-" if self.minor < 0 else ""
        major, minor = divmod(abs(self.minor), 10**exponent)
        return f"{sign}{major}.{minor:0{exponent}d} {self.currency}"


def currency_exponent(currency: str) -> int:
    """Return how many decimal digits the currency has."""
    return _EXPONENTS.get(currency, 2)
