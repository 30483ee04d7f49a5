-- The whole of an event: where, what it says, what may be bought, and how changes reach the sale. Places on earth are in
-- millionths of a degree: a tenth of a metre, and no floating point.

CREATE TABLE venues (
    venue_id        uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    name            text        NOT NULL CHECK (name <> ''),
    address         text        NOT NULL DEFAULT '',
    city            text        NOT NULL DEFAULT '',
    country         text        NOT NULL DEFAULT '' CHECK (country = '' OR country ~ '^[A-Z]{2}$'),
    latitude_e6     integer     CHECK (latitude_e6 BETWEEN -90000000 AND 90000000),
    longitude_e6    integer     CHECK (longitude_e6 BETWEEN -180000000 AND 180000000),
    time_zone       text        NOT NULL,
    capacity        integer     CHECK (capacity >= 0),
    version         bigint      NOT NULL DEFAULT 1 CHECK (version >= 1),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((latitude_e6 IS NULL) = (longitude_e6 IS NULL))
);
CREATE INDEX venues_organisation ON venues (organisation_id, venue_id);

-- A series is what its events were made from; each event lives its own life after that.
CREATE TABLE series (
    series_id       uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    title           text        NOT NULL CHECK (title <> ''),
    rule            text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX series_organisation ON series (organisation_id, series_id);

ALTER TABLE events
    DROP CONSTRAINT events_status_check,
    ADD CONSTRAINT events_status_check CHECK (status IN
        ('draft', 'published', 'on_sale', 'paused', 'sold_out', 'ended', 'cancelled', 'archived')),
    ADD venue_id         uuid REFERENCES venues,
    ADD series_id        uuid REFERENCES series,
    -- What people edit has two versions, so that a text and the tickets can be edited side by side.
    ADD version          bigint   NOT NULL DEFAULT 1 CHECK (version >= 1),
    ADD tickets_version  bigint   NOT NULL DEFAULT 1 CHECK (tickets_version >= 1),
    ADD description_html text     NOT NULL DEFAULT '',
    ADD images           text[]   NOT NULL DEFAULT '{}' CHECK (cardinality(images) <= 20),
    ADD image_alt        text     NOT NULL DEFAULT '',
    ADD language         text     NOT NULL DEFAULT '',
    ADD category         text     NOT NULL DEFAULT '',
    ADD tags             text[]   NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 20),
    ADD latitude_e6      integer  CHECK (latitude_e6 BETWEEN -90000000 AND 90000000),
    ADD longitude_e6     integer  CHECK (longitude_e6 BETWEEN -180000000 AND 180000000),
    ADD hold_ms          integer  NOT NULL DEFAULT 480000 CHECK (hold_ms BETWEEN 1000 AND 86400000),
    ADD extension_ms     integer  NOT NULL DEFAULT 240000 CHECK (extension_ms BETWEEN 0 AND 86400000),
    ADD cancelled_reason text     NOT NULL DEFAULT '',
    -- Where an imported event comes from, and what it is called there: importing it again finds it.
    ADD source           text,
    ADD source_key       text,
    -- For lists: made from the ticket types and texts whenever they change.
    ADD price_min_minor  bigint   CHECK (price_min_minor BETWEEN 0 AND 1000000000000),
    ADD price_max_minor  bigint   CHECK (price_max_minor BETWEEN price_min_minor AND 1000000000000),
    ADD search_text      text     NOT NULL DEFAULT '',
    ADD city_key         text     NOT NULL DEFAULT '',
    ADD search           tsvector GENERATED ALWAYS AS (to_tsvector('simple', search_text)) STORED,
    ADD CHECK ((source IS NULL) = (source_key IS NULL)),
    ADD CHECK ((latitude_e6 IS NULL) = (longitude_e6 IS NULL));

-- An address on the web belongs to one event of all.
DROP INDEX events_slug;
CREATE UNIQUE INDEX events_slug ON events (slug);
CREATE UNIQUE INDEX events_source ON events (organisation_id, source, source_key) WHERE source IS NOT NULL;
CREATE INDEX events_venue ON events (venue_id);
CREATE INDEX events_series ON events (series_id);
CREATE INDEX events_organisation ON events (organisation_id, starts_at, event_id);
DROP INDEX events_upcoming;
CREATE INDEX events_listed ON events (starts_at, event_id) WHERE status IN ('published', 'on_sale', 'paused', 'sold_out');
CREATE INDEX events_listed_in_city ON events (city_key, starts_at, event_id)
    WHERE status IN ('published', 'on_sale', 'paused', 'sold_out');
