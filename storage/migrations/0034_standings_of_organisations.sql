-- Whether an organisation acts is one state (docs/decisions/closing-an-organisation.md), not a time beside a flag. When it was
-- suspended is in the audit log.
ALTER TABLE organisations ADD standing text NOT NULL DEFAULT 'active' CHECK (standing IN ('active', 'suspended', 'closed'));
UPDATE organisations SET standing = 'suspended' WHERE suspended_at IS NOT NULL;
DROP INDEX organisations_suspended;
ALTER TABLE organisations DROP COLUMN suspended_at;

-- Few are, and every list has to leave theirs out.
CREATE INDEX organisations_withdrawn ON organisations (organisation_id) WHERE standing <> 'active';
