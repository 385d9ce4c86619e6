-- A small shop as a database of migration 0012 had it: at least one row in every table, people who come and go, and money on its way.
-- The names in braces are filled in by the test.

BEGIN;
CREATE FUNCTION pg_temp.id(tail text) RETURNS uuid LANGUAGE sql AS $$
    SELECT ('01980000-0000-7000-8000-' || lpad(tail, 12, '0'))::uuid
$$;

-- Ada buys, Ben signs in by a provider alone, Sam is staff, Dora is away, and Eve is erased.
INSERT INTO users (id, version, email, email_canonical, password_hash, first_name, last_name, avatar_url, bio, created_at, updated_at,
    email_verified_at, pending_email, password_set_at, deactivated_at, erased_at) VALUES
(pg_temp.id('a1'), 3, 'Ada@example.org', 'ada@example.org', '{password_hash}', 'Ada', 'Lovelace', 'https://pictures.example/ada.png',
    'Engines.', now() - interval '90 days', now() - interval '9 days', now() - interval '89 days', NULL, now() - interval '9 days', NULL, NULL),
(pg_temp.id('a2'), 3, 'ben@example.org', 'ben@example.org', NULL, 'Ben', 'Weir', NULL, NULL, now() - interval '80 days',
    now() - interval '80 days', now() - interval '80 days', NULL, NULL, NULL, NULL),
(pg_temp.id('a3'), 3, 'sam@example.org', 'sam@example.org', '{password_hash}', 'Sam', 'Sluice', NULL, NULL, now() - interval '70 days',
    now() - interval '70 days', NULL, NULL, NULL, NULL, NULL),
(pg_temp.id('a4'), 4, 'dora@example.org', 'dora@example.org', '{password_hash}', 'Dora', 'Mill', NULL, NULL, now() - interval '60 days',
    now() - interval '6 days', NULL, 'dora@new.example', NULL, now() - interval '6 days', NULL),
(pg_temp.id('a5'), 2, '', 'erased:' || pg_temp.id('a5'), '', '', '', NULL, NULL, now() - interval '50 days', now() - interval '5 days',
    NULL, NULL, NULL, NULL, now() - interval '5 days');
INSERT INTO user_roles (user_id, role, granted_at) VALUES
(pg_temp.id('a3'), 'staff', now() - interval '70 days'), (pg_temp.id('a3'), 'admin', now() - interval '70 days');
INSERT INTO identities (issuer, subject, user_id, linked_at, session_id) VALUES
('https://id.example', 'ben-1', pg_temp.id('a2'), now() - interval '80 days', pg_temp.id('9a'));
INSERT INTO person_key (user_id, key, serial, is_changed) VALUES
(pg_temp.id('a1'), decode(repeat('a1', 32), 'hex'), 1, false), (pg_temp.id('a2'), decode(repeat('a2', 32), 'hex'), 2, false),
(pg_temp.id('a3'), decode(repeat('a3', 32), 'hex'), 3, false), (pg_temp.id('a4'), decode(repeat('a4', 32), 'hex'), 4, false);
INSERT INTO person_key (user_id, destroyed_at) VALUES (pg_temp.id('a5'), now() - interval '5 days');

INSERT INTO sessions (id, user_id, created_at, expires_at, ended_at) VALUES
(pg_temp.id('91'), pg_temp.id('a1'), now() - interval '2 days', now() + interval '28 days', NULL),
(pg_temp.id('92'), pg_temp.id('a1'), now() - interval '1 day', now() + interval '29 days', now() - interval '1 hour');
INSERT INTO refresh_tokens (hash, session_id, issued_at, replaced_at) VALUES
(decode('{refresh_token}', 'hex'), pg_temp.id('91'), now() - interval '2 days', NULL);
INSERT INTO mails (id, kind, user_id, address, address_canonical, written_at, due_at) VALUES
(pg_temp.id('61'), 'verify_email', pg_temp.id('a4'), 'dora@new.example', 'dora@new.example', now() - interval '6 days', now() - interval '6 days'),
(pg_temp.id('62'), 'reset_password', NULL, 'ada@example.org', 'ada@example.org', now(), now());
INSERT INTO mail_tokens (hash, purpose, user_id, mail_id, written_at, email_canonical, expires_at, voided_at) VALUES
(decode(repeat('61', 32), 'hex'), 'verify_email', pg_temp.id('a4'), pg_temp.id('61'), now() - interval '6 days', 'dora@new.example',
    now() + interval '1 day', now() - interval '5 days');
INSERT INTO idempotency_keys (scope, input, claimed_at, answer, user_id) VALUES
('\x01', '\x02', now(), '{"receipt": {"accepted": true}, "outcome": {"post": "b1"}}', pg_temp.id('a1'));
INSERT INTO erasures (id, user_id, command_id, erased_at) VALUES
(pg_temp.id('41'), pg_temp.id('a5'), pg_temp.id('42'), now() - interval '5 days');
INSERT INTO erasure_parts (erasure_id, place, rows) VALUES (pg_temp.id('41'), 10, 1);

