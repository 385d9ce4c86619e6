-- How many rows of the shop's books do not add up, in one snapshot: entries sum to zero, balances and stock are their sums, nothing is
-- below zero, what is paid was paid once, what is cancelled came back, and what came in from the provider lies in wallets or was sold for.
SELECT
    (SELECT count(*) FROM (
        SELECT FROM ledger_entries GROUP BY transaction_id HAVING sum(amount_minor) <> 0 OR count(DISTINCT currency) <> 1) a)
    + (SELECT count(*) FROM wallets w WHERE balance_minor < 0 OR balance_minor <>
        (SELECT coalesce(sum(amount_minor), 0) FROM ledger_entries WHERE account_id = w.id))
    + (SELECT count(*) FROM products p WHERE stock < 0 OR stock <>
        (SELECT coalesce(sum(quantity), 0) FROM stock_movements WHERE product_id = p.id))
    + (SELECT count(*) FROM orders o WHERE (status IN ('confirmed', 'shipped', 'delivered')) <>
        ((SELECT count(*) FROM ledger_transactions t WHERE t.order_id = o.id AND cause = 'payment')
        - (SELECT count(*) FROM ledger_transactions t WHERE t.order_id = o.id AND cause = 'refund') = 1))
    + (SELECT count(*) FROM orders o WHERE status = 'cancelled' AND
        (SELECT sum(quantity) FROM stock_movements m WHERE m.order_id = o.id) <> 0)
    + (SELECT count(*) FROM (
        SELECT coalesce(sum(amount_minor), 0) AS there FROM top_ups WHERE state = 'succeeded') came, (
        SELECT coalesce(sum(e.amount_minor), 0) AS there FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
        WHERE a.kind <> 'provider') lies WHERE came.there <> lies.there) AS n
