-- The durable record of every sale: who writes (shards), where (placements), what was decided (journal), and what makes
-- finding it again quick (snapshots, operations). Identifiers are UUIDv7; a hold or order has the id of its operation.

-- One row a shard. Starting a shard raises the epoch; every batch locks this row and compares: that is the fence.
CREATE TABLE shards (
    shard      integer     PRIMARY KEY CHECK (shard >= 0),
    epoch      bigint      NOT NULL CHECK (epoch >= 1),
    owner      text        NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- The shard of an event need not have started yet, so there is no foreign key to shards.
CREATE TABLE placements (
    event_id   uuid        PRIMARY KEY,
    shard      integer     NOT NULL CHECK (shard >= 0),
    version    bigint      NOT NULL DEFAULT 1 CHECK (version >= 1),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX placements_shard ON placements (shard);

-- One row per event and batch: `body` packs the events seq .. seq_last (docs/decisions/packed-journal-entries.md). The key has to contain `at`
-- because the table is partitioned by it; that seq is dense and unique is guarded by journal_heads.
CREATE TABLE journal (
    event_id uuid        NOT NULL,
    seq      bigint      NOT NULL CHECK (seq >= 1),
    seq_last bigint      NOT NULL,
    at       timestamptz NOT NULL,
    shard    integer     NOT NULL,
    epoch    bigint      NOT NULL,
    xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
    body     bytea       NOT NULL,
    PRIMARY KEY (event_id, seq, at),
    CHECK (seq_last >= seq)
) PARTITION BY RANGE (at);

-- Random identifiers do not compress; trying to would cost more than writing the batch.
ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL;

-- The order in which stream/tail.py reads.
CREATE INDEX journal_xid ON journal (xid, event_id, seq);

-- Takes what no month was made for: a batch is never refused because a partition is missing. storage/partitions.py makes
-- months ahead of need and moves rows out of here if it ever finds any.
CREATE TABLE journal_default PARTITION OF journal DEFAULT;

-- The number of the newest event of each journal. A batch moves it on from exactly where its entry begins, or is refused.
-- No foreign key to events: a sale is complete in its journal, the catalogue only describes it. Neither changing column is
-- indexed, so moving a head on stays within its page.
CREATE TABLE journal_heads (
    event_id uuid        PRIMARY KEY,
    seq_last bigint      NOT NULL CHECK (seq_last >= 1),
    at       timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE TABLE snapshots (
    event_id uuid        NOT NULL REFERENCES journal_heads ON DELETE CASCADE,
    seq      bigint      NOT NULL CHECK (seq >= 1),
    at       timestamptz NOT NULL DEFAULT now(),
    body     bytea       NOT NULL,
    PRIMARY KEY (event_id, seq)
);
ALTER TABLE snapshots ALTER COLUMN body SET STORAGE EXTERNAL;

-- Finished operations that left the memory of their shard (docs/decisions/operation-memory.md). BRIN, because rows come in the order of
-- `at` and only pruning asks for it.
CREATE TABLE operations (
    op_id    uuid        PRIMARY KEY,
    event_id uuid        NOT NULL,
    at       timestamptz NOT NULL,
    answer   bytea       NOT NULL
);
CREATE INDEX operations_at ON operations USING brin (at);

-- How far each reader of the journal has come: the position of the last row whose effect is durable.
CREATE TABLE checkpoints (
    consumer   text        PRIMARY KEY,
    xid        xid8        NOT NULL,
    event_id   uuid        NOT NULL,
    seq        bigint      NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
