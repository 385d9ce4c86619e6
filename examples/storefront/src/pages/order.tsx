import { useQuery } from '@apollo/client/react';
import { useLive } from '../api/live.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { OrderChangedDocument, OrderPageDocument, type OrderCardFragment } from '../gql/graphql.ts';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { Cancel, Pay } from '../parts/order-actions.tsx';
import { Picture } from '../parts/picture.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { Timeline } from '../parts/status.tsx';
import { Link, Page } from '../router.tsx';
import { dayWords, hourWords } from '../words/dates.ts';
import { moneyWords } from '../words/money.ts';

export function OrderPage({ id }: { id: string }) {
  const isSignedIn = useSignedIn();
  return (
    <Page title="Your order" kicker={<p className="kicker"><Link to="/orders">Your orders</Link></p>}>
      {isSignedIn ? <Order id={id} /> : <SignIn />}
    </Page>
  );
}

/** An order, which moves while it is open: whoever pays, sends or cancels it. */
function Order({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(OrderPageDocument, { variables: { id } });
  const trouble = useLive(OrderChangedDocument, { variables: { id } });
  if (error) return <Failure error={error} again={refetch} />;
  if (!data) return <Waiting what="your order" />;
  if (!data.order) return <Nothing>There is no such order of yours.</Nothing>;
  const { order } = data;
  return (
    <>
      <p className="headline" role="status">
        {headline(order)}
      </p>
      <Problem>{trouble}</Problem>
      <Timeline order={order} />
      {order.status === 'PENDING' && <Pay order={order} />}
      <Lines order={order} />
      <Facts order={order} />
      {(order.status === 'PENDING' || order.status === 'CONFIRMED') && <Cancel order={order} />}
    </>
  );
}

const CANCELLED_BY = { CUSTOMER: 'You cancelled it.', STAFF: 'The shop cancelled it.', EXPIRY: 'It was not paid in time.' };

function headline(order: OrderCardFragment): string {
  switch (order.status) {
    case 'PENDING':
      return `Please pay by ${hourWords(order.payUntil)}; until then the goods are kept for you.`;
    case 'CONFIRMED':
      return `Thank you. It should be with you on ${dayWords(order.estimatedDelivery)}.`;
    case 'SHIPPED':
      return `It is on its way, and should be with you on ${dayWords(order.estimatedDelivery)}.`;
    case 'DELIVERED':
      return 'It has arrived.';
    case 'CANCELLED':
      return order.cancelledBy ? CANCELLED_BY[order.cancelledBy] : 'It was cancelled.';
  }
}

function Lines({ order }: { order: OrderCardFragment }) {
  return (
    <>
      <ul className="lines">
        {order.lines.map((line) => (
          <li key={line.productId} className="line">
            <Picture url={line.productImage} />
            <div className="line-name">
              <Link to={`/products/${line.productId}`}>{line.productName}</Link>
              <span className="hint">
                {line.quantity} × {moneyWords(line.price)}
              </span>
            </div>
            <b className="line-price">{moneyWords(line.totalPrice)}</b>
          </li>
        ))}
      </ul>
      <p className="total">
        Total <b>{moneyWords(order.totalPrice)}</b>
      </p>
    </>
  );
}

function Facts({ order }: { order: OrderCardFragment }) {
  return (
    <dl className="facts">
      <dt>Goes to</dt>
      <dd className="address">{order.deliveryAddress}</dd>
      {order.payments.map(({ transactionId, kind, amount }) => (
        <div key={transactionId}>
          <dt>{kind === 'PAYMENT' ? 'Paid' : 'Paid back'}</dt>
          <dd>{moneyWords(amount)}</dd>
        </div>
      ))}
      {order.cancelReason && (
        <div>
          <dt>Reason</dt>
          <dd>{order.cancelReason}</dd>
        </div>
      )}
    </dl>
  );
}
