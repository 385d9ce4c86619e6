-- A token that was voided stays until it would have been over: whoever has addresses mailed and takes it back has had these mails.
ALTER TABLE mail_tokens ADD COLUMN voided_at timestamptz;
