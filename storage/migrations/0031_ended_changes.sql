-- Changes of events that came to their end are forgotten (docs/decisions/what-is-forgotten.md).
CREATE INDEX event_changes_ended ON event_changes (created_at) WHERE state <> 'pending';
