-- What money hangs on, seen to by PostgreSQL itself: a wallet has its account, and an event of the provider is about one top-up.

-- The account is opened after its wallet, so this is looked at when the transaction ends.
ALTER TABLE wallets ADD CONSTRAINT wallets_account_fkey
    FOREIGN KEY (id, currency) REFERENCES ledger_accounts (id, currency) DEFERRABLE INITIALLY DEFERRED;

-- Every event of the payment provider that ended a top-up, for ever: a top-up itself knows only its last one, and a card that was declined
-- may be tried again.
CREATE TABLE provider_events (
    -- The provider's own.
    id text PRIMARY KEY,
    top_up_id uuid NOT NULL REFERENCES top_ups,
    taken_at timestamptz NOT NULL
);
INSERT INTO provider_events (id, top_up_id, taken_at)
SELECT provider_event_id, id, ended_at FROM top_ups WHERE provider_event_id IS NOT NULL;
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_a_change_of_history();