INSERT INTO follows (follower_id, followed_id, version, active, changed_at) VALUES
(pg_temp.id('a2'), pg_temp.id('a1'), 1, true, now()), (pg_temp.id('a4'), pg_temp.id('a1'), 2, false, now());
INSERT INTO posts (id, version, author_id, title, body, published, created_at, updated_at, hidden_at) VALUES
(pg_temp.id('b1'), 1, pg_temp.id('a1'), 'On engines', 'They weave algebraic patterns.', true, now(), now(), NULL),
(pg_temp.id('b2'), 2, pg_temp.id('a5'), '', '', true, now(), now(), now());
INSERT INTO post_tags (post_id, place, tag) VALUES (pg_temp.id('b1'), 0, 'engines'), (pg_temp.id('b1'), 1, 'looms');
INSERT INTO comments (id, version, post_id, author_id, text, created_at, updated_at, hidden_at) VALUES
(pg_temp.id('c1'), 1, pg_temp.id('b1'), pg_temp.id('a2'), 'So they do.', now(), now(), NULL);
INSERT INTO likes (post_id, user_id, version, active, changed_at) VALUES (pg_temp.id('b1'), pg_temp.id('a2'), 1, true, now());

INSERT INTO products (id, version, name, description, image_url, price_minor, currency, retired, created_at, updated_at) VALUES
(pg_temp.id('d1'), 6, 'Oak', 'Made by hand.', NULL, 300, 'EUR', false, now(), now()),
(pg_temp.id('d2'), 3, 'Elm', 'The last ones.', 'https://pictures.example/elm.png', 50, 'EUR', true, now(), now());
-- Pending, paid, delivered, cancelled and paid back, and one of whom nobody knows the name any more.
INSERT INTO orders (id, version, customer_id, status, total_minor, currency, delivery_address, pay_until, created_at, updated_at) VALUES
(pg_temp.id('e1'), 1, pg_temp.id('a1'), 'pending', 600, 'EUR', 'Mill Lane 1', now() + interval '1 day', now(), now()),
(pg_temp.id('e2'), 2, pg_temp.id('a1'), 'confirmed', 300, 'EUR', 'Mill Lane 1', now() - interval '1 day', now(), now()),
(pg_temp.id('e3'), 4, pg_temp.id('a1'), 'delivered', 300, 'EUR', 'Mill Lane 1', now() - interval '9 days', now(), now()),
(pg_temp.id('e4'), 3, pg_temp.id('a1'), 'cancelled', 600, 'EUR', 'Mill Lane 1', now() - interval '9 days', now(), now()),
(pg_temp.id('e5'), 4, pg_temp.id('a5'), 'delivered', 50, 'EUR', NULL, now() - interval '9 days', now(), now());
INSERT INTO order_lines (order_id, place, product_id, quantity, price_minor) VALUES
(pg_temp.id('e1'), 0, pg_temp.id('d1'), 2, 300), (pg_temp.id('e2'), 0, pg_temp.id('d1'), 1, 300),
(pg_temp.id('e3'), 0, pg_temp.id('d1'), 1, 300), (pg_temp.id('e4'), 0, pg_temp.id('d1'), 2, 300),
(pg_temp.id('e5'), 0, pg_temp.id('d2'), 1, 50);
INSERT INTO stock_movements (product_id, product_version, kind, quantity, order_id, at) VALUES
(pg_temp.id('d1'), 1, 'received', 10, NULL, now()), (pg_temp.id('d1'), 2, 'reserved', -1, pg_temp.id('e3'), now()),
(pg_temp.id('d1'), 3, 'reserved', -2, pg_temp.id('e4'), now()), (pg_temp.id('d1'), 4, 'released', 2, pg_temp.id('e4'), now()),
(pg_temp.id('d1'), 5, 'reserved', -1, pg_temp.id('e2'), now()), (pg_temp.id('d1'), 6, 'reserved', -2, pg_temp.id('e1'), now()),
(pg_temp.id('d2'), 1, 'received', 5, NULL, now()), (pg_temp.id('d2'), 2, 'reserved', -1, pg_temp.id('e5'), now());

