-- Organisations whose events are still to be found by a new name (docs/decisions/reading-the-catalogue.md): written down with the renaming,
-- forgotten with the last of the events. Those up to this start and this id have it.
CREATE TABLE renamed_organisations (
    organisation_id uuid        PRIMARY KEY REFERENCES organisations,
    starts_at       timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00',
    event_id        uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);
SELECT guard_tenant_table('renamed_organisations', rights => 'SELECT, INSERT, UPDATE');

-- By a trigger, because organisations are renamed in several places. Who is renamed once more begins anew.
CREATE FUNCTION note_renaming() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO renamed_organisations (organisation_id) VALUES (NEW.organisation_id)
    ON CONFLICT (organisation_id) DO UPDATE SET starts_at = DEFAULT, event_id = DEFAULT;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_renaming AFTER UPDATE OF name ON organisations FOR EACH ROW
    WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION note_renaming();

-- Those that were renamed until now.
INSERT INTO renamed_organisations (organisation_id)
SELECT organisation_id FROM organisations WHERE EXISTS (
    SELECT FROM audit_entries WHERE chain = organisation_id AND action = 'organisation.edit' AND after ? 'name');
