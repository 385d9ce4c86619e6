import { useApolloClient, useQuery } from '@apollo/client/react';
import { useState, type FormEvent } from 'react';
import { useCommand } from '../api/commands.ts';
import { useLive } from '../api/live.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { MyWalletsDocument, OlderMovementsDocument, TopUpWalletDocument, WalletChangedDocument, type MovementsFragment, type WalletCardFragment } from '../gql/graphql.ts';
import { More } from '../parts/more.tsx';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { Link, Page } from '../router.tsx';
import { momentWords } from '../words/dates.ts';
import { moneyWords, parseMoney } from '../words/money.ts';
import { causeWords } from '../words/statuses.ts';

/** What most things in this shop cost. */
const CURRENCY = 'EUR';

export function WalletPage() {
  const isSignedIn = useSignedIn();
  return <Page title="Your wallet">{isSignedIn ? <Wallets /> : <SignIn />}</Page>;
}

/** What is in the wallets, which moves while it is looked at. */
function Wallets() {
  const { data, error, refetch } = useQuery(MyWalletsDocument);
  const isKnown = (id: string) => data?.viewer?.wallets.some((wallet) => wallet.id === id);
  const trouble = useLive(WalletChangedDocument, {
    variables: {},
    // The first top-up opens a wallet, which is new to the list.
    onEvent: (event) => event.__typename === 'WalletChanged' && event.wallet && !isKnown(event.wallet.id) && void refetch(),
  });
  if (error) return <Failure error={error} again={refetch} />;
  if (!data?.viewer) return <Waiting what="your wallet" />;
  const { wallets } = data.viewer;
  return (
    <>
      <Problem>{trouble}</Problem>
      {wallets.length === 0 && <Nothing>There is no money in it yet.</Nothing>}
      <div className="balances">
        {wallets.map((wallet) => (
          <Balance key={wallet.id} wallet={wallet} />
        ))}
      </div>
      <TopUp currencies={[...new Set([CURRENCY, ...wallets.map(({ currency }) => currency)])]} />
      {wallets.map((wallet) => (
        <Statement key={wallet.id} wallet={wallet} />
      ))}
    </>
  );
}

function Balance({ wallet }: { wallet: WalletCardFragment }) {
  return (
    <section className="balance" aria-label={`Balance in ${wallet.currency}`}>
      <span>Balance</span>
      <output className="amount">{moneyWords(wallet.balance)}</output>
      {wallet.pendingTopUps.map(({ id, amount }) => (
        <span key={id}>{moneyWords(amount)} on the way from the payment provider</span>
      ))}
    </section>
  );
}

function TopUp({ currencies }: { currencies: string[] }) {
  const [text, setText] = useState('50');
  const [currency, setCurrency] = useState(CURRENCY);
  const amount = parseMoney(text, currency);
  const { run, isBusy, trouble } = useCommand(TopUpWalletDocument);
  const topUp = (event: FormEvent) => {
    event.preventDefault();
    if (amount) void run({ amount });
  };
  return (
    <form className="card top-up" onSubmit={topUp}>
      <div className="row">
        <label>
          How much
          <input inputMode="decimal" required value={text} aria-invalid={amount === null} onChange={(event) => setText(event.target.value)} />
        </label>
        <label>
          Currency
          <select value={currency} onChange={(event) => setCurrency(event.target.value)}>
            {currencies.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      <button type="submit" className="button primary" disabled={isBusy || amount === null}>
        {amount ? `Top up ${moneyWords(amount)}` : 'Top up'}
      </button>
      <span className="hint">Nobody is charged: in development the payment provider is a stand-in.</span>
      <Problem>{trouble?.words}</Problem>
    </form>
  );
}

function Statement({ wallet }: { wallet: WalletCardFragment }) {
  const client = useApolloClient();
  const { nodes, pageInfo } = wallet.statement;
  const fetchMore = (variables: { after: string | null }) =>
    client.query({ query: OlderMovementsDocument, variables: { id: wallet.id, ...variables }, fetchPolicy: 'network-only' });
  return (
    <section aria-label={`What came and went, in ${wallet.currency}`}>
      <h2>What came and went, in {wallet.currency}</h2>
      <ul className="movements">
        {nodes.map((movement) => (
          <MovementLine key={movement.transactionId} movement={movement} />
        ))}
      </ul>
      <More pageInfo={pageInfo} what="movements" fetchMore={fetchMore} />
    </section>
  );
}

function MovementLine({ movement }: { movement: MovementsFragment['nodes'][number] }) {
  const { at, cause, amount, balance, order, other, note } = movement;
  return (
    <li className="movement">
      <div>
        <b>{order ? <Link to={`/orders/${order.id}`}>{causeWords(cause)}</Link> : causeWords(cause)}</b>
        {other && ` ${cause === 'TRANSFER_SENT' ? 'to' : 'from'} ${other.fullName}`}
        {note && `: ${note}`}
        <span className="hint">{momentWords(at)}</span>
      </div>
      <div className="movement-amounts">
        <b data-sign={amount.amountMinor.startsWith('-') ? 'out' : 'in'}>{moneyWords(amount)}</b>
        <span className="hint">then {moneyWords(balance)}</span>
      </div>
    </li>
  );
}
