-- What writing purchases taught: what recovery needs to authorise again, one live order a hold, a payment named by its order.

ALTER TABLE events ADD COLUMN buyer_limit integer NOT NULL DEFAULT 10 CHECK (buyer_limit >= 1);

-- An event is listed until it ends, or for a day if nobody said when that is.
DROP INDEX events_upcoming;
CREATE INDEX events_upcoming ON events (coalesce(ends_at, starts_at)) WHERE status = 'published';

-- Two tabs with two operation ids must not both pay for one hold. The condition leaves `state` out (see 0003).
CREATE UNIQUE INDEX orders_hold ON orders (hold_id) WHERE failure = '';

-- `token` is what stands for the means of payment; it is forgotten as soon as the provider has answered.
ALTER TABLE payments ADD COLUMN token text NOT NULL DEFAULT '';
ALTER TABLE payments DROP COLUMN order_id;
ALTER TABLE payments ADD FOREIGN KEY (payment_id) REFERENCES orders;

-- The sandbox goes by our keys alone: its own reference is derived from them.
DROP TABLE sandbox.refunds, sandbox.payments;
CREATE TABLE sandbox.payments (
    payment_key    uuid        PRIMARY KEY,
    state          text        NOT NULL CHECK (state IN ('authorised', 'declined', 'captured', 'voided')),
    decline_code   text        NOT NULL DEFAULT '',
    amount_minor   bigint      NOT NULL CHECK (amount_minor BETWEEN 0 AND 1000000000000),
    captured_minor bigint      NOT NULL DEFAULT 0 CHECK (captured_minor BETWEEN 0 AND amount_minor),
    refunded_minor bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    currency       text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 60);
CREATE TABLE sandbox.refunds (
    refund_key   uuid        PRIMARY KEY,
    payment_key  uuid        NOT NULL REFERENCES sandbox.payments,
    amount_minor bigint      NOT NULL CHECK (amount_minor BETWEEN 1 AND 1000000000000),
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refunds_payment ON sandbox.refunds (payment_key);
