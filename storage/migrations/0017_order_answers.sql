-- What buyers answered. Sealed under the key of `buyer_id`, so that forgetting the buyer makes it unreadable. The question's words stay
-- with it, and nothing refers to `questions`: those change while orders stay.
CREATE TABLE order_answers (
    order_id      uuid     NOT NULL REFERENCES orders ON DELETE CASCADE,
    position      smallint NOT NULL CHECK (position >= 0),
    question_id   uuid     NOT NULL,
    -- Of which ticket, counted from 0 through the order's lines; NULL for the whole order.
    ticket_index  smallint CHECK (ticket_index >= 0),
    buyer_id      uuid     NOT NULL,
    label         text     NOT NULL CHECK (label <> ''),
    answer_sealed bytea    NOT NULL,
    PRIMARY KEY (order_id, position),
    UNIQUE NULLS NOT DISTINCT (order_id, question_id, ticket_index)
);
SELECT guard_tenant_table('order_answers', 'EXISTS (SELECT FROM orders WHERE orders.order_id = order_answers.order_id)', 'SELECT');

-- An event's orders are listed newest first.
CREATE INDEX orders_event_newest ON orders (event_id, created_at);
DROP INDEX orders_event;
