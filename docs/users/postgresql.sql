-- Run by the owner of the tables in millrace's database, after `millrace migrate`, and again after each later one.
-- The owner migrates, seeds, and begins new histories (`millrace log new-history`). No role has to be a superuser, or to own anything.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- Commands: rows, and no tables. What is in the log stays as it is.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'millrace_command') THEN
        CREATE ROLE millrace_command LOGIN PASSWORD 'change-me';
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO millrace_command;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO millrace_command;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO millrace_command;
REVOKE UPDATE, DELETE ON log FROM millrace_command;
REVOKE INSERT, UPDATE, DELETE ON erasable, _sqlx_migrations FROM millrace_command;

-- Relays: they give positions to what commands have left, and read the log and the keys. Nothing of accounts or money.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'millrace_relay') THEN
        CREATE ROLE millrace_relay LOGIN PASSWORD 'change-me';
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO millrace_relay;
GRANT SELECT, DELETE ON outbox TO millrace_relay;
GRANT SELECT, INSERT ON log TO millrace_relay;
GRANT SELECT, UPDATE (position, settled) ON log_head TO millrace_relay;
GRANT SELECT, UPDATE (serial, is_changed) ON person_key TO millrace_relay;
