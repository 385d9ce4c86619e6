-- Money: a ledger with double entries. Each transaction's entries sum to zero; a wallet's balance is the sum of its entries.
-- PostgreSQL itself sees to both.

CREATE TABLE wallets (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0),
    user_id uuid NOT NULL REFERENCES users,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- The sum of the wallet's entries: they move it, nothing else can. See move_balances().
    balance_minor bigint NOT NULL DEFAULT 0 CHECK (balance_minor >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (user_id, currency)
);

-- Whatever money can lie in or come from. A wallet's account has the wallet's id. Accounts of the house have no balance of their own:
-- a row that every payment changes would let only one pay at a time.
CREATE TABLE ledger_accounts (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('wallet', 'provider', 'sales')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    UNIQUE (id, currency)
);
CREATE UNIQUE INDEX ledger_accounts_of_the_house ON ledger_accounts (kind, currency) WHERE kind <> 'wallet';

-- Money that the payment provider was asked for.
CREATE TABLE top_ups (
    id uuid PRIMARY KEY,
    wallet_id uuid NOT NULL REFERENCES wallets,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    state text NOT NULL CHECK (state IN ('requested', 'succeeded', 'declined')),
    -- The provider's own id of the event that ended it: a repetition of the event changes nothing.
    provider_event_id text UNIQUE,
    requested_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK ((state = 'requested') = (ended_at IS NULL)),
    CHECK ((state = 'requested') = (provider_event_id IS NULL))
);
CREATE INDEX top_ups_open ON top_ups (requested_at) WHERE state = 'requested';
CREATE INDEX top_ups_open_of_wallet ON top_ups (wallet_id) WHERE state = 'requested';

CREATE TABLE ledger_transactions (
    id uuid PRIMARY KEY,
    cause text NOT NULL CHECK (cause IN ('top_up', 'payment', 'refund', 'transfer')),
    order_id uuid REFERENCES orders,
    top_up_id uuid UNIQUE REFERENCES top_ups,
    command_id uuid NOT NULL,
    at timestamptz NOT NULL,
    CHECK ((order_id IS NOT NULL) = (cause IN ('payment', 'refund'))),
    CHECK ((top_up_id IS NOT NULL) = (cause = 'top_up'))
);
-- An order is paid once, and refunded once.
CREATE UNIQUE INDEX ledger_transactions_of_order ON ledger_transactions (order_id, cause) WHERE order_id IS NOT NULL;

CREATE TABLE ledger_entries (
    transaction_id uuid NOT NULL REFERENCES ledger_transactions,
    account_id uuid NOT NULL,
    currency text NOT NULL,
    -- Below zero for what went out of the account.
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (transaction_id, account_id),
    FOREIGN KEY (account_id, currency) REFERENCES ledger_accounts (id, currency)
);
CREATE INDEX ledger_entries_of_account ON ledger_entries (account_id);

-- Looked at when the transaction of PostgreSQL ends, with all its entries there.
CREATE FUNCTION refuse_what_does_not_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sum_minor  numeric;
    entries    bigint;
    currencies bigint;
BEGIN
    SELECT coalesce(sum(amount_minor), 0), count(*), count(DISTINCT currency) INTO sum_minor, entries, currencies
    FROM ledger_entries
    WHERE transaction_id = (to_jsonb(new) ->> TG_ARGV[0])::uuid;
    IF sum_minor <> 0 OR entries < 2 OR currencies <> 1 THEN
        RAISE integrity_constraint_violation
            USING MESSAGE = format('%s entries in %s currencies that sum to %s', entries, currencies, sum_minor);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transaction_balances AFTER INSERT ON ledger_transactions DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION refuse_what_does_not_balance('id');
CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION refuse_what_does_not_balance('transaction_id');

CREATE FUNCTION move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE wallets w SET balance_minor = w.balance_minor + m.amount_minor FROM moved m WHERE w.id = m.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_moved AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION move_balances();

CREATE TRIGGER balance_by_hand BEFORE UPDATE OF balance_minor ON wallets FOR EACH ROW
WHEN (pg_trigger_depth() = 0 AND old.balance_minor <> new.balance_minor) EXECUTE FUNCTION refuse_a_change_by_hand('balance');
CREATE TRIGGER balance_to_begin_with BEFORE INSERT ON wallets FOR EACH ROW
WHEN (new.balance_minor <> 0) EXECUTE FUNCTION refuse_a_change_by_hand('balance');
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_a_change_of_history();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
FOR EACH STATEMENT EXECUTE FUNCTION refuse_a_change_of_history();
