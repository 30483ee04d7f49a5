-- Days are those of the calendar where the event is, so they are worked out when it is stored, by the code that knows every zone,
-- not asked of this server's. An event without an end is over on the day on which it starts.
ALTER TABLE events ADD starts_on date, ADD over_on date;
WITH zones AS MATERIALIZED (SELECT name FROM pg_timezone_names)
UPDATE events SET
    starts_on = (starts_at AT TIME ZONE zone)::date,
    over_on = greatest((starts_at AT TIME ZONE zone)::date, (ends_at - interval '1 millisecond') AT TIME ZONE zone)::date
FROM (SELECT event_id, coalesce(zones.name, 'UTC') AS zone FROM events LEFT JOIN zones ON zones.name = time_zone) AS placed
WHERE placed.event_id = events.event_id;

-- Few are, and every list has to leave theirs out.
CREATE INDEX organisations_suspended ON organisations (organisation_id) WHERE suspended_at IS NOT NULL;
