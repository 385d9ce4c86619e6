-- Mails, and what their readers prove with them: that an address is theirs, or that they may set a new password.

-- Null while nobody has shown that mail to the address arrives.
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;
-- The address that takes the other's place once it is verified.
ALTER TABLE users ADD COLUMN pending_email text;
-- When the password was set anew; null while it is the first one. Mails for a forgotten password that are older are good no more.
ALTER TABLE users ADD COLUMN password_set_at timestamptz;
-- Since when the person does not want to be seen; null while the account is active.
ALTER TABLE users ADD COLUMN deactivated_at timestamptz;

-- Mails that are not sent yet. There is no text here, so no secret: it is written when the mail is sent, and then the row goes.
CREATE TABLE mails (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('verify_email', 'reset_password', 'password_changed', 'email_change_requested',
        'email_changed')),
    -- Null for a forgotten password: whose address it is, is looked up when the mail is sent, so that asking is the same for all.
    user_id uuid REFERENCES users,
    address text NOT NULL,
    -- In the form in which addresses are compared.
    address_canonical text NOT NULL,
    written_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Attempts since the last one that a process told the end of.
    unanswered integer NOT NULL DEFAULT 0 CHECK (unanswered >= 0),
    -- When it is tried next. A process that tries puts this off first, so that no other does meanwhile.
    due_at timestamptz NOT NULL,
    -- When it was given up.
    dead_at timestamptz,
    CHECK ((user_id IS NULL) = (kind = 'reset_password'))
);
CREATE INDEX mails_due ON mails (due_at) WHERE dead_at IS NULL;
-- For sweeping, and for erasing a person.
CREATE INDEX mails_by_age ON mails (written_at);
CREATE INDEX mails_of_user ON mails (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX mails_of_address ON mails (address_canonical);

-- What mails carried, each good for one use.
CREATE TABLE mail_tokens (
    -- SHA-256 of the token: the token itself lies in the mail alone.
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    purpose text NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    user_id uuid NOT NULL REFERENCES users,
    -- The mail that carries it, at each attempt to send it.
    mail_id uuid NOT NULL UNIQUE,
    -- When the mail was asked for.
    written_at timestamptz NOT NULL,
    -- Where it was sent: it proves nothing about another address.
    email_canonical text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX mail_tokens_of_user ON mail_tokens (user_id);
-- For sweeping.
CREATE INDEX mail_tokens_by_expiry ON mail_tokens (expires_at);
