-- Erasing a person: what goes, what stays without a name, and the receipt.

-- Whose answer it is, so that it goes with the person. Null for those of nobody who is known.
ALTER TABLE idempotency_keys ADD COLUMN user_id uuid;
CREATE INDEX idempotency_keys_of_user ON idempotency_keys (user_id) WHERE user_id IS NOT NULL;

-- The account's row stays, for what refers to it: posts that others commented on, orders, money. PostgreSQL itself sees to it that nothing
-- of the person comes back into it.
ALTER TABLE users ADD COLUMN erased_at timestamptz;
ALTER TABLE users ADD CONSTRAINT users_erased CHECK (erased_at IS NULL OR (
    (email, password_hash, first_name, last_name) = ('', '', '', '')
    AND email_canonical = 'erased:' || id::text AND avatar_url IS NULL AND bio IS NULL
    AND pending_email IS NULL AND email_verified_at IS NULL AND password_set_at IS NULL AND deactivated_at IS NULL));

-- What erasing a person does to each table, in this order, and the question whose answer is then 0. $1 is the person, $2 the moment.
-- This is the one list: a migration that adds a table in which something of a person lies adds its line here. A test asks it of
-- every table that refers to a person.
CREATE TABLE erasable (
    place     smallint PRIMARY KEY,
    name      text     NOT NULL UNIQUE,
    action    text     NOT NULL CHECK (action IN ('deleted', 'cleared')),
    statement text     NOT NULL,
    question  text     NOT NULL
);

INSERT INTO erasable (place, name, action, statement, question) VALUES
-- Before the account forgets its address: a mail for a forgotten password knows the person by that alone.
(5, 'mails', 'deleted',
    $$DELETE FROM mails WHERE user_id = $1 OR address_canonical = (SELECT email_canonical FROM users WHERE id = $1)$$,
    $$SELECT count(*) FROM mails WHERE user_id = $1 OR address_canonical = (SELECT email_canonical FROM users WHERE id = $1)$$),
(10, 'users', 'cleared',
    $$UPDATE users SET email = '', email_canonical = 'erased:' || id::text, password_hash = '', first_name = '', last_name = '',
      avatar_url = NULL, bio = NULL, pending_email = NULL, email_verified_at = NULL, password_set_at = NULL,
      deactivated_at = NULL, version = version + 1, updated_at = $2, erased_at = $2 WHERE id = $1$$,
    $$SELECT count(*) FROM users WHERE id = $1 AND erased_at IS NULL$$),
(20, 'user_roles', 'deleted',
    $$DELETE FROM user_roles WHERE user_id = $1$$,
    $$SELECT count(*) FROM user_roles WHERE user_id = $1$$),
(30, 'refresh_tokens', 'deleted',
    $$DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $1)$$,
    $$SELECT count(*) FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $1)$$),
(40, 'sessions', 'deleted',
    $$DELETE FROM sessions WHERE user_id = $1$$,
    $$SELECT count(*) FROM sessions WHERE user_id = $1$$),
(45, 'mail_tokens', 'deleted',
    $$DELETE FROM mail_tokens WHERE user_id = $1$$,
    $$SELECT count(*) FROM mail_tokens WHERE user_id = $1$$),
(50, 'idempotency_keys', 'deleted',
    -- The answer of the erasure itself, which has no answer yet, is ids, and kept for its 24 hours.
    $$DELETE FROM idempotency_keys WHERE user_id = $1 AND answer IS NOT NULL$$,
    $$SELECT count(*) FROM idempotency_keys k WHERE k.user_id = $1 AND k.answer #>> '{outcome,erasureReceiptId}' IS NULL$$),
(60, 'posts', 'cleared',
    $$UPDATE posts SET title = '', body = '' WHERE id IN (SELECT id FROM posts WHERE author_id = $1 ORDER BY id FOR UPDATE)$$,
    $$SELECT count(*) FROM posts WHERE author_id = $1 AND (title, body) <> ('', '')$$),
(70, 'post_tags', 'deleted',
    $$DELETE FROM post_tags WHERE post_id IN (SELECT id FROM posts WHERE author_id = $1)$$,
    $$SELECT count(*) FROM post_tags WHERE post_id IN (SELECT id FROM posts WHERE author_id = $1)$$),
(80, 'comments', 'cleared',
    $$UPDATE comments SET text = '' WHERE id IN (SELECT id FROM comments WHERE author_id = $1 ORDER BY id FOR UPDATE)$$,
    $$SELECT count(*) FROM comments WHERE author_id = $1 AND text <> ''$$),
(90, 'orders', 'cleared',
    $$UPDATE orders SET delivery_address = NULL
      WHERE id IN (SELECT id FROM orders WHERE customer_id = $1 AND delivery_address IS NOT NULL ORDER BY id FOR UPDATE)$$,
    $$SELECT count(*) FROM orders WHERE customer_id = $1 AND delivery_address IS NOT NULL$$);

-- Receipts, for ever. They name nobody: the id of the person leads to nothing any more.
CREATE TABLE erasures (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL UNIQUE REFERENCES users,
    command_id uuid        NOT NULL UNIQUE,
    erased_at  timestamptz NOT NULL
);

-- How many rows of each table.
CREATE TABLE erasure_parts (
    erasure_id uuid     NOT NULL REFERENCES erasures,
    place      smallint NOT NULL REFERENCES erasable,
    rows       bigint   NOT NULL CHECK (rows >= 0),
    PRIMARY KEY (erasure_id, place)
);

-- Erases a person from the tables, and writes the receipt. The account must be locked, and its key destroyed in the same transaction.
CREATE FUNCTION erase_person(erasure uuid, person uuid, command uuid, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    part    erasable;
    changed bigint;
BEGIN
    INSERT INTO erasures (id, user_id, command_id, erased_at) VALUES (erasure, person, command, at);
    FOR part IN SELECT * FROM erasable ORDER BY place LOOP
        EXECUTE part.statement USING person, at;
        GET DIAGNOSTICS changed = ROW_COUNT;
        INSERT INTO erasure_parts (erasure_id, place, rows) VALUES (erasure, part.place, changed);
    END LOOP;
END $$;

-- What is left of a person in each table, for whoever checks a receipt.
CREATE FUNCTION left_of_person(person uuid) RETURNS TABLE (name text, action text, rows_left bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    part erasable;
BEGIN
    FOR part IN SELECT * FROM erasable ORDER BY place LOOP
        name := part.name;
        action := part.action;
        EXECUTE part.question INTO rows_left USING person;
        RETURN NEXT;
    END LOOP;
END $$;
