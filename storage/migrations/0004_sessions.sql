-- Buyers' sessions (docs/decisions/sessions-in-postgresql.md): only hashes of tokens are stored, so this table opens no session.

CREATE TABLE sessions (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    buyer_id   uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_buyer ON sessions (buyer_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Single-use tickets for opening a socket, good for seconds. Unlogged: after a crash of PostgreSQL a page asks for another.
CREATE UNLOGGED TABLE socket_tickets (
    ticket_hash  bytea       PRIMARY KEY CHECK (octet_length(ticket_hash) = 32),
    session_hash bytea       NOT NULL CHECK (octet_length(session_hash) = 32),
    buyer_id     uuid        NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX socket_tickets_expires ON socket_tickets (expires_at);
