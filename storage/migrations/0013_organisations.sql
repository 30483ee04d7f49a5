-- Whose data is whose (docs/decisions/row-level-security.md): the role that organisers' requests run under, the policies that show it one
-- organisation only, and what belongs to organisations: members, invitations, API tokens. And the audit log, which nobody changes.

-- The role owns nothing and can't sign in. Roles belong to the whole server, so it may be there already, or be made by two databases at
-- once. Whoever migrates becomes a member that may SET ROLE to it and gains nothing else by it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bilten_tenant') THEN
        BEGIN
            CREATE ROLE bilten_tenant NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    IF current_setting('server_version_num')::integer >= 160000 THEN
        IF NOT pg_has_role(current_user, 'bilten_tenant', 'SET') THEN
            EXECUTE 'GRANT bilten_tenant TO CURRENT_USER WITH INHERIT FALSE, SET TRUE';
        END IF;
    ELSIF NOT pg_has_role(current_user, 'bilten_tenant', 'MEMBER') THEN
        GRANT bilten_tenant TO CURRENT_USER;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the role bilten_tenant is missing, and % may not make it or act as it', current_user
        USING ERRCODE = 'insufficient_privilege', HINT = format(
            'as a superuser: CREATE ROLE bilten_tenant NOLOGIN; GRANT bilten_tenant TO %I; and migrate again', current_user);
END $$;
GRANT USAGE ON SCHEMA public TO bilten_tenant;

-- Whose data this transaction works on, NULL for nobody's. A setting that was local to a past transaction reads as ''.
CREATE FUNCTION tenant_organisation() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('bilten.organisation', true), '')::uuid;

-- How a table is guarded: shown to bilten_tenant where `condition` holds, and written by it where `allowed` does as well. Every table is
-- guarded or out of its reach altogether; tests/storage/test_tenancy.py holds later migrations to that. The owner's own statements (the
-- sale, purchases, public pages) are not limited, and cost nothing more.
CREATE FUNCTION guard_tenant_table(
    guarded   regclass,
    condition text DEFAULT 'organisation_id = tenant_organisation()',
    rights    text DEFAULT 'SELECT, INSERT, UPDATE, DELETE',
    allowed   text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
    EXECUTE format('DROP POLICY IF EXISTS tenant ON %s', guarded);
    EXECUTE format('CREATE POLICY tenant ON %s TO bilten_tenant USING (%s) WITH CHECK (%s)',
        guarded, condition, coalesce('(' || condition || ') AND (' || allowed || ')', condition));
    EXECUTE format('GRANT %s ON %s TO bilten_tenant', rights, guarded);
END
$$;
REVOKE EXECUTE ON FUNCTION guard_tenant_table FROM PUBLIC;

ALTER TABLE organisations
    ADD COLUMN description           text        NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
    ADD COLUMN website               text        NOT NULL DEFAULT '' CHECK (website = '' OR website ~ '^https?://'),
    ADD COLUMN contact_email         text        NOT NULL DEFAULT '',
    ADD COLUMN require_second_factor boolean     NOT NULL DEFAULT false,
    ADD COLUMN version               bigint      NOT NULL DEFAULT 1 CHECK (version >= 1),
    ADD COLUMN suspended_at          timestamptz;

-- A role in an organisation, or for one event of it. A person may have several, one a scope.
CREATE TABLE members (
    member_id       uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    user_id         uuid        NOT NULL REFERENCES users,
    event_id        uuid        REFERENCES events ON DELETE CASCADE,
    role            text        NOT NULL CHECK (
        role IN ('owner', 'admin', 'event_manager', 'finance', 'box_office', 'scanner', 'viewer')),
    version         bigint      NOT NULL DEFAULT 1 CHECK (version >= 1),
    created_at      timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (organisation_id, user_id, event_id),
    CHECK (event_id IS NULL OR role NOT IN ('owner', 'admin'))
);
CREATE INDEX members_user ON members (user_id);
CREATE INDEX members_event ON members (event_id);

-- An invitation is there until it is accepted or taken back; what became of it is in the audit log. The address is sealed under a key of
-- the invitation's own (person_keys), and compared by its keyed hash.
CREATE TABLE invitations (
    invitation_id   uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    event_id        uuid        REFERENCES events ON DELETE CASCADE,
    role            text        NOT NULL CHECK (
        role IN ('owner', 'admin', 'event_manager', 'finance', 'box_office', 'scanner', 'viewer')),
    email_hash      bytea       NOT NULL,
    email_sealed    bytea       NOT NULL,
    token_hash      bytea       NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    invited_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > created_at),
    UNIQUE NULLS NOT DISTINCT (organisation_id, email_hash, event_id),
    CHECK (event_id IS NULL OR role NOT IN ('owner', 'admin'))
);
CREATE INDEX invitations_event ON invitations (event_id);

