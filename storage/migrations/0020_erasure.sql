-- Erasing a person (docs/decisions/erasure.md). The row of their key stays, without the key: a request of theirs that is still under way
-- finds it and can't seal anything under a new one.
ALTER TABLE person_keys
    ALTER COLUMN key_version DROP NOT NULL,
    ALTER COLUMN wrapped DROP NOT NULL,
    ADD CHECK ((key_version IS NULL) = (wrapped IS NULL));

-- An account that is erased is gone, so none is in this state.
ALTER TABLE users
    DROP CONSTRAINT users_state_check,
    ADD CONSTRAINT users_state_check CHECK (state IN ('unconfirmed', 'active'));

-- What belongs to somebody is found by them.
CREATE INDEX users_unconfirmed_email ON users (email_lookup) WHERE state = 'unconfirmed';
CREATE INDEX invitations_address ON invitations (email_hash);
CREATE INDEX invitations_inviter ON invitations (invited_by);
CREATE INDEX api_tokens_maker ON api_tokens (created_by);
