-- What tests/storage/test_plans.py found: statements that no index led to, and indexes that only cost.

-- Lists of events begin at what is ahead. What is over keeps its status (docs/event-status.md), so all that ever took place was passed
-- over, each time, before the first event that is shown. By housekeeping once it is over; each event pays for it once in its life.
ALTER TABLE events ADD is_past boolean NOT NULL DEFAULT false;
UPDATE events SET is_past = true
WHERE status IN ('published', 'on_sale', 'paused', 'sold_out')
    AND coalesce(ends_at, starts_at + interval '1 day') < now() - interval '1 day';
DROP INDEX events_listed, events_listed_in_city, events_by_price, events_newest;
CREATE INDEX events_listed ON events (starts_at, event_id)
    WHERE status IN ('published', 'on_sale', 'paused', 'sold_out') AND NOT is_past;
CREATE INDEX events_listed_in_city ON events (city_key, starts_at, event_id)
    WHERE status IN ('published', 'on_sale', 'paused', 'sold_out') AND NOT is_past;
CREATE INDEX events_by_price ON events ((coalesce(price_min_minor, 0)), event_id)
    WHERE status IN ('published', 'on_sale', 'paused', 'sold_out') AND NOT is_past;
CREATE INDEX events_newest ON events (created_at, event_id)
    WHERE status IN ('published', 'on_sale', 'paused', 'sold_out') AND NOT is_past;

-- By a trigger, as other notes on events: whatever moves one to another time may have it ahead again.
CREATE FUNCTION note_move_of_event() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.is_past := false;
    RETURN NEW;
END
$$;
CREATE TRIGGER note_move BEFORE UPDATE ON events FOR EACH ROW
    WHEN ((OLD.starts_at, OLD.ends_at) IS DISTINCT FROM (NEW.starts_at, NEW.ends_at))
    EXECUTE FUNCTION note_move_of_event();

-- For steps that no statement takes: when a sale opens is worked out by whoever reads the event.
DROP INDEX events_opening;

-- Housekeeping looks for what expired. Written when somebody is invited or makes a key: seldom.
CREATE INDEX invitations_expires ON invitations (expires_at);
CREATE INDEX api_tokens_dead ON api_tokens ((least(revoked_at, expires_at)));

-- An organisation's members and invitations, a page at a time in the order of joining: PostgreSQL may find it cheaper to look for them
-- among those of all others, in that order. As seldom.
CREATE INDEX members_organisation ON members (organisation_id, member_id);
CREATE INDEX invitations_organisation ON invitations (organisation_id, invitation_id);
