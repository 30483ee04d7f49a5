"""What everybody may know of an organisation."""

import msgspec

from domain.ids import OrganisationId
from storage.postgres import Pool, asking


class OrganisationProfile(msgspec.Struct, frozen=True):
    """An organisation as its page shows it; the description is Markdown."""

    organisation_id: OrganisationId
    name: str
    slug: str
    description: str
    website: str
    contact_email: str


async def find_profile(pool: Pool, slug: str) -> OrganisationProfile | None:
    """Return the organisation with an address, None if there is none or it is not active."""
    async with asking(pool) as connection:
        row = await connection.fetchrow(
            """
            SELECT organisation_id, name, slug, description, website, contact_email FROM organisations
            WHERE slug = $1 AND standing = 'active'
            """,
            slug,
        )
    return None if row is None else OrganisationProfile(*row)
