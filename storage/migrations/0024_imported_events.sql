-- What a source said of an event the last time that it was imported: only when it says something else is the event changed again, so
-- that what was edited here stays. Events that were imported before have none, and take over once more what their source says.
ALTER TABLE events
    ADD source_digest bytea CHECK (octet_length(source_digest) = 32),
    ADD CHECK (source IS NOT NULL OR source_digest IS NULL);
