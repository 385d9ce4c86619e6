-- People, their sign-ins, who follows whom, and the idempotency keys of commands.
-- Columns with personal data are readable here: erasing a person clears them. In events they are sealed.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    email text NOT NULL,
    -- The form in which addresses are compared: without regard to case.
    email_canonical text NOT NULL UNIQUE,
    -- argon2id in PHC form.
    password_hash text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    avatar_url text,
    bio text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE user_roles (
    user_id uuid NOT NULL REFERENCES users,
    role text NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, role)
);

-- One sign-in on one device.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);

CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
-- For sweeping.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- The refresh tokens of a sign-in that may still be used: unused ones, and used ones within their grace.
CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at timestamptz NOT NULL,
    replaced_at timestamptz
);

CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- A pair stays when it ends, so that its versions go on counting.
CREATE TABLE follows (
    follower_id uuid NOT NULL REFERENCES users,
    followed_id uuid NOT NULL REFERENCES users,
    version integer NOT NULL CHECK (version > 0),
    active boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (follower_id, followed_id),
    CHECK (follower_id <> followed_id)
);

CREATE INDEX follows_by_followed ON follows (followed_id);

-- Accepted commands that carried a key, for as long as a repetition is answered with the first answer.
CREATE TABLE idempotency_keys (
    -- HMAC of owner, command and key.
    scope bytea PRIMARY KEY,
    -- HMAC of the input without its secret fields.
    input bytea NOT NULL,
    claimed_at timestamptz NOT NULL,
    -- Receipt and ids. Null only within the transaction that claimed the key.
    answer jsonb
);

-- For sweeping.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (claimed_at);
