-- A grant counts once it was accepted. Its own table, because each side writes its own: who gives, what may be done; who gets, that
-- it is wanted.
CREATE TABLE grant_acceptances (
    event_id        uuid        NOT NULL,
    organisation_id uuid        NOT NULL,
    accepted_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, organisation_id),
    FOREIGN KEY (event_id, organisation_id) REFERENCES event_grants ON DELETE CASCADE
);
CREATE INDEX grant_acceptances_organisation ON grant_acceptances (organisation_id, event_id);
SELECT guard_tenant_table('grant_acceptances',
    'organisation_id = tenant_organisation() OR EXISTS (SELECT FROM events WHERE events.event_id = grant_acceptances.event_id)',
    allowed => 'organisation_id = tenant_organisation()');

-- What was given until now was in force at once.
INSERT INTO grant_acceptances (event_id, organisation_id, accepted_at)
SELECT event_id, organisation_id, created_at FROM event_grants;
