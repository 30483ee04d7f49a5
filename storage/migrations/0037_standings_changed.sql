-- When an event last ran out of something, or had some again: its calendar says "sold out", and when it last said something else
-- (LAST-MODIFIED). Of those that are here nobody knows more than that it was before now.
ALTER TABLE sale_standings ADD changed_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now());

-- By a trigger, as for events: whatever writes a standing changes it.
CREATE FUNCTION note_change_of_standing() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := greatest(OLD.changed_at, date_trunc('milliseconds', now()));
    RETURN NEW;
END
$$;
CREATE TRIGGER note_change BEFORE UPDATE ON sale_standings FOR EACH ROW
    WHEN (OLD.sold_out IS DISTINCT FROM NEW.sold_out)
    EXECUTE FUNCTION note_change_of_standing();
