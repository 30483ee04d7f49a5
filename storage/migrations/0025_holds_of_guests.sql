-- The buyer that a browser was before somebody signed in there; it is one of the user's since (user_buyers). What it holds may be paid for
-- in this session (docs/decisions/holds-of-guests.md).
ALTER TABLE sessions ADD COLUMN guest_buyer_id uuid;
