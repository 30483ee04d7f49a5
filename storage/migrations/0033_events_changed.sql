-- When an event last said something else, for calendars that subscribe to it (LAST-MODIFIED, RFC 5545, section 3.8.7.3). Of those that are
-- here nobody knows more than that it was before now.
ALTER TABLE events ADD changed_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now());

-- By a trigger, because events are changed in several places: whatever gives one its next version changes it.
CREATE FUNCTION note_change_of_event() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := greatest(OLD.changed_at, date_trunc('milliseconds', now()));
    RETURN NEW;
END
$$;
CREATE TRIGGER note_change BEFORE UPDATE ON events FOR EACH ROW
    WHEN ((OLD.version, OLD.tickets_version) IS DISTINCT FROM (NEW.version, NEW.tickets_version))
    EXECUTE FUNCTION note_change_of_event();
