"""How often somebody may use the API."""

from typing import Annotated

from msgspec import Meta

from cluster.settings_section import Section


def _per_s(what: str) -> Meta:
    return Meta(gt=0, le=1_000_000, description=f"{what} per second, averaged")


def _burst(what: str) -> Meta:
    return Meta(ge=1, le=1_000_000, description=f"{what} at once")


class LimitSettings(Section, frozen=True, kw_only=True):
    """How often somebody may ask, by class. Each guest, user, key and device has its own quota; signing in
    and up count by address, purchases and codes by both (codes ten times as often by address). Without Redis,
    sign_in, sign_up, purchase and codes are refused.
    """

    browse_per_s: Annotated[float, _per_s("What a guest may read")] = 20.0
    browse_burst: Annotated[int, _burst("What a guest may read")] = 100
    sign_in_per_s: Annotated[float, _per_s("Tries to sign in from an address")] = 0.5
    sign_in_burst: Annotated[int, _burst("Tries to sign in from an address")] = 20
    sign_up_per_s: Annotated[float, _per_s("Accounts and password resets asked for from an address")] = 0.2
    sign_up_burst: Annotated[int, _burst("Accounts and password resets asked for from an address")] = 20
    purchase_per_s: Annotated[float, _per_s("Purchases a buyer may try")] = 1.0
    purchase_burst: Annotated[int, _burst("Purchases a buyer may try")] = 10
    purchase_address_per_s: Annotated[float, _per_s("Purchases an address may try")] = 10.0
    purchase_address_burst: Annotated[int, _burst("Purchases an address may try")] = 500
    codes_per_s: Annotated[float, _per_s("Holds with vouchers and access codes of a buyer")] = 0.5
    codes_burst: Annotated[int, _burst("Holds with vouchers and access codes of a buyer")] = 20
    organizer_per_s: Annotated[float, _per_s("What an organizer may do")] = 10.0
    organizer_burst: Annotated[int, _burst("What an organizer may do")] = 100
    device_per_s: Annotated[float, _per_s("What a device may do")] = 20.0
    device_burst: Annotated[int, _burst("What a device may do")] = 100
    user_factor: Annotated[
        float, Meta(gt=0, le=1_000, description="How many times that somebody has who is signed in")
    ] = 2.0
    key_factor: Annotated[float, Meta(gt=0, le=1_000, description="How many times that an API key has")] = 5.0
