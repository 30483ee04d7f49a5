"""One of everything that an organisation has, by the name under which it stands in the paths of routes."""

import msgspec

from domain.ids import EVENT, ORGANISATION, VOUCHER, EventId, OrganisationId, parse, text
from tests.gateway.api.cast import Cast, Figure, open_session
from tests.gateway.stage import Stage, Works, catalogue_file, fresh

_GIVEN = "WITH given AS (SELECT $1::uuid AS id, $2::uuid AS organisation, $3::uuid AS event) "
_TOKEN = """
    INSERT INTO api_tokens (token_id, organisation_id, kind, name, prefix, token_hash, scopes, created_by,
        created_at, expires_at)
    SELECT id, organisation, '{kind}', 'Test', 'prefix', sha256(uuid_send(id)), '{{events.read}}', id, now(),
        now() + interval '1 day' FROM given
    ON CONFLICT (token_id) DO UPDATE SET revoked_at = NULL
    """
_OTHER = """
    INSERT INTO organisations (organisation_id, name, slug) SELECT id, 'Guest', 'guest-' || id FROM given
    ON CONFLICT DO NOTHING
    """
# What makes each, and puts it back if somebody has removed it.
_MAKES = {
    "venue": (
        """
        INSERT INTO venues (venue_id, organisation_id, name, time_zone)
        SELECT id, organisation, 'Hall', 'UTC' FROM given ON CONFLICT DO NOTHING
        """,
    ),
    "series": (
        """
        INSERT INTO series (series_id, organisation_id, title, rule)
        SELECT id, organisation, 'Series', '{}' FROM given ON CONFLICT DO NOTHING
        """,
        "UPDATE events SET series_id = id FROM given WHERE event_id = event AND series_id IS NULL",
    ),
    "order": (
        """
        INSERT INTO orders (order_id, event_id, hold_id, buyer_id, state, amount_minor, currency, lease_owner,
            lease_until, created_at, updated_at, finished_at)
        SELECT id, event, id, id, 'failed', 1500, 'EUR', '', now(), now(), now(), now() FROM given
        ON CONFLICT DO NOTHING
        """,
        "INSERT INTO order_lines SELECT id, 0, 0, 1, 1500 FROM given ON CONFLICT DO NOTHING",
    ),
    "member": (
        """
        INSERT INTO users (user_id, buyer_id, state, email_lookup, email_sealed, name_sealed, locale,
            password_hash, created_at, updated_at)
        SELECT id, id, 'unconfirmed', sha256(uuid_send(id)), '', '', 'en', '', now(), now() FROM given
        ON CONFLICT DO NOTHING
        """,
        """
        INSERT INTO members (member_id, organisation_id, user_id, role, created_at)
        SELECT id, organisation, id, 'viewer', now() FROM given ON CONFLICT DO NOTHING
        """,
    ),
    "invitation": (
        """
        INSERT INTO invitations (invitation_id, organisation_id, role, email_hash, email_sealed, token_hash,
            invited_by, created_at, expires_at)
        SELECT id, organisation, 'viewer', uuid_send(id), '', sha256(uuid_send(id)), id, now(),
            now() + interval '1 day' FROM given
        ON CONFLICT DO NOTHING
        """,
    ),
    "key": (_TOKEN.format(kind="key"),),
    "device": (_TOKEN.format(kind="device"),),
    # Another organisation that is asked to work on the event.
    "guest": (
        _OTHER,
        "INSERT INTO event_grants SELECT event, id, false FROM given ON CONFLICT DO NOTHING",
    ),
    # An event of another organisation that this one is asked to work on.
    "hosted": (
        _OTHER,
        """
        INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at, status)
        SELECT id, id, 'hosted-' || id, 'Hosted', 'EUR', now(), 'draft' FROM given ON CONFLICT DO NOTHING
        """,
        "INSERT INTO event_grants SELECT id, organisation, false FROM given ON CONFLICT DO NOTHING",
    ),
}
# What is made by the sale or goes to it, and is never removed.
_IN_THE_SALE = ("pool", "voucher")
NAMES = frozenset((*_MAKES, *_IN_THE_SALE))
OF_AN_EVENT = frozenset(("pool", "voucher", "order", "guest"))
_ROWS = {
    "pool": "pools WHERE pool_id = $1",
    "voucher": "vouchers WHERE voucher_id = $1",
    "venue": "venues WHERE venue_id = $1",
    "series": "series WHERE series_id = $1",
    "order": "orders WHERE order_id = $1",
    "member": "members WHERE member_id = $1",
    "invitation": "invitations WHERE invitation_id = $1",
    "key": "api_tokens WHERE token_id = $1",
    "device": "api_tokens WHERE token_id = $1",
    "guest": "event_grants WHERE organisation_id = $1",
    "hosted": "event_grants LEFT JOIN grant_acceptances USING (event_id) WHERE event_id = $1",
}


class Belongings(msgspec.Struct, frozen=True):
    """What an organisation has; `ids` are by the names in paths."""

    organisation_id: OrganisationId
    event_id: EventId
    ids: dict[str, bytes]

    async def put_back(self, made: Works, name: str) -> None:
        """Make one of them anew if it was removed."""
        for statement in _MAKES.get(name, ()):
            await made.pool.execute(
                f"{_GIVEN} {statement}", self.ids[name], self.organisation_id, self.event_id
            )

    async def row(self, made: Works, name: str) -> str:
        """Return one of them as it is stored."""
        rows = await made.pool.fetch(f"SELECT * FROM {_ROWS[name]}", self.ids[name])
        assert rows, name
        return repr(rows)


async def belongings_of(
    stage: Stage, owner: Figure, organisation_id: OrganisationId, event_id: EventId
) -> Belongings:
    """Make one of everything around an event."""
    record = await stage.works.catalogue.find(event_id)
    assert record is not None
    path = f"/organisations/{text(ORGANISATION, organisation_id)}/events/{text(EVENT, event_id)}/vouchers"
    async with stage.http.post(
        f"{stage.url}/api/v1{path}",
        json={"code": "EARLY", "amount_minor": 100},
        headers={"Cookie": f"bilten={await open_session(stage.works, owner)}"},
    ) as answer:
        assert answer.status == 201, await answer.text()
        voucher = parse(VOUCHER, (await answer.json())["voucher"])
    ids = {"pool": record.pools[0].pool_id, "voucher": voucher} | {name: fresh() for name in _MAKES}
    made = Belongings(organisation_id, event_id, ids)
    for name in _MAKES:
        await made.put_back(stage.works, name)
    return made


async def own_and_others(stage: Stage, cast: Cast) -> tuple[Belongings, list[Belongings]]:
    """Return what the own organisation has around its event, and what it has not: the foreign organisation's,
    and what stands around another event of its own.
    """
    by_name = {figure.name: figure for figure in cast.figures}
    _, second = await stage.works.load(catalogue_file())
    assert second.organisation_id == cast.organisation_id
    own = await belongings_of(stage, by_name["owner"], cast.organisation_id, cast.event_id)
    foreign = await belongings_of(
        stage, by_name["foreign owner"], cast.foreign_organisation_id, cast.foreign_event_id
    )
    other = await belongings_of(stage, by_name["owner"], cast.organisation_id, second.event_id)
    return own, [foreign, other]
