import { useQuery } from '@apollo/client/react';
import { useState, type FormEvent } from 'react';
import { useCommand, type Trouble } from '../api/commands.ts';
import { putFirst } from '../api/lists.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { emptyBasket, setQuantity, useBasket, type BasketLine } from '../basket.ts';
import { BasketProductsDocument, PlaceOrderDocument, type BasketProductsQuery, type ProductCardFragment } from '../gql/graphql.ts';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { Picture } from '../parts/picture.tsx';
import { Quantity } from '../parts/quantity.tsx';
import { SignIn } from '../parts/sign-in.tsx';
import { goTo, Link, Page } from '../router.tsx';
import { moneyWords, sum } from '../words/money.ts';

interface Line extends BasketLine {
  product: ProductCardFragment;
}

export function BasketPage() {
  const basket = useBasket();
  if (basket.length === 0) {
    return (
      <Page title="Your basket">
        <Nothing>
          There is nothing in it yet. <Link to="/shop">Have a look at the shop.</Link>
        </Nothing>
      </Page>
    );
  }
  return (
    <Page title="Your basket">
      <Filled basket={basket} />
    </Page>
  );
}

/** Names, prices and stock are the shop's word of this moment: the basket itself keeps ids and numbers only. */
function Filled({ basket }: { basket: readonly BasketLine[] }) {
  const ids = basket.map(({ productId }) => productId);
  const { data, previousData, error, refetch } = useQuery(BasketProductsDocument, { variables: { ids }, fetchPolicy: 'cache-and-network' });
  const isSignedIn = useSignedIn();
  const shown = data ?? previousData;
  if (error) return <Failure error={error} again={refetch} />;
  if (!shown) return <Waiting what="your basket" />;
  const lines = linesOf(basket, shown.nodes);
  return (
    <>
      <Lines lines={lines} />
      {isSignedIn ? <Order lines={lines} /> : <><h2>Sign in to order</h2><SignIn /></>}
    </>
  );
}

function linesOf(basket: readonly BasketLine[], nodes: BasketProductsQuery['nodes']): Line[] {
  const products = nodes.filter((node) => node?.__typename === 'Product');
  return basket.flatMap((line) => {
    const product = products.find(({ id }) => id === line.productId);
    return product ? [{ ...line, product }] : [];
  });
}

function Lines({ lines }: { lines: Line[] }) {
  const total = sum(lines.map(({ product, quantity }) => ({ price: product.price, quantity })));
  return (
    <>
      <ul className="lines">
        {lines.map(({ product, quantity }) => (
          <li key={product.id} className="line">
            <Picture url={product.imageUrl} />
            <div className="line-name">
              <Link to={`/products/${product.id}`}>{product.name}</Link>
              <span className="hint">{moneyWords(product.price)} each</span>
            </div>
            <Quantity name={product.name} quantity={quantity} onChange={(wanted) => setQuantity(product.id, wanted)} />
            <b className="line-price">{moneyWords(sum([{ price: product.price, quantity }])!)}</b>
            <button type="button" className="button small quiet" aria-label={`Take ${product.name} out`} onClick={() => setQuantity(product.id, 0)}>
              Take out
            </button>
          </li>
        ))}
      </ul>
      <p className="total">
        Total <b>{total ? moneyWords(total) : 'in several currencies'}</b>
      </p>
    </>
  );
}

function Order({ lines }: { lines: Line[] }) {
  const [deliveryAddress, setDeliveryAddress] = useState('');
  const input = { lines: lines.map(({ productId, quantity }) => ({ productId, quantity })), deliveryAddress };
  const nameOf = (id: string) => lines.find(({ productId }) => productId === id)?.product.name ?? 'this product';
  const { run, isBusy, trouble } = useCommand(PlaceOrderDocument, {
    nameOf,
    update: ({ order }, cache) => order && putFirst(cache, { owner: { __typename: 'Viewer' }, field: 'orders' }, order),
  });
  const place = async (event: FormEvent) => {
    event.preventDefault();
    const payload = await run(input);
    if (!payload?.receipt.aggregateId) return;
    emptyBasket();
    goTo(`/orders/${payload.receipt.aggregateId}`);
  };
  return (
    <form className="card" onSubmit={place}>
      <label>
        Where shall it go?
        <textarea rows={3} required maxLength={500} autoComplete="street-address" value={deliveryAddress} onChange={(event) => setDeliveryAddress(event.target.value)} />
      </label>
      <button type="submit" className="button primary" disabled={isBusy}>
        {isBusy ? 'Ordering…' : 'Order'}
      </button>
      <span className="hint"> You pay in the next step.</span>
      <Refusal trouble={trouble} />
    </form>
  );
}

/** Why it was not ordered; if there is too little of a product, with the way out. */
function Refusal({ trouble }: { trouble: Trouble | null }) {
  if (!trouble) return null;
  const { problem, words } = trouble;
  return (
    <Problem>
      {words}{' '}
      {problem?.__typename === 'OutOfStock' && (
        <button type="button" className="button small" onClick={() => setQuantity(problem.productId, problem.available)}>
          {problem.available === 0 ? 'Take it out' : `Take ${problem.available}`}
        </button>
      )}
    </Problem>
  );
}