-- API keys and device tokens. Only hashes: what is in this table opens nothing. `prefix` is the part that people know a token by.
CREATE TABLE api_tokens (
    token_id        uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    event_id        uuid        REFERENCES events ON DELETE CASCADE,
    kind            text        NOT NULL CHECK (kind IN ('key', 'device')),
    name            text        NOT NULL CHECK (name <> ''),
    prefix          text        NOT NULL,
    token_hash      bytea       NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    scopes          text[]      NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 64),
    created_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > created_at),
    last_used_at    timestamptz,
    revoked_at      timestamptz
) WITH (fillfactor = 80);
CREATE INDEX api_tokens_organisation ON api_tokens (organisation_id, kind, token_id);
CREATE INDEX api_tokens_event ON api_tokens (event_id);

-- Who works for the platform itself.
CREATE TABLE platform_members (
    user_id    uuid        PRIMARY KEY REFERENCES users,
    role       text        NOT NULL CHECK (role IN ('platform_admin', 'platform_support')),
    created_at timestamptz NOT NULL
);

CREATE TABLE suspended_users (
    user_id uuid        PRIMARY KEY REFERENCES users,
    at      timestamptz NOT NULL
);

CREATE TABLE feature_flags (
    flag       text        PRIMARY KEY CHECK (flag ~ '^[a-z0-9]+(_[a-z0-9]+)*$'),
    is_on      boolean     NOT NULL,
    version    bigint      NOT NULL DEFAULT 1 CHECK (version >= 1),
    updated_at timestamptz NOT NULL
);

-- The audit log (docs/decisions/audit-log.md): a chain for each organisation, named by its id, and one for the platform, named by zeros.
-- `hash` is over the entry and `previous_hash`. The head says how long a chain has to be; `mac` is made with a key that is not in here.
CREATE TABLE audit_heads (
    chain uuid   PRIMARY KEY,
    seq   bigint NOT NULL CHECK (seq >= 0),
    hash  bytea  NOT NULL CHECK (octet_length(hash) = 32),
    mac   bytea  NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE audit_entries (
    chain         uuid        NOT NULL,
    seq           bigint      NOT NULL CHECK (seq >= 1),
    at            timestamptz NOT NULL,
    actor         text        NOT NULL,
    action        text        NOT NULL CHECK (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
    target        text        NOT NULL,
    before        jsonb       NOT NULL,
    after         jsonb       NOT NULL,
    address       text        NOT NULL,
    user_agent    text        NOT NULL,
    previous_hash bytea       NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash          bytea       NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (chain, seq)
);
CREATE INDEX audit_entries_target ON audit_entries (chain, target, seq);
CREATE INDEX audit_entries_at ON audit_entries (at, chain, seq);

-- By rights bilten_tenant can only add; this refuses everybody who does not go as far as switching triggers off, which the hashes tell.
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'BL005';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER one_by_one BEFORE UPDATE ON audit_heads
    FOR EACH ROW WHEN (NEW.seq <> OLD.seq + 1 OR NEW.chain <> OLD.chain) EXECUTE FUNCTION refuse_change();

SELECT guard_tenant_table('organisations', rights => 'SELECT, INSERT, UPDATE');
SELECT guard_tenant_table('events');
SELECT guard_tenant_table(name::regclass, format('EXISTS (SELECT FROM events WHERE events.event_id = %s.event_id)', name))
FROM unnest(ARRAY['pools', 'ticket_types']) AS name;
SELECT guard_tenant_table('ticket_type_pools',
    'EXISTS (SELECT FROM ticket_types WHERE ticket_types.ticket_type_id = ticket_type_pools.ticket_type_id)');

-- What is sold is written by the sale and by purchases, under the owner's role; organisers read it.
SELECT guard_tenant_table(name::regclass, format('EXISTS (SELECT FROM events WHERE events.event_id = %s.event_id)', name), 'SELECT')
FROM unnest(ARRAY['orders', 'tickets']) AS name;
SELECT guard_tenant_table('order_lines', 'EXISTS (SELECT FROM orders WHERE orders.order_id = order_lines.order_id)', 'SELECT');
SELECT guard_tenant_table('payments', 'EXISTS (SELECT FROM orders WHERE orders.order_id = payments.payment_id)',
    'SELECT (payment_id, provider, state, amount_minor, captured_minor, refunded_minor, currency, created_at, updated_at)');

SELECT guard_tenant_table(name::regclass, allowed =>
    format('event_id IS NULL OR EXISTS (SELECT FROM events WHERE events.event_id = %s.event_id)', name))
FROM unnest(ARRAY['members', 'invitations', 'api_tokens']) AS name;
SELECT guard_tenant_table('audit_heads', 'chain = tenant_organisation()', 'SELECT, INSERT, UPDATE');
SELECT guard_tenant_table('audit_entries', 'chain = tenant_organisation()', 'SELECT, INSERT');
