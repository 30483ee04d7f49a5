-- Orders, what they are of, how they are paid, and the tickets they became. The states are those of domain/orders.py; only a
-- batch of the sale actor takes an order from authorised to sold, in the transaction that issues its tickets.

-- An order changes its state several times within a second, so no index contains `state`: such an update stays within its
-- page (HOT). `finished_at` is set once, by the step that ends an order's story, and is what recovery's index goes by.
CREATE TABLE orders (
    order_id     uuid        PRIMARY KEY,
    event_id     uuid        NOT NULL REFERENCES events,
    hold_id      uuid        NOT NULL,
    buyer_id     uuid        NOT NULL,
    state        text        NOT NULL DEFAULT 'placed' CHECK (
        state IN ('placed', 'authorised', 'sold', 'paid', 'voiding', 'failed', 'cancelled')),
    amount_minor bigint      NOT NULL CHECK (amount_minor BETWEEN 0 AND 1000000000000),
    currency     text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    failure      text        NOT NULL DEFAULT '',
    lease_owner  text        NOT NULL,
    lease_until  timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    CHECK ((finished_at IS NULL) = (state IN ('placed', 'authorised', 'sold', 'voiding')))
) WITH (fillfactor = 60);
CREATE INDEX orders_event ON orders (event_id);
CREATE INDEX orders_buyer ON orders (buyer_id, created_at);
CREATE INDEX orders_unfinished ON orders (lease_until) WHERE finished_at IS NULL;

CREATE TABLE order_lines (
    order_id         uuid     NOT NULL REFERENCES orders ON DELETE CASCADE,
    position         smallint NOT NULL CHECK (position >= 0),
    ticket_type      smallint NOT NULL CHECK (ticket_type >= 0),
    quantity         integer  NOT NULL CHECK (quantity >= 1),
    unit_price_minor bigint   NOT NULL CHECK (unit_price_minor BETWEEN 0 AND 1000000000000),
    PRIMARY KEY (order_id, position)
);

-- One payment an order. `payment_id` is our own id, which the provider uses as idempotency key; `reference` is the provider's.
CREATE TABLE payments (
    payment_id     uuid        PRIMARY KEY,
    order_id       uuid        NOT NULL UNIQUE REFERENCES orders,
    provider       text        NOT NULL CHECK (provider <> ''),
    state          text        NOT NULL DEFAULT 'created' CHECK (
        state IN ('created', 'authorised', 'declined', 'captured', 'voided', 'refunded')),
    amount_minor   bigint      NOT NULL CHECK (amount_minor BETWEEN 0 AND 1000000000000),
    captured_minor bigint      NOT NULL DEFAULT 0 CHECK (captured_minor BETWEEN 0 AND amount_minor),
    refunded_minor bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    currency       text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reference      text        NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
) WITH (fillfactor = 60);

-- Narrow on purpose: a ticket's price is its order line's, its code is derived from its id (domain/credentials.py).
CREATE TABLE tickets (
    ticket_id   uuid        PRIMARY KEY,
    order_id    uuid        NOT NULL REFERENCES orders,
    event_id    uuid        NOT NULL,
    buyer_id    uuid        NOT NULL,
    ticket_type smallint    NOT NULL CHECK (ticket_type >= 0),
    state       text        NOT NULL DEFAULT 'issued' CHECK (state IN ('issued', 'cancelled')),
    issued_at   timestamptz NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX tickets_order ON tickets (order_id);
CREATE INDEX tickets_event ON tickets (event_id);
