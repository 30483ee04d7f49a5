-- Whether no event, of whatever organisation, has an address: organisers' transactions have to know it, and their role does not see others'
-- events. Who is told that it is free has it; others who want the same one wait until this transaction ends.
CREATE FUNCTION slug_is_free(wanted text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('event slug ' || wanted, 0));
    RETURN NOT EXISTS (SELECT FROM events WHERE slug = wanted);
END
$$;
REVOKE EXECUTE ON FUNCTION slug_is_free FROM PUBLIC;
GRANT EXECUTE ON FUNCTION slug_is_free TO bilten_tenant;
