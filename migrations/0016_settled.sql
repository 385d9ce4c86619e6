-- sequence_outbox as in 0001, but what is settled is put right at once where it lies ahead of all transactions: in another server, into which a
-- dump was loaded. It was left there while it lay ahead by less than a step, and once the server's transactions had passed it, a command
-- of one just below was never sequenced.
CREATE OR REPLACE FUNCTION sequence_outbox(rows_max integer, OUT head_history uuid, OUT head_position bigint, OUT more_left boolean)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET jit = off AS $$
DECLARE
    step CONSTANT bigint := 1000;
    reached      bigint;
    last_settled xid8;
    from_here    xid8;
    ended        xid8;
    moved_events bigint;
    last_serial  bigint;
    moved_keys   bigint;
BEGIN
    SELECT history, position, settled INTO STRICT head_history, reached, last_settled
    FROM log_head WHERE only_row FOR UPDATE;
    SELECT coalesce(max(position), 0) INTO head_position FROM log;
    IF head_position < reached THEN
        RAISE data_corrupted USING MESSAGE = format('the log had reached position %s and ends at %s', reached, head_position),
            HINT = 'Was PostgreSQL put back to an older state? Then run "millrace log new-history".';
    END IF;

    -- All transactions below it have ended before the next statement's snapshot, which sees what they recorded. Deleted rows below what is
    -- settled are not looked at again, however long a reader's old snapshot keeps them from being cleared away. What is settled lies ahead
    -- of all transactions only in another server, into which a dump was loaded: there it says nothing.
    ended := pg_snapshot_xmin(pg_current_snapshot());
    from_here := CASE WHEN last_settled <= ended THEN last_settled ELSE '0' END;

    -- "+ 0" keeps the planner from the primary key, which would lead it past all those deleted rows.
    WITH waiting AS MATERIALIZED (
        SELECT o.command_ordinal FROM outbox o WHERE o.transaction >= from_here
    ), moved AS (
        DELETE FROM outbox o WHERE o.transaction >= from_here AND o.command_ordinal + 0 <= (
            SELECT max(oldest.command_ordinal)
            FROM (SELECT w.command_ordinal FROM waiting w ORDER BY w.command_ordinal LIMIT rows_max) oldest
        ) RETURNING *
    ), placed AS (
        INSERT INTO log
        SELECT head_position + row_number() OVER (ORDER BY m.command_ordinal, m.command_index),
            m.event_id, m.command_id, m.command_index, m.command_count,
            m.aggregate_kind, m.aggregate_id, m.aggregate_version,
            m.name, m.schema_version, m.actor, m.at, m.trace, m.payload
        FROM moved m
        RETURNING 1
    )
    SELECT count(*) INTO moved_events FROM placed;

    -- After the events: their commands' keys are seen here, so a key has its serial as soon as an event that needs it has its position.
    -- A key that a command holds locked is skipped, for that command comes to sequence after its end; the lock of all waits for nobody.
    SELECT coalesce(max(serial), 0) INTO last_serial FROM person_key;
    WITH changed AS (
        SELECT k.user_id FROM person_key k WHERE k.is_changed ORDER BY k.user_id FOR NO KEY UPDATE SKIP LOCKED
    ), numbered AS (
        SELECT c.user_id, last_serial + row_number() OVER (ORDER BY c.user_id) AS serial FROM changed c
    ), given AS (
        UPDATE person_key k SET serial = n.serial, is_changed = false FROM numbered n WHERE k.user_id = n.user_id RETURNING 1
    )
    SELECT count(*) INTO moved_keys FROM given;

    more_left := moved_events >= rows_max;
    head_position := head_position + moved_events;
    IF last_settled > ended THEN
        UPDATE log_head SET position = head_position, settled = CASE WHEN more_left THEN '0' ELSE ended END WHERE only_row;
    ELSIF NOT more_left AND ended::text::bigint - last_settled::text::bigint >= step THEN
        UPDATE log_head SET position = head_position, settled = ended WHERE only_row;
    END IF;
    IF moved_events + moved_keys > 0 THEN
        PERFORM pg_notify('millrace_log', head_position::text);
    END IF;
END $$;
