"""The event service: what there is to go to, and how it comes about."""

from services.events.sales import Events, Sale, SaleType, sale_of

__all__ = ["Events", "Sale", "SaleType", "sale_of"]