INSERT INTO wallets (id, version, user_id, currency, created_at, updated_at) VALUES
(pg_temp.id('f1'), 9, pg_temp.id('a1'), 'EUR', now(), now()), (pg_temp.id('f2'), 2, pg_temp.id('a2'), 'EUR', now(), now()),
(pg_temp.id('f3'), 4, pg_temp.id('a5'), 'EUR', now(), now());
INSERT INTO ledger_accounts (id, kind, currency) VALUES
(pg_temp.id('f1'), 'wallet', 'EUR'), (pg_temp.id('f2'), 'wallet', 'EUR'), (pg_temp.id('f3'), 'wallet', 'EUR'),
(pg_temp.id('fe'), 'provider', 'EUR'), (pg_temp.id('ff'), 'sales', 'EUR');
INSERT INTO top_ups (id, wallet_id, amount_minor, state, provider_event_id, requested_at, ended_at) VALUES
(pg_temp.id('71'), pg_temp.id('f1'), 2000, 'succeeded', 'evt-1', now() - interval '9 days', now() - interval '9 days'),
(pg_temp.id('72'), pg_temp.id('f1'), 500, 'declined', 'evt-2', now() - interval '9 days', now() - interval '8 days'),
(pg_temp.id('73'), pg_temp.id('f1'), 700, 'requested', NULL, now(), NULL),
(pg_temp.id('74'), pg_temp.id('f3'), 50, 'succeeded', 'evt-4', now() - interval '9 days', now() - interval '9 days');
INSERT INTO ledger_transactions (id, cause, order_id, top_up_id, command_id, at) VALUES
(pg_temp.id('81'), 'top_up', NULL, pg_temp.id('71'), pg_temp.id('81'), now()),
(pg_temp.id('82'), 'payment', pg_temp.id('e2'), NULL, pg_temp.id('82'), now()),
(pg_temp.id('83'), 'payment', pg_temp.id('e3'), NULL, pg_temp.id('83'), now()),
(pg_temp.id('84'), 'payment', pg_temp.id('e4'), NULL, pg_temp.id('84'), now()),
(pg_temp.id('85'), 'refund', pg_temp.id('e4'), NULL, pg_temp.id('85'), now()),
(pg_temp.id('86'), 'top_up', NULL, pg_temp.id('74'), pg_temp.id('86'), now()),
(pg_temp.id('87'), 'payment', pg_temp.id('e5'), NULL, pg_temp.id('87'), now()),
(pg_temp.id('88'), 'transfer', NULL, NULL, pg_temp.id('88'), now());
-- One transaction at a time: before migration 0014 a statement with two of one wallet moved its balance by one of them alone.
INSERT INTO ledger_entries VALUES (pg_temp.id('81'), pg_temp.id('fe'), 'EUR', -2000), (pg_temp.id('81'), pg_temp.id('f1'), 'EUR', 2000);
INSERT INTO ledger_entries VALUES (pg_temp.id('82'), pg_temp.id('f1'), 'EUR', -300), (pg_temp.id('82'), pg_temp.id('ff'), 'EUR', 300);
INSERT INTO ledger_entries VALUES (pg_temp.id('83'), pg_temp.id('f1'), 'EUR', -300), (pg_temp.id('83'), pg_temp.id('ff'), 'EUR', 300);
INSERT INTO ledger_entries VALUES (pg_temp.id('84'), pg_temp.id('f1'), 'EUR', -600), (pg_temp.id('84'), pg_temp.id('ff'), 'EUR', 600);
INSERT INTO ledger_entries VALUES (pg_temp.id('85'), pg_temp.id('ff'), 'EUR', -600), (pg_temp.id('85'), pg_temp.id('f1'), 'EUR', 600);
INSERT INTO ledger_entries VALUES (pg_temp.id('86'), pg_temp.id('fe'), 'EUR', -50), (pg_temp.id('86'), pg_temp.id('f3'), 'EUR', 50);
INSERT INTO ledger_entries VALUES (pg_temp.id('87'), pg_temp.id('f3'), 'EUR', -50), (pg_temp.id('87'), pg_temp.id('ff'), 'EUR', 50);
INSERT INTO ledger_entries VALUES (pg_temp.id('88'), pg_temp.id('f1'), 'EUR', -100), (pg_temp.id('88'), pg_temp.id('f2'), 'EUR', 100);

-- Three events have their positions, and one was committed a moment ago.
INSERT INTO log (position, event_id, command_id, command_index, command_count, aggregate_kind, aggregate_id, aggregate_version,
    name, schema_version, actor, at, trace, payload) VALUES
(1, pg_temp.id('51'), pg_temp.id('31'), 0, 1, 'user', pg_temp.id('a1'), 1, 'user.created', 1, NULL, now(), NULL, '{"userId":"a1"}'),
(2, pg_temp.id('52'), pg_temp.id('32'), 0, 1, 'post', pg_temp.id('b1'), 1, 'post.created', 1, pg_temp.id('a1'), now(), NULL, '{"postId":"b1"}'),
(3, pg_temp.id('53'), pg_temp.id('42'), 0, 1, 'user', pg_temp.id('a5'), 2, 'user.erased', 1, pg_temp.id('a5'), now(), NULL, '{"userId":"a5"}');
UPDATE log_head SET position = 3;
INSERT INTO outbox (command_ordinal, command_index, command_count, event_id, command_id, aggregate_kind, aggregate_id, aggregate_version,
    name, schema_version, actor, at, trace, payload) VALUES
(100, 0, 1, pg_temp.id('54'), pg_temp.id('34'), 'comment', pg_temp.id('c1'), 1, 'comment.added', 1, pg_temp.id('a2'), now(), NULL, '{"commentId":"c1"}');
SELECT setval('command_ordinal', 100);
COMMIT;
