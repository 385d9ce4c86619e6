import type { ProductCardFragment } from '../gql/graphql.ts';

const FEW = 10;

/** How many there are: loud when it matters. */
export function StockWords({ product }: { product: ProductCardFragment }) {
  const [level, words] = wordsOf(product);
  return (
    <p className="stock" data-level={level}>
      {words}
    </p>
  );
}

function wordsOf({ stock, inStock, retired }: ProductCardFragment): [level: string, words: string] {
  if (retired) return ['none', 'No longer sold'];
  if (!inStock) return ['none', 'Sold out'];
  return stock < FEW ? ['few', `Only ${stock} left`] : ['many', `${stock} in stock`];
}
