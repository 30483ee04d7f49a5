"""Rows of every table that is behind the wall between organisations (`storage/tenancy.py`)."""

# One row of everything an organisation has; $1 is its id, which serves as the id of everything.
ROWS = (
    """
    INSERT INTO organisations (organisation_id, name, slug)
    VALUES ($1, 'name', encode(uuid_send($1), 'hex'))
    """,
    """
    INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at)
    VALUES ($1, $1, encode(uuid_send($1), 'hex'), 'title', 'EUR', now())
    """,
    "INSERT INTO pools (pool_id, event_id, position, name, capacity) VALUES ($1, $1, 0, 'pool', 10)",
    """
    INSERT INTO ticket_types (ticket_type_id, event_id, position, name, price_minor, currency)
    VALUES ($1, $1, 0, 'type', 100, 'EUR')
    """,
    "INSERT INTO ticket_type_pools VALUES ($1, $1)",
    """
    INSERT INTO orders (order_id, event_id, hold_id, buyer_id, amount_minor, currency, lease_owner,
        lease_until, created_at, updated_at)
    VALUES ($1, $1, $1, $1, 100, 'EUR', '', now(), now(), now())
    """,
    "INSERT INTO order_lines VALUES ($1, 0, 0, 1, 100)",
    """
    INSERT INTO payments (payment_id, provider, amount_minor, currency, created_at, updated_at)
    VALUES ($1, 'sandbox', 100, 'EUR', now(), now())
    """,
    """
    INSERT INTO tickets (ticket_id, order_id, event_id, buyer_id, ticket_type, issued_at)
    VALUES ($1, $1, $1, $1, 0, now())
    """,
    """
    INSERT INTO users (user_id, buyer_id, state, email_lookup, email_sealed, name_sealed, locale,
        password_hash, created_at, updated_at)
    VALUES ($1, $1, 'active', sha256(uuid_send($1)), '', '', 'en', '', now(), now())
    """,
    """
    INSERT INTO members (member_id, organisation_id, user_id, role, created_at)
    VALUES ($1, $1, $1, 'owner', now())
    """,
    """
    INSERT INTO invitations (invitation_id, organisation_id, role, email_hash, email_sealed, token_hash,
        invited_by, created_at, expires_at)
    VALUES ($1, $1, 'viewer', '', '', sha256(uuid_send($1)), $1, now(), now() + interval '1 day')
    """,
    """
    INSERT INTO api_tokens (token_id, organisation_id, kind, name, prefix, token_hash, scopes, created_by,
        created_at, expires_at)
    VALUES ($1, $1, 'key', 'name', 'prefix', sha256(uuid_send($1)), '{events.read}', $1, now(),
        now() + interval '1 day')
    """,
    "INSERT INTO audit_heads VALUES ($1, 1, sha256(''), '')",
    """
    INSERT INTO audit_entries
    VALUES ($1, 1, now(), '', 'a.b', '', '{}', '{}', '', '', sha256(''), sha256(''))
    """,
    "INSERT INTO venues (venue_id, organisation_id, name, time_zone) VALUES ($1, $1, 'name', 'UTC')",
    "INSERT INTO series (series_id, organisation_id, title, rule) VALUES ($1, $1, 'title', '')",
    """
    INSERT INTO event_changes (operation_id, event_id, organisation_id, kind, commands, effect)
    VALUES ($1, $1, $1, 'kind', '', '')
    """,
    """
    INSERT INTO questions (question_id, event_id, position, per, label, kind)
    VALUES ($1, $1, 0, 'order', 'label', 'text')
    """,
    """
    INSERT INTO vouchers (voucher_id, event_id, fingerprint, code_sealed, kind, amount_minor)
    VALUES ($1, $1, uuid_send($1), sha256('CODE'), 'discount', 100)
    """,
    "INSERT INTO ticket_type_tiers (ticket_type_id, number, position, price_minor) VALUES ($1, 1, 0, 100)",
    """
    INSERT INTO order_answers (order_id, position, question_id, buyer_id, label, answer_sealed)
    VALUES ($1, 0, $1, $1, 'label', '')
    """,
    "INSERT INTO sale_standings VALUES ($1, 1, '{}')",
    "INSERT INTO setup_parts VALUES ($1, $1, $1)",
    "INSERT INTO venue_followers VALUES ($1, $1, '')",
    "INSERT INTO renamed_organisations VALUES ($1)",
)
TABLES = (
    "organisations", "events", "pools", "ticket_types", "ticket_type_pools", "orders", "order_lines",
    "tickets", "members", "invitations", "api_tokens", "audit_heads", "audit_entries", "venues", "series",
    "event_changes", "questions", "vouchers", "ticket_type_tiers", "order_answers", "sale_standings",
    "setup_parts", "venue_followers", "renamed_organisations",
)  # fmt: skip
# Written by one organisation about another: both see them. They have tests of their own.
SHARED_TABLES = ("event_grants", "grant_acceptances")
# What the tenant may change, by a column that a statement without WHERE sets to what it is already.
CHANGED = {
    "organisations": "name", "events": "title", "pools": "name", "ticket_types": "name",
    "members": "role", "invitations": "role", "api_tokens": "name", "venues": "name", "series": "title",
    "event_changes": "kind", "questions": "label", "vouchers": "batch", "ticket_type_tiers": "name",
    "setup_parts": "setup_id", "venue_followers": "told", "ticket_type_pools": "pool_id",
    "renamed_organisations": "starts_at",
}  # fmt: skip
# One more row that names what is theirs, $1; what makes it wrong in no other way than whose it is.
FOREIGN_ROWS = {
    "venues": """
        INSERT INTO venues (venue_id, organisation_id, name, time_zone)
        VALUES (gen_random_uuid(), $1, 'name', 'UTC')
        """,
    "series": """
        INSERT INTO series (series_id, organisation_id, title, rule)
        VALUES (gen_random_uuid(), $1, 'title', '')
        """,
    "event_changes": """
        INSERT INTO event_changes (operation_id, event_id, organisation_id, kind, commands, effect, state)
        VALUES (gen_random_uuid(), $1, $1, 'kind', '', '', 'done')
        """,
    "questions": """
        INSERT INTO questions (question_id, event_id, position, per, label, kind)
        VALUES (gen_random_uuid(), $1, 1, 'order', 'label', 'text')
        """,
    "vouchers": """
        INSERT INTO vouchers (voucher_id, event_id, fingerprint, code_sealed, kind, amount_minor)
        VALUES (gen_random_uuid(), $1, uuid_send(gen_random_uuid()), sha256('OTHER'), 'discount', 100)
        """,
    "ticket_type_tiers": """
        INSERT INTO ticket_type_tiers (ticket_type_id, number, position, price_minor) VALUES ($1, 2, 1, 100)
        """,
    "setup_parts": "INSERT INTO setup_parts VALUES (gen_random_uuid(), $1, $1)",
    "venue_followers": "INSERT INTO venue_followers VALUES ($1, $1, '')",
    "renamed_organisations": "INSERT INTO renamed_organisations VALUES ($1)",
    # What is sold is nobody's to write, ours included.
    "order_answers": """
        INSERT INTO order_answers (order_id, position, question_id, buyer_id, label, answer_sealed)
        VALUES ($1, 1, gen_random_uuid(), $1, 'label', '')
        """,
    "sale_standings": "INSERT INTO sale_standings VALUES ($1, 1, '{}')",
    "pools": """
        INSERT INTO pools (pool_id, event_id, position, name, capacity)
        VALUES (gen_random_uuid(), $1, 9, '', 1)
        """,
    "ticket_types": """
        INSERT INTO ticket_types (ticket_type_id, event_id, position, name, price_minor, currency)
        VALUES (gen_random_uuid(), $1, 9, 'type', 100, 'EUR')
        """,
    "ticket_type_pools": "INSERT INTO ticket_type_pools VALUES ($1, $1)",
    "events": """
        INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at)
        VALUES (gen_random_uuid(), $1, 'slug', 'title', 'EUR', now())
        """,
    "organisations": "INSERT INTO organisations (organisation_id, name, slug) VALUES ($1, 'name', 'slug')",
    "members": """
        INSERT INTO members (member_id, organisation_id, user_id, role, created_at)
        VALUES (gen_random_uuid(), $1, $1, 'owner', now())
        """,
    "invitations": """
        INSERT INTO invitations (invitation_id, organisation_id, role, email_hash, email_sealed, token_hash,
            invited_by, created_at, expires_at)
        VALUES (gen_random_uuid(), $1, 'viewer', 'x', '', sha256('x'), $1, now(), now() + interval '1 day')
        """,
    "api_tokens": """
        INSERT INTO api_tokens (token_id, organisation_id, kind, name, prefix, token_hash, scopes, created_by,
            created_at, expires_at)
        VALUES (gen_random_uuid(), $1, 'key', 'name', 'prefix', sha256('x'), '{events.read}', $1, now(),
            now() + interval '1 day')
        """,
    "audit_heads": "INSERT INTO audit_heads VALUES ($1, 1, sha256(''), '')",
    "audit_entries": """
        INSERT INTO audit_entries
        VALUES ($1, 2, now(), '', 'a.b', '', '{}', '{}', '', '', sha256(''), sha256(''))
        """,
}  # fmt: skip
