-- What came of a request that carries an idempotency key: said in the transaction of its effect, so that the effect is there if and only
-- if this says so (docs/decisions/idempotency-keys.md).
ALTER TABLE repeated_requests
    ADD made        text,
    ADD effect_xid  xid8,
    ADD CHECK ((made IS NULL) = (effect_xid IS NULL));

-- False if another attempt at the request has taken over: what this transaction does must not be there then.
CREATE FUNCTION mark_request(key bytea, attempt uuid, what text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    known repeated_requests;
BEGIN
    SELECT * INTO known FROM repeated_requests WHERE key_hash = key AND worker = attempt FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF known.effect_xid <> pg_current_xact_id() THEN
        RAISE EXCEPTION 'a request with an idempotency key has its effect in one transaction, and this is another';
    END IF;
    UPDATE repeated_requests SET made = what, effect_xid = pg_current_xact_id() WHERE key_hash = key;
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION mark_request FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mark_request TO bilten_tenant;
