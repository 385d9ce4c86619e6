import { useQuery } from '@apollo/client/react';
import { useDeferredValue, useState } from 'react';
import { addToBasket, useBasket } from '../basket.ts';
import { ProductsDocument, type ProductCardFragment, type ProductSort } from '../gql/graphql.ts';
import { More } from '../parts/more.tsx';
import { Failure, Nothing, Waiting } from '../parts/notices.tsx';
import { Picture } from '../parts/picture.tsx';
import { StockWords } from '../parts/stock.tsx';
import { Link, Page } from '../router.tsx';
import { moneyWords } from '../words/money.ts';

const SORTS: [ProductSort, string][] = [
  ['NEWEST', 'Newest first'],
  ['PRICE_LOWEST', 'Cheapest first'],
  ['PRICE_HIGHEST', 'Dearest first'],
];

interface Wanted {
  search: string;
  sort: ProductSort;
  inStock: boolean;
}

export function ShopPage() {
  const [wanted, setWanted] = useState<Wanted>({ search: '', sort: 'NEWEST', inStock: false });
  return (
    <Page title="The mill's shop">
      <Filters wanted={wanted} onChange={setWanted} />
      <Products wanted={useDeferredValue(wanted)} />
    </Page>
  );
}

function Filters({ wanted, onChange }: { wanted: Wanted; onChange: (wanted: Wanted) => void }) {
  return (
    <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Search
        <input type="search" value={wanted.search} onChange={(event) => onChange({ ...wanted, search: event.target.value })} />
      </label>
      <label>
        Sort
        <select value={wanted.sort} onChange={(event) => onChange({ ...wanted, sort: event.target.value as ProductSort })}>
          {SORTS.map(([sort, name]) => (
            <option key={sort} value={sort}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className="check">
        <input type="checkbox" checked={wanted.inStock} onChange={(event) => onChange({ ...wanted, inStock: event.target.checked })} />
        Only what is in stock
      </label>
    </form>
  );
}

function Products({ wanted }: { wanted: Wanted }) {
  const search = wanted.search.trim();
  const variables = { search: search === '' ? null : search, sort: wanted.sort, inStock: wanted.inStock || null };
  const { data, previousData, error, refetch, fetchMore } = useQuery(ProductsDocument, { variables });
  const shown = data ?? previousData;
  if (error) return <Failure error={error} again={refetch} />;
  if (!shown) return <Waiting what="products" />;
  if (shown.products.nodes.length === 0) return <Nothing>The mill has nothing like that.</Nothing>;
  return (
    <>
      <ul className="products">
        {shown.products.nodes.map((product) => (
          <ProductCard key={product.id} product={product} />
        ))}
      </ul>
      <More pageInfo={shown.products.pageInfo} what="products" fetchMore={(more) => fetchMore({ variables: more })} />
    </>
  );
}

function ProductCard({ product }: { product: ProductCardFragment }) {
  return (
    <li className="card product-card">
      <Picture url={product.imageUrl} />
      <h2>
        <Link to={`/products/${product.id}`}>{product.name}</Link>
      </h2>
      <p className="price">{moneyWords(product.price)}</p>
      <StockWords product={product} />
      <AddToBasket product={product} />
    </li>
  );
}

/** Puts one more into the basket, and says how many there are. */
export function AddToBasket({ product }: { product: ProductCardFragment }) {
  const inBasket = useBasket().find(({ productId }) => productId === product.id)?.quantity ?? 0;
  return (
    <div className="row">
      <button
        type="button"
        className="button primary"
        disabled={!product.inStock || product.retired}
        aria-label={`Add ${product.name} to the basket`}
        onClick={() => addToBasket(product.id)}
      >
        Add to basket
      </button>
      <span className="hint" role="status">
        {inBasket > 0 && `${inBasket} in it`}
      </span>
    </div>
  );
}
