-- Requests that may come twice: what was answered to the first. The answer is sealed with the client's own key, of which only
-- a hash is here, so that this table tells nobody anything.

CREATE TABLE repeated_requests (
    key_hash     bytea       PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    request_hash bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    -- Who works on it, until when nobody else may; the answer is NULL as long as it does.
    worker       uuid        NOT NULL,
    leased_until timestamptz NOT NULL,
    answer       bytea,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX repeated_requests_expires ON repeated_requests (expires_at);
