"""From which address somebody asks, when proxies stand in front of the gateway.

The peer of the connection is who asks, unless it is a proxy that the settings trust. A trusted proxy has
added the address that it was asked from at the right end of `X-Forwarded-For`; so that is read from there,
past every hop that is trusted itself, and the first that is not is the client. What stands further left was
written by the client, or by somebody nobody vouches for, and is never believed.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HEADER: Final = "X-Forwarded-For"
# Nobody stands behind so many proxies; a longer chain was made to be long.
HOPS_MAX: Final = 20

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return from where somebody asks.

    Args:
        peer: the other end of the connection.
        forwarded: the values of all `X-Forwarded-For` headers, in their order.
        trusted: where our proxies are.
    """
    nearest = _address(peer)
    if nearest is None or not _is_in(nearest, trusted):
        return peer
    hops = [hop for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-HOPS_MAX:]):
        address = _address(hop)
        if address is None:
            # What a proxy of ours can't have written: it ends what can be known.
            break
        nearest = address
        if not _is_in(address, trusted):
            break
    return str(nearest)


def behind_proxies(trusted: Sequence[Network]) -> Middleware:
    """Return the middleware that makes `request.remote` the client's address, for limits and the audit log
    alike. It comes before everything that asks for it.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer = request.remote or ""
        address = client_address(peer, request.headers.getall(HEADER, ()), trusted)
        return await handler(request if address == peer else request.clone(remote=address))

    return middleware


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    """Return an address; some proxies write a port behind it."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
