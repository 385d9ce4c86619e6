-- What exports of a person's own data are written with. Which tables they tell stands in the program (crates/command/src/export).

-- An id as GraphQL clients hold it: its type and the UUID in base64url. A test compares this with the program's own for every type.
CREATE FUNCTION global_id(type_name text, id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT translate(encode(
        set_byte('\x00', 0, CASE type_name
            WHEN 'User' THEN 1 WHEN 'Post' THEN 2 WHEN 'Comment' THEN 3 WHEN 'Product' THEN 4 WHEN 'Order' THEN 5
            WHEN 'Wallet' THEN 6 WHEN 'Transaction' THEN 7 WHEN 'TopUp' THEN 8 WHEN 'Erasure' THEN 9
            WHEN 'Command' THEN 64 WHEN 'Session' THEN 65 END)
        || uuid_send(id), 'base64'), '+/=', '-_')
$$;

-- An amount as GraphQL clients read it.
CREATE FUNCTION money_json(amount_minor bigint, currency text) RETURNS json LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT json_build_object('amountMinor', amount_minor::text, 'currency', currency)
$$;

-- Events wherever they are: some have no position yet.
CREATE VIEW recorded_events AS
SELECT event_id, command_id, aggregate_kind, aggregate_id, name, payload FROM log
UNION ALL
SELECT event_id, command_id, aggregate_kind, aggregate_id, name, payload FROM outbox;

-- Words that lie sealed in an event, with what is needed to open them.
CREATE FUNCTION sealed_words(event_id uuid, payload text, field text) RETURNS json LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT json_build_object('$event', event_id, '$words', payload::json -> field)
$$;
