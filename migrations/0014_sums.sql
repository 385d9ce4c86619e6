-- A wallet's balance is the sum of its entries, whatever one statement inserts: two transactions that touch one wallet are two entries of
-- it, and an UPDATE takes only one row of those that it is joined with. See move_stock().
CREATE OR REPLACE FUNCTION move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE wallets w SET balance_minor = w.balance_minor + m.amount_minor
    FROM (SELECT account_id, sum(amount_minor)::bigint AS amount_minor FROM moved GROUP BY account_id) m
    WHERE w.id = m.account_id;
    RETURN NULL;
END $$;

-- How many of a wallet's top-ups wait is asked of the last day alone.
DROP INDEX top_ups_open_of_wallet;
CREATE INDEX top_ups_open_of_wallet ON top_ups (wallet_id, requested_at) WHERE state = 'requested';
