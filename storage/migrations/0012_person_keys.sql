-- A key for each person, under which all personal data of theirs is sealed; the key itself is wrapped by the key-encryption key
-- whose number is `key_version` (docs/decisions/personal-data.md). Deleting a row makes everything sealed under it unreadable.

CREATE TABLE person_keys (
    person_id   uuid        PRIMARY KEY,
    key_version integer     NOT NULL CHECK (key_version >= 1),
    wrapped     bytea       NOT NULL CHECK (octet_length(wrapped) = 60),
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX person_keys_version ON person_keys (key_version, person_id);
