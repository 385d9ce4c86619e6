import { useQuery } from '@apollo/client/react';
import { useLive } from '../api/live.ts';
import { ProductChangedDocument, ProductPageDocument } from '../gql/graphql.ts';
import { Failure, Nothing, Problem, Waiting } from '../parts/notices.tsx';
import { Picture } from '../parts/picture.tsx';
import { StockWords } from '../parts/stock.tsx';
import { Link, Page } from '../router.tsx';
import { moneyWords } from '../words/money.ts';
import { AddToBasket } from './shop.tsx';

/** A product. Its price and stock move while it is open. */
export function ProductPage({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(ProductPageDocument, { variables: { id } });
  const trouble = useLive(ProductChangedDocument, { variables: { id } });
  if (error) return <Page title="A product"><Failure error={error} again={refetch} /></Page>;
  if (!data) return <Page title="A product"><Waiting what="the product" /></Page>;
  if (!data.product) return <Page title="A product"><Nothing>The mill has no such product.</Nothing></Page>;
  const { product } = data;
  return (
    <Page title={product.name} kicker={<p className="kicker"><Link to="/shop">The mill's shop</Link></p>}>
      <div className="product">
        <Picture url={product.imageUrl} />
        <div>
          <p className="price large">{moneyWords(product.price)}</p>
          <StockWords product={product} />
          <p className="prose">{product.description}</p>
          <AddToBasket product={product} />
          <Problem>{trouble}</Problem>
        </div>
      </div>
    </Page>
  );
}
