-- What a sale has run out of, for the pages: written by the batch that made it so, never counted again
-- (docs/decisions/sold-out.md). Its own table, because an organiser's transaction may hold the row of an event while it sells.
-- No foreign key to events: as the journal, it is the sale's.
CREATE TABLE sale_standings (
    event_id uuid       PRIMARY KEY,
    -- The number of the event in the journal after which it stands so.
    seq      bigint     NOT NULL CHECK (seq >= 1),
    -- Positions of the ticket types of which everything is sold.
    sold_out smallint[] NOT NULL
) WITH (fillfactor = 50);
SELECT guard_tenant_table('sale_standings', 'EXISTS (SELECT FROM events WHERE events.event_id = sale_standings.event_id)',
    rights => 'SELECT');

-- It writes standings too; nothing else in this function is new. Errors of class BL as in 0006 and 0009.
DROP FUNCTION commit_batch;

CREATE FUNCTION commit_batch(
    batch_shard       integer,
    batch_epoch       bigint,
    entry_events      uuid[],
    entry_firsts      bigint[],
    entry_lasts       bigint[],
    entry_ats         timestamptz[],
    entry_bodies      bytea[],
    operation_ids     uuid[],
    operation_events  uuid[],
    operation_ats     timestamptz[],
    operation_answers bytea[],
    issued_ids        uuid[],
    issued_orders     uuid[],
    issued_events     uuid[],
    issued_buyers     uuid[],
    issued_types      smallint[],
    sold_orders       uuid[],
    cancelled_ids     uuid[],
    cancelled_orders  uuid[],
    standing_events   uuid[],
    standing_seqs     bigint[],
    standing_types    text[],
    is_notifying      boolean
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    updated  bigint;
    inserted bigint := 0;
BEGIN
    -- The fence. Claiming a shard updates this row, so it waits for a batch under way, and every later one finds its epoch.
    PERFORM FROM shards WHERE shard = batch_shard AND epoch = batch_epoch FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'shard % is not at epoch % any more', batch_shard, batch_epoch USING ERRCODE = 'BL001';
    END IF;

    UPDATE journal_heads AS head
    SET seq_last = entry.seq_last, at = entry.at
    FROM unnest(entry_events, entry_firsts, entry_lasts, entry_ats) AS entry (event_id, seq, seq_last, at)
    WHERE head.event_id = entry.event_id AND head.seq_last = entry.seq - 1;
    GET DIAGNOSTICS updated = ROW_COUNT;
    IF updated < cardinality(entry_events) THEN
        INSERT INTO journal_heads (event_id, seq_last, at)
        SELECT entry.event_id, entry.seq_last, entry.at
        FROM unnest(entry_events, entry_firsts, entry_lasts, entry_ats) AS entry (event_id, seq, seq_last, at)
        WHERE entry.seq = 1
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS inserted = ROW_COUNT;
        IF updated + inserted <> cardinality(entry_events) THEN
            RAISE EXCEPTION '% of % entries do not follow the newest one of their event',
                cardinality(entry_events) - updated - inserted, cardinality(entry_events)
                USING ERRCODE = 'BL002';
        END IF;
    END IF;

    INSERT INTO journal (event_id, seq, seq_last, at, shard, epoch, body)
    SELECT entry.event_id, entry.seq, entry.seq_last, entry.at, batch_shard, batch_epoch, entry.body
    FROM unnest(entry_events, entry_firsts, entry_lasts, entry_ats, entry_bodies)
        AS entry (event_id, seq, seq_last, at, body);

    IF cardinality(operation_ids) > 0 THEN
        INSERT INTO operations (op_id, event_id, at, answer)
        SELECT * FROM unnest(operation_ids, operation_events, operation_ats, operation_answers)
        ON CONFLICT DO NOTHING;
    END IF;

    IF cardinality(issued_ids) > 0 THEN
        UPDATE orders SET state = 'sold', updated_at = entry_ats[1]
        WHERE order_id = ANY (sold_orders) AND state IN ('placed', 'authorised');
        GET DIAGNOSTICS updated = ROW_COUNT;
        IF updated <> cardinality(sold_orders) THEN
            RAISE EXCEPTION '% of % orders are not there, given up or sold',
                cardinality(sold_orders) - updated, cardinality(sold_orders) USING ERRCODE = 'BL003';
        END IF;
        INSERT INTO tickets (ticket_id, order_id, event_id, buyer_id, ticket_type, issued_at)
        SELECT issued.*, entry_ats[1]
        FROM unnest(issued_ids, issued_orders, issued_events, issued_buyers, issued_types) AS issued;
    END IF;

    IF cardinality(cancelled_ids) > 0 THEN
        UPDATE tickets SET state = 'cancelled'
        FROM unnest(cancelled_ids, cancelled_orders) AS cancelled (ticket_id, order_id)
        WHERE tickets.ticket_id = cancelled.ticket_id
            AND tickets.order_id = cancelled.order_id
            AND tickets.state = 'issued';
        GET DIAGNOSTICS updated = ROW_COUNT;
        IF updated <> cardinality(cancelled_ids) THEN
            RAISE EXCEPTION '% of % tickets can not be taken back',
                cardinality(cancelled_ids) - updated, cardinality(cancelled_ids) USING ERRCODE = 'BL004';
        END IF;
        UPDATE orders
        SET state = 'cancelled', updated_at = entry_ats[1], finished_at = coalesce(finished_at, entry_ats[1])
        WHERE order_id = ANY (cancelled_orders) AND state IN ('sold', 'paid')
            AND NOT EXISTS (
                SELECT FROM tickets WHERE tickets.order_id = orders.order_id AND tickets.state = 'issued');
    END IF;

    IF cardinality(standing_events) > 0 THEN
        INSERT INTO sale_standings (event_id, seq, sold_out)
        SELECT standing.event_id, standing.seq, string_to_array(standing.types, ',')::smallint[]
        FROM unnest(standing_events, standing_seqs, standing_types) AS standing (event_id, seq, types)
        ON CONFLICT (event_id) DO UPDATE SET seq = excluded.seq, sold_out = excluded.sold_out;
    END IF;

    IF is_notifying THEN
        PERFORM pg_notify('journal', '');
    END IF;
END
$$;
