-- Linking a provider again makes none of its tokens good that were void before.

-- Outside tokens that were issued up to this moment make no link, and are good through none: all sign-ins were ended then. Null while they
-- never were. Of accounts that are there already nobody knows, so it is now; a default that does not change rewrites no row.
ALTER TABLE users ADD COLUMN outside_void_until timestamptz DEFAULT now();
ALTER TABLE users ALTER COLUMN outside_void_until DROP DEFAULT;

-- The same for the tokens of one provider: it was unlinked then. One row for each that was, however often; it goes with the person.
CREATE TABLE unlinked_providers (
    user_id uuid NOT NULL REFERENCES users,
    issuer text NOT NULL,
    unlinked_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, issuer)
);

INSERT INTO erasable (place, name, action, statement, question) VALUES
(26, 'unlinked_providers', 'deleted',
    $$DELETE FROM unlinked_providers WHERE user_id = $1$$,
    $$SELECT count(*) FROM unlinked_providers WHERE user_id = $1$$);

UPDATE erasable SET statement = replace(statement, 'deactivated_at = NULL', 'deactivated_at = NULL, outside_void_until = NULL')
WHERE name = 'users';
