-- What 0032 put aside is sealed by now, and nothing in the clear has a place here any more. Whoever comes straight from before 0032 has
-- codes that nobody sealed yet: they stay where they are until a version that can has done so. Looked at under the lock of the change.
LOCK TABLE vouchers IN ACCESS EXCLUSIVE MODE;
DO $$
BEGIN
    IF EXISTS (SELECT FROM vouchers WHERE clear_code IS NOT NULL) THEN
        RAISE EXCEPTION 'codes of vouchers are still to be sealed, and this version can not do that: run `bilten migrate` of the last '
            'version without this file, with the tickets.key or the data_dir that the platform has, and then that of this one again';
    END IF;
END
$$;
ALTER TABLE vouchers
    DROP CONSTRAINT vouchers_clear_or_sealed,
    DROP COLUMN clear_code,
    ALTER fingerprint SET NOT NULL,
    ALTER code_sealed SET NOT NULL;

-- How many people an organisation invited in a day, whatever else it did since.
CREATE INDEX audit_entries_invitations ON audit_entries (chain, at) WHERE action = 'invitation.create';
