-- People with an account, their sessions, and what proves who they are. Names and addresses are sealed with a key of the person
-- (services/vault.py); an address is found by its keyed hash. Tokens and codes are stored as hashes: nothing here signs anybody in.

-- A sign-up is a user that is not confirmed: several may wait for one address, and the first that is confirmed has it.
-- `stamp` goes up with everything that ends the sessions of a user; a sign-in that began before then opens none.
CREATE TABLE users (
    user_id       uuid        PRIMARY KEY,
    buyer_id      uuid        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('unconfirmed', 'active', 'deleted')),
    email_lookup  bytea       NOT NULL CHECK (octet_length(email_lookup) = 32),
    email_sealed  bytea       NOT NULL CHECK (octet_length(email_sealed) <= 1200),
    name_sealed   bytea       NOT NULL CHECK (octet_length(name_sealed) <= 1200),
    locale        text        NOT NULL CHECK (length(locale) BETWEEN 2 AND 35),
    password_hash text        NOT NULL CHECK (length(password_hash) <= 200),
    stamp         integer     NOT NULL DEFAULT 1,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email_lookup) WHERE state = 'active';
CREATE INDEX users_unconfirmed ON users (created_at) WHERE state = 'unconfirmed';

-- Guests who became users: whose the orders of a buyer are. Every user's own buyer is among them.
CREATE TABLE user_buyers (
    buyer_id uuid PRIMARY KEY,
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE
);
CREATE INDEX user_buyers_user ON user_buyers (user_id);

-- What is sent by mail, or given to a page between two steps of signing in: good once, for one purpose, and for a while.
CREATE TABLE account_tokens (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    purpose    text        NOT NULL CHECK (purpose IN (
        'sign_up', 'password_reset', 'email_change', 'second_factor', 'passkey_registration', 'passkey_sign_in')),
    user_id    uuid        REFERENCES users ON DELETE CASCADE,
    payload    bytea       NOT NULL DEFAULT '' CHECK (octet_length(payload) <= 2000),
    lookup     bytea       CHECK (octet_length(lookup) = 32),
    tries_left smallint    NOT NULL DEFAULT 1 CHECK (tries_left >= 0),
    expires_at timestamptz NOT NULL
);
CREATE INDEX account_tokens_user ON account_tokens (user_id);
CREATE INDEX account_tokens_expires ON account_tokens (expires_at);

-- A guest's session has no user. `session_id` names a session to its owner and stays when its token changes.
ALTER TABLE sessions
    ADD COLUMN session_id         uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN user_id            uuid REFERENCES users ON DELETE CASCADE,
    ADD COLUMN device             text CHECK (length(device) <= 100),
    ADD COLUMN last_used_at       timestamptz,
    ADD COLUMN stepped_up_until   timestamptz,
    ADD COLUMN with_second_factor boolean NOT NULL DEFAULT false;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE UNIQUE INDEX sessions_id ON sessions (session_id) WHERE user_id IS NOT NULL;

-- Sessions that ended before their time, for as long as a gateway may have an open socket or a cached identity of theirs.
CREATE TABLE revoked_sessions (
    session_id uuid        PRIMARY KEY,
    revoked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '10 minutes'
);
CREATE INDEX revoked_sessions_at ON revoked_sessions (revoked_at);
CREATE INDEX revoked_sessions_expires ON revoked_sessions (expires_at);

-- One authenticator app a user. `last_step` is the newest time step whose code was used (RFC 6238, section 5.2: once only).
CREATE TABLE totp (
    user_id       uuid        PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret_sealed bytea       NOT NULL CHECK (octet_length(secret_sealed) <= 200),
    is_confirmed  boolean     NOT NULL DEFAULT false,
    last_step     bigint      NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL
);

CREATE TABLE recovery_codes (
    user_id   uuid  NOT NULL REFERENCES users ON DELETE CASCADE,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE passkeys (
    passkey_id    uuid        PRIMARY KEY,
    user_id       uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id bytea       NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 16 AND 1023),
    public_key    bytea       NOT NULL CHECK (octet_length(public_key) <= 2000),
    sign_count    bigint      NOT NULL CHECK (sign_count >= 0),
    name_sealed   bytea       NOT NULL CHECK (octet_length(name_sealed) <= 600),
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz
);
CREATE INDEX passkeys_user ON passkeys (user_id);
