-- Who looks for an event is shown what was done to its codes, members and keys as well (docs/decisions/audit-log.md). Their entries say
-- in their values which event it is, and nothing led there: a log was read from end to end for the few of them. A column, because what
-- is compared under row-level security must not look into values, and one that is worked out, because what is hashed stays as it is.
ALTER TABLE audit_entries ADD of_event text GENERATED ALWAYS AS (
    CASE WHEN NOT starts_with(target, 'event_') THEN coalesce(after ->> 'event', before ->> 'event') END) STORED;
CREATE INDEX audit_entries_of_event ON audit_entries (chain, of_event, seq) WHERE of_event IS NOT NULL;

-- The platform's people look through all logs at once, by time.
CREATE INDEX audit_entries_target_at ON audit_entries (target, at, chain, seq);
CREATE INDEX audit_entries_of_event_at ON audit_entries (of_event, at, chain, seq) WHERE of_event IS NOT NULL;
