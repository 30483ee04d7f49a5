-- Events that have to say what their venue now says: written down with the change of the venue, forgotten with that of the event, so that
-- no event is left behind whoever dies in between.
CREATE TABLE venue_followers (
    event_id        uuid        PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    organisation_id uuid        NOT NULL REFERENCES organisations,
    -- What the audit log will be told of each.
    told            bytea       NOT NULL,
    attempted_at    timestamptz
);
CREATE INDEX venue_followers_organisation ON venue_followers (organisation_id);
SELECT guard_tenant_table('venue_followers');
