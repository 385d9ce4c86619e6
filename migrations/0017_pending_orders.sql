-- Each order that is placed counts its customer's unpaid ones; old customers have many that are not.
CREATE INDEX orders_unpaid ON orders (customer_id) WHERE status = 'pending';
