-- Codes of vouchers are in the clear no more: by what each is known (domain/codes.py), and its text sealed (services/events/voucher_codes.py).
-- SQL has no key to seal with. What is there already is put aside for as long as it takes `bilten migrate` or `bilten up`, which go on
-- after the last migration, to seal it (storage/clear_codes.py); a later migration drops the empty column.
ALTER TABLE vouchers RENAME code TO clear_code;
ALTER TABLE vouchers
    DROP CONSTRAINT vouchers_event_id_code_key,
    ALTER clear_code DROP NOT NULL,
    ADD fingerprint bytea CHECK (octet_length(fingerprint) = 16),
    -- A format, a nonce, a code, a tag.
    ADD code_sealed bytea CHECK (octet_length(code_sealed) BETWEEN 1 + 12 + 3 + 16 AND 1 + 12 + 40 + 16),
    ADD UNIQUE (event_id, fingerprint),
    ADD CONSTRAINT vouchers_clear_or_sealed
        CHECK (num_nonnulls(fingerprint, code_sealed) = CASE WHEN clear_code IS NULL THEN 2 ELSE 0 END);
CREATE INDEX vouchers_clear ON vouchers (voucher_id) WHERE clear_code IS NOT NULL;

-- Changes of codes hold whole codes. After the lock above nobody of the version before this one can write down another; it has no
-- column `code` to read.
DO $$
BEGIN
    IF EXISTS (SELECT FROM event_changes WHERE state = 'pending' AND kind IN ('vouchers', 'edit_voucher', 'retire_voucher')) THEN
        RAISE EXCEPTION 'codes of vouchers are just being changed, and only the version before this one can finish that: '
            'start it once more, wait until no row of event_changes is pending, stop it, and start this one again';
    END IF;
END
$$;
DELETE FROM event_changes WHERE kind IN ('vouchers', 'edit_voucher', 'retire_voucher');
