-- Accounts that people have with OpenID providers, by which they sign in here.

-- Null while a person signs in by a provider alone: then no password is right.
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;

CREATE TABLE identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users,
    linked_at timestamptz NOT NULL,
    -- What requests with the provider's own tokens are known by, in place of a sign-in.
    session_id uuid NOT NULL UNIQUE,
    -- Such tokens that were issued up to this moment are void: all sign-ins were ended then.
    void_until timestamptz,
    -- Whoever two people were with a provider would sign in as either.
    PRIMARY KEY (issuer, subject),
    -- One of each provider, so that the provider's name is enough to unlink it. Also finds a person's.
    UNIQUE (user_id, issuer)
);

INSERT INTO erasable (place, name, action, statement, question) VALUES
(25, 'identities', 'deleted',
    $$DELETE FROM identities WHERE user_id = $1$$,
    $$SELECT count(*) FROM identities WHERE user_id = $1$$);

ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check CHECK (kind IN ('verify_email', 'reset_password', 'password_changed',
    'email_change_requested', 'email_changed', 'provider_linked'));
