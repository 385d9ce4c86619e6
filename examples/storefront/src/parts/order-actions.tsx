import { useQuery } from '@apollo/client/react';
import { useCommand, type Trouble } from '../api/commands.ts';
import { useLive } from '../api/live.ts';
import { CancelOrderDocument, MyWalletsDocument, PayOrderDocument, TopUpWalletDocument, WalletChangedDocument, type OrderCardFragment } from '../gql/graphql.ts';
import { moneyWords, type Amount } from '../words/money.ts';
import { Problem } from './notices.tsx';

/** Pays out of the wallet, whose balance moves while it is looked at. */
export function Pay({ order }: { order: OrderCardFragment }) {
  const { run, isBusy, trouble } = useCommand(PayOrderDocument);
  const { currency } = order.totalPrice;
  const { data } = useQuery(MyWalletsDocument);
  useLive(WalletChangedDocument, { variables: {} });
  const wallet = data?.viewer?.wallets.find((one) => one.currency === currency);
  const isCovered = BigInt(wallet?.balance.amountMinor ?? 0) >= BigInt(order.totalPrice.amountMinor);
  return (
    <section className="card pay" aria-label="Pay">
      <button type="button" className="button primary" disabled={isBusy} onClick={() => void run({ orderId: order.id })}>
        {isBusy ? 'Paying…' : `Pay ${moneyWords(order.totalPrice)}`}
      </button>
      <span className="hint">{data && `Your wallet holds ${moneyWords(wallet?.balance ?? { amountMinor: '0', currency })}.`}</span>
      <Refusal trouble={trouble} isCovered={isCovered} />
    </section>
  );
}

/** Why it was not paid; if money is missing, and as long as it is, with the way to just that much. */
function Refusal({ trouble, isCovered }: { trouble: Trouble | null; isCovered: boolean }) {
  if (!trouble) return null;
  const { problem, words } = trouble;
  if (problem?.__typename !== 'InsufficientFunds') return <Problem>{words}</Problem>;
  if (isCovered) return null;
  return (
    <Problem>
      {words} <TopUpMissing missing={problem.missing} />
    </Problem>
  );
}

function TopUpMissing({ missing: { amountMinor, currency } }: { missing: Amount }) {
  const amount = { amountMinor, currency };
  const { run, isBusy, trouble } = useCommand(TopUpWalletDocument);
  return (
    <>
      <button type="button" className="button small" disabled={isBusy} onClick={() => void run({ amount })}>
        Top up {moneyWords(amount)}
      </button>{' '}
      {trouble?.words}
    </>
  );
}

export function Cancel({ order }: { order: OrderCardFragment }) {
  const { run, isBusy, trouble } = useCommand(CancelOrderDocument);
  return (
    <div>
      <button type="button" className="button quiet" disabled={isBusy} onClick={() => void run({ orderId: order.id })}>
        Cancel the order
      </button>
      <Problem>{trouble?.words}</Problem>
    </div>
  );
}
