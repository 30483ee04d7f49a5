-- Which pools, ticket types and questions of a series' dates are one and the same part of the setup that they share
-- (docs/decisions/series.md). A part without a row is that date's own.
CREATE TABLE setup_parts (
    part_id  uuid PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    setup_id uuid NOT NULL
);
CREATE INDEX setup_parts_event ON setup_parts (event_id);
SELECT guard_tenant_table('setup_parts', 'EXISTS (SELECT FROM events WHERE events.event_id = setup_parts.event_id)');

-- Until now the dates of a series were copies: what has the same place as in the first of them came from there.
INSERT INTO setup_parts (part_id, event_id, setup_id)
SELECT part.part_id, part.event_id, first_value(part.part_id) OVER (
    PARTITION BY events.series_id, part.kind, part.position ORDER BY part.event_id)
FROM events JOIN (
    SELECT pool_id AS part_id, event_id, position, 'pool' AS kind FROM pools
    UNION ALL SELECT ticket_type_id, event_id, position, 'type' FROM ticket_types
    UNION ALL SELECT question_id, event_id, position, 'question' FROM questions
) AS part USING (event_id)
WHERE events.series_id IS NOT NULL;
