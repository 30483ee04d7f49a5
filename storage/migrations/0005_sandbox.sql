-- The books of the sandbox payment provider. It plays an outside company that happens to rent a room in our database: nothing
-- of ours refers to it, and its state survives whatever is done to us.

CREATE SCHEMA sandbox;

CREATE TABLE sandbox.payments (
    reference       text        PRIMARY KEY,
    idempotency_key uuid        NOT NULL UNIQUE,
    state           text        NOT NULL CHECK (state IN ('authorised', 'declined', 'captured', 'voided')),
    decline_code    text        NOT NULL DEFAULT '',
    amount_minor    bigint      NOT NULL CHECK (amount_minor BETWEEN 0 AND 1000000000000),
    captured_minor  bigint      NOT NULL DEFAULT 0 CHECK (captured_minor BETWEEN 0 AND amount_minor),
    refunded_minor  bigint      NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    currency        text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
) WITH (fillfactor = 60);

CREATE TABLE sandbox.refunds (
    idempotency_key uuid        PRIMARY KEY,
    reference       text        NOT NULL REFERENCES sandbox.payments,
    amount_minor    bigint      NOT NULL CHECK (amount_minor > 0),
    created_at      timestamptz NOT NULL
);
CREATE INDEX refunds_reference ON sandbox.refunds (reference);
