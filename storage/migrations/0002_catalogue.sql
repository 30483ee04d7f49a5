-- What people read about an event. The sale itself is decided on the definition inside its journal; `position` is how that
-- definition names pools and ticket types.

CREATE TABLE organisations (
    organisation_id uuid        PRIMARY KEY,
    name            text        NOT NULL CHECK (name <> ''),
    slug            text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    access_key_hash bytea,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX organisations_access_key ON organisations (access_key_hash);

CREATE TABLE events (
    event_id        uuid        PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    slug            text        NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title           text        NOT NULL CHECK (title <> ''),
    summary         text        NOT NULL DEFAULT '',
    description     text        NOT NULL DEFAULT '',
    venue           text        NOT NULL DEFAULT '',
    address         text        NOT NULL DEFAULT '',
    city            text        NOT NULL DEFAULT '',
    country         text        NOT NULL DEFAULT '' CHECK (country = '' OR country ~ '^[A-Z]{2}$'),
    time_zone       text        NOT NULL DEFAULT 'UTC',
    currency        text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    image_url       text        NOT NULL DEFAULT '',
    status          text        NOT NULL DEFAULT 'published' CHECK (status IN ('draft', 'published', 'cancelled')),
    opens_at        timestamptz,
    doors_at        timestamptz,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz CHECK (ends_at >= starts_at),
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, slug)
);
CREATE INDEX events_slug ON events (slug);
CREATE INDEX events_upcoming ON events (starts_at, event_id) WHERE status = 'published';

CREATE TABLE pools (
    pool_id  uuid     PRIMARY KEY,
    event_id uuid     NOT NULL REFERENCES events ON DELETE CASCADE,
    position smallint NOT NULL CHECK (position >= 0),
    name     text     NOT NULL,
    capacity integer  NOT NULL CHECK (capacity >= 0),
    UNIQUE (event_id, position)
);

CREATE TABLE ticket_types (
    ticket_type_id uuid     PRIMARY KEY,
    event_id       uuid     NOT NULL REFERENCES events ON DELETE CASCADE,
    position       smallint NOT NULL CHECK (position >= 0),
    name           text     NOT NULL CHECK (name <> ''),
    description    text     NOT NULL DEFAULT '',
    price_minor    bigint   NOT NULL CHECK (price_minor BETWEEN 0 AND 1000000000000),
    currency       text     NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    quantity_min   integer  NOT NULL DEFAULT 1 CHECK (quantity_min >= 1),
    quantity_max   integer  NOT NULL DEFAULT 10 CHECK (quantity_max >= quantity_min),
    sales_start    timestamptz,
    sales_end      timestamptz CHECK (sales_end > sales_start),
    UNIQUE (event_id, position)
);

CREATE TABLE ticket_type_pools (
    ticket_type_id uuid NOT NULL REFERENCES ticket_types ON DELETE CASCADE,
    pool_id        uuid NOT NULL REFERENCES pools ON DELETE CASCADE,
    PRIMARY KEY (ticket_type_id, pool_id)
);
CREATE INDEX ticket_type_pools_pool ON ticket_type_pools (pool_id);