CREATE INDEX events_by_price ON events ((coalesce(price_min_minor, 0)), event_id)
    WHERE status IN ('published', 'on_sale', 'paused', 'sold_out');
-- Lists go on after a moment in whole milliseconds, which is what the platform knows of time.
ALTER TABLE events ALTER created_at SET DEFAULT date_trunc('milliseconds', now());
UPDATE events SET created_at = date_trunc('milliseconds', created_at);
CREATE INDEX events_newest ON events (created_at, event_id) WHERE status IN ('published', 'on_sale', 'paused', 'sold_out');
CREATE INDEX events_search ON events USING gin (search) WITH (fastupdate = off);
CREATE INDEX events_tags ON events USING gin (tags) WITH (fastupdate = off);
-- For the steps that time takes.
CREATE INDEX events_opening ON events (opens_at) WHERE status = 'published';

-- Other organisations that may see an event, or work on it too.
CREATE TABLE event_grants (
    event_id        uuid        NOT NULL REFERENCES events ON DELETE CASCADE,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    may_edit        boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, organisation_id)
);
CREATE INDEX event_grants_organisation ON event_grants (organisation_id, event_id);

-- A draft may be rearranged, so places are compared when all of them are said.
ALTER TABLE pools
    DROP CONSTRAINT pools_event_id_position_key,
    ADD UNIQUE (event_id, position) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ticket_types
    DROP CONSTRAINT ticket_types_event_id_position_key,
    ADD UNIQUE (event_id, position) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ticket_types
    ADD kind             text     NOT NULL DEFAULT 'fixed' CHECK (kind IN ('free', 'fixed', 'pay_what_you_want')),
    -- The least that may be paid where the buyer chooses; `price_minor` is what is suggested then.
    ADD price_min_minor  bigint   CHECK (price_min_minor BETWEEN 0 AND price_minor),
    ADD is_hidden        boolean  NOT NULL DEFAULT false,
    ADD is_retired       boolean  NOT NULL DEFAULT false,
    ADD buyer_limit      integer  CHECK (buyer_limit BETWEEN 1 AND 10000),
    ADD tax_basis_points smallint NOT NULL DEFAULT 0 CHECK (tax_basis_points BETWEEN 0 AND 10000),
    ADD fee_plan         text     NOT NULL DEFAULT '',
    ADD valid_days       date[]   NOT NULL DEFAULT '{}' CHECK (cardinality(valid_days) <= 366),
    ADD CHECK (kind <> 'free' OR price_minor = 0),
    ADD CHECK ((kind = 'pay_what_you_want') = (price_min_minor IS NOT NULL));

-- A tier's price holds until it has sold `quantity` or its time is over; after the last the type's own price does. The number stays what it
-- is for ever, because what is sold is counted under it.
CREATE TABLE ticket_type_tiers (
    ticket_type_id uuid        NOT NULL REFERENCES ticket_types ON DELETE CASCADE,
    number         smallint    NOT NULL CHECK (number BETWEEN 1 AND 200),
    position       smallint    NOT NULL CHECK (position >= 0),
    name           text        NOT NULL DEFAULT '',
    price_minor    bigint      NOT NULL CHECK (price_minor BETWEEN 0 AND 1000000000000),
    quantity       integer     CHECK (quantity >= 1),
    ends_at        timestamptz,
    PRIMARY KEY (ticket_type_id, number)
);

CREATE TABLE questions (
    question_id uuid     PRIMARY KEY,
    event_id    uuid     NOT NULL REFERENCES events ON DELETE CASCADE,
    position    smallint NOT NULL CHECK (position >= 0),
    per         text     NOT NULL CHECK (per IN ('order', 'ticket')),
    label       text     NOT NULL CHECK (label <> ''),
    kind        text     NOT NULL CHECK (kind IN ('text', 'long_text', 'choice', 'yes_no', 'email', 'phone', 'date')),
    choices     text[]   NOT NULL DEFAULT '{}' CHECK (cardinality(choices) <= 100),
    is_required boolean  NOT NULL DEFAULT false,
    -- Of which types it is asked; empty is all.
    type_ids    uuid[]   NOT NULL DEFAULT '{}',
    UNIQUE (event_id, position)
);

