-- A fee plan is one of a few that are known: until now it was whatever somebody had written.

UPDATE ticket_types SET fee_plan = 'included' WHERE fee_plan NOT IN ('included', 'on_top');
ALTER TABLE ticket_types
    ALTER fee_plan SET DEFAULT 'included',
    ADD CHECK (fee_plan IN ('included', 'on_top'));
