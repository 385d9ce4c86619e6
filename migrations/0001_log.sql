-- The log and what stands before it. See crates/log.

-- Each command draws its ordinal once, after all its locks. CACHE 1, because a connection that keeps numbers in stock would hand out
-- low ones late: version 2 of an aggregate before version 1.
CREATE SEQUENCE command_ordinal AS bigint CACHE 1;

-- One row, whose lock is the right to give positions. Where the log ends, the log itself tells: a row that changes at each call would leave
-- versions that each later call has to pass while somebody holds an old snapshot (a dump, say). So what is noted here moves in steps.
CREATE TABLE log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    history  uuid    NOT NULL,
    -- The log has reached it. If it ends below, its tail is lost, and those positions must not be given again.
    position bigint  NOT NULL DEFAULT 0 CHECK (position >= 0),
    -- Whatever transactions below it recorded has its position.
    settled  xid8    NOT NULL DEFAULT '0'
);

-- The first history, as a UUID v7 (RFC 9562, 5.7): of two histories the later one is the greater.
INSERT INTO log_head (history)
SELECT (
    lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14)
)::uuid;

-- Committed events that have no position yet. Payloads are JSON with personal data sealed, as text, so that no store respells them.
CREATE TABLE outbox (
    command_ordinal   bigint      NOT NULL,
    command_index     integer     NOT NULL CHECK (command_index >= 0),
    command_count     integer     NOT NULL CHECK (command_count > command_index),
    event_id          uuid        NOT NULL UNIQUE,
    command_id        uuid        NOT NULL,
    aggregate_kind    text        NOT NULL,
    aggregate_id      uuid        NOT NULL,
    aggregate_version integer     NOT NULL CHECK (aggregate_version > 0),
    name              text        NOT NULL,
    schema_version    integer     NOT NULL,
    actor             uuid,
    at                timestamptz NOT NULL,
    trace             text,
    payload           text        NOT NULL,
    -- Whose rows these are, so that sequencing need not look below what is settled.
    transaction       xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (command_ordinal, command_index),
    UNIQUE (aggregate_kind, aggregate_id, aggregate_version)
) WITH (
    -- Every row is deleted soon: vacuum by number of rows, not by share of a table that is empty most of the time.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX outbox_transaction ON outbox (transaction);

-- All events in order, for ever.
CREATE TABLE log (
    position          bigint      PRIMARY KEY CHECK (position > 0),
    event_id          uuid        NOT NULL UNIQUE,
    command_id        uuid        NOT NULL,
    command_index     integer     NOT NULL,
    command_count     integer     NOT NULL,
    aggregate_kind    text        NOT NULL,
    aggregate_id      uuid        NOT NULL,
    aggregate_version integer     NOT NULL,
    name              text        NOT NULL,
    schema_version    integer     NOT NULL,
    actor             uuid,
    at                timestamptz NOT NULL,
    trace             text,
    payload           text        NOT NULL,
    UNIQUE (aggregate_kind, aggregate_id, aggregate_version)
);
CREATE INDEX log_command ON log (command_id, position);

-- Keys of persons. A destroyed key leaves its row as a mark. The serial is given under the head's lock, so serials become visible in
-- order: a mirror that asks for what lies after the last serial it saw misses nothing. The old serial stays until the change has its own,
-- so that the highest one never falls.
CREATE TABLE person_key (
    user_id      uuid        PRIMARY KEY,
    key          bytea       CHECK (octet_length(key) = 32),
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    serial       bigint      UNIQUE,
    is_changed   boolean     NOT NULL DEFAULT true,
    CHECK ((key IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK (is_changed OR serial IS NOT NULL)
);
CREATE INDEX person_key_changed ON person_key (user_id) WHERE is_changed;

-- An event id or an aggregate's version that is in the log already would make every later sequencing fail. So the command that records
-- it fails instead. Each statement of a volatile function has a fresh snapshot: what left the outbox before the new row passed its
-- unique keys is seen in the log here.
--
-- Here and below sequential scans are off: a plan that was right for an empty table would be kept while the table grows. What has no other
-- plan counts as very dear then, so that the compiler must be off too: it would take 200 ms over it.
CREATE FUNCTION refuse_what_is_in_the_log() RETURNS trigger
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET jit = off AS $$
BEGIN
    IF EXISTS (SELECT FROM recorded r JOIN log l USING (event_id)) THEN
        RAISE unique_violation USING MESSAGE = 'an event that is in the log already was recorded again', TABLE = 'log';
    END IF;
    IF EXISTS (SELECT FROM recorded r JOIN log l USING (aggregate_kind, aggregate_id, aggregate_version)) THEN
        RAISE unique_violation USING MESSAGE = 'a version that is in the log already was recorded again', TABLE = 'log';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_recorded AFTER INSERT ON outbox REFERENCING NEW TABLE AS recorded
FOR EACH STATEMENT EXECUTE FUNCTION refuse_what_is_in_the_log();

-- Moves whole committed commands, about rows_max events, from the outbox into the log, each event at the next position.
--
-- First the lock, then, in statements of their own, what there is to move: a volatile function's statements have fresh snapshots each, so
-- that nobody moves what another call has moved while this one waited. more_left is true if there may be more than was moved.
CREATE FUNCTION sequence_outbox(rows_max integer, OUT head_history uuid, OUT head_position bigint, OUT more_left boolean)
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
    IF NOT more_left AND abs(ended::text::bigint - last_settled::text::bigint) >= step THEN
        UPDATE log_head SET position = head_position, settled = ended WHERE only_row;
    END IF;
    IF moved_events + moved_keys > 0 THEN
        PERFORM pg_notify('millrace_log', head_position::text);
    END IF;
END $$;
