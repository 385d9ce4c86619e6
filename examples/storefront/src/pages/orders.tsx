import { useQuery } from '@apollo/client/react';
import { putFirst } from '../api/lists.ts';
import { useLive } from '../api/live.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { MyOrdersChangedDocument, MyOrdersDocument, type OrderCardFragment } from '../gql/graphql.ts';
import { More } from '../parts/more.tsx';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { StatusBadge } from '../parts/status.tsx';
import { Link, Page } from '../router.tsx';
import { dayWords } from '../words/dates.ts';
import { moneyWords } from '../words/money.ts';

export function OrdersPage() {
  const isSignedIn = useSignedIn();
  return <Page title="Your orders">{isSignedIn ? <Orders /> : <SignIn />}</Page>;
}

function Orders() {
  const { data, error, refetch, fetchMore } = useQuery(MyOrdersDocument);
  const trouble = useLive(MyOrdersChangedDocument, {
    variables: {},
    onEvent: (event, cache) =>
      event.__typename === 'OrderChanged' && event.order && putFirst(cache, { owner: { __typename: 'Viewer' }, field: 'orders' }, event.order),
  });
  if (error) return <Failure error={error} again={refetch} />;
  if (!data?.viewer) return <Waiting what="your orders" />;
  const { nodes, pageInfo } = data.viewer.orders;
  if (nodes.length === 0) return <Nothing>You have not ordered anything yet. <Link to="/shop">Have a look at the shop.</Link></Nothing>;
  return (
    <>
      <Problem>{trouble}</Problem>
      <ul className="orders">
        {nodes.map((order) => (
          <OrderCard key={order.id} order={order} />
        ))}
      </ul>
      <More pageInfo={pageInfo} what="orders" fetchMore={(variables) => fetchMore({ variables })} />
    </>
  );
}

function OrderCard({ order }: { order: OrderCardFragment }) {
  const things = order.lines.map(({ quantity, productName }) => `${quantity} × ${productName}`).join(', ');
  return (
    <li className="card order-card">
      <div>
        <h2>
          <Link to={`/orders/${order.id}`}>{things}</Link>
        </h2>
        <p className="hint">
          {dayWords(order.orderDate)} · {moneyWords(order.totalPrice)}
        </p>
      </div>
      <StatusBadge status={order.status} />
    </li>
  );
}