-- What a code gives. How often it was used is counted where stock is counted: in the sale.
CREATE TABLE vouchers (
    voucher_id      uuid        PRIMARY KEY,
    event_id        uuid        NOT NULL REFERENCES events ON DELETE CASCADE,
    code            text        NOT NULL CHECK (code ~ '^[0-9A-Z]{3,40}$'),
    kind            text        NOT NULL CHECK (kind IN ('discount', 'access', 'block')),
    percent_basis_points smallint CHECK (percent_basis_points BETWEEN 1 AND 10000),
    amount_minor    bigint      CHECK (amount_minor BETWEEN 1 AND 1000000000000),
    is_per_order    boolean     NOT NULL DEFAULT false,
    type_ids        uuid[]      NOT NULL DEFAULT '{}' CHECK (cardinality(type_ids) <= 200),
    uses_max        integer     CHECK (uses_max >= 1),
    per_buyer_max   integer     CHECK (per_buyer_max >= 1),
    quantity_min    integer     NOT NULL DEFAULT 1 CHECK (quantity_min >= 1),
    starts_at       timestamptz,
    ends_at         timestamptz CHECK (ends_at > starts_at),
    block_pool_id   uuid        REFERENCES pools ON DELETE CASCADE,
    block_quantity  integer     CHECK (block_quantity >= 1),
    batch           text        NOT NULL DEFAULT '',
    is_retired      boolean     NOT NULL DEFAULT false,
    version         bigint      NOT NULL DEFAULT 1 CHECK (version >= 1),
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, code),
    CHECK (percent_basis_points IS NULL OR amount_minor IS NULL),
    CHECK (kind <> 'discount' OR percent_basis_points IS NOT NULL OR amount_minor IS NOT NULL),
    CHECK ((kind = 'block') = (block_pool_id IS NOT NULL)),
    CHECK ((block_pool_id IS NULL) = (block_quantity IS NULL))
);
CREATE INDEX vouchers_pool ON vouchers (block_pool_id);
CREATE INDEX vouchers_event ON vouchers (event_id, voucher_id);

-- A change of a sale is written here before the sale is asked, and its effect after (docs/decisions/changing-a-live-event.md).
-- One at a time for each event: the next waits until this one is decided.
CREATE TABLE event_changes (
    operation_id    uuid        PRIMARY KEY,
    event_id        uuid        NOT NULL REFERENCES events ON DELETE CASCADE,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    kind            text        NOT NULL,
    commands        bytea       NOT NULL,
    effect          bytea       NOT NULL,
    state           text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused')),
    refusal         bytea,
    attempts        integer     NOT NULL DEFAULT 0,
    attempted_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX event_changes_pending ON event_changes (event_id) WHERE state = 'pending';
CREATE INDEX event_changes_event ON event_changes (event_id, created_at);
CREATE INDEX event_changes_organisation ON event_changes (organisation_id, created_at);

SELECT guard_tenant_table(name::regclass) FROM unnest(ARRAY['venues', 'series', 'event_changes']) AS name;
SELECT guard_tenant_table(name::regclass, format('EXISTS (SELECT FROM events WHERE events.event_id = %s.event_id)', name))
FROM unnest(ARRAY['questions', 'vouchers']) AS name;
SELECT guard_tenant_table('ticket_type_tiers',
    'EXISTS (SELECT FROM ticket_types WHERE ticket_types.ticket_type_id = ticket_type_tiers.ticket_type_id)');
-- Seen by who gave it and by who got it, given by the event's own organisation only.
SELECT guard_tenant_table('event_grants',
    'organisation_id = tenant_organisation() OR EXISTS (SELECT FROM events WHERE events.event_id = event_grants.event_id)',
    allowed => 'EXISTS (SELECT FROM events WHERE events.event_id = event_grants.event_id)');
