import type { ReactNode } from 'react';
import { BasketPage } from './pages/basket.tsx';
import { FeedPage } from './pages/feed.tsx';
import { OrderPage } from './pages/order.tsx';
import { OrdersPage } from './pages/orders.tsx';
import { PostPage } from './pages/post.tsx';
import { ProductPage } from './pages/product.tsx';
import { ShopPage } from './pages/shop.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { WalletPage } from './pages/wallet.tsx';
import { WorkingsPage } from './pages/workings.tsx';
import { Header } from './parts/header.tsx';
import { placeOf, type Place } from './place.ts';
import { Link, Page, usePath } from './router.tsx';

type Show = (argument: string) => ReactNode;

/** Pages by the first part of their path; the second one says of what. A page of something else is another page. */
const PAGES: Record<string, Show> = {
  '': () => <FeedPage list="everybody" />,
  following: () => <FeedPage list="following" />,
  tags: (tag) => <FeedPage key={tag} list="everybody" tag={tag} />,
  posts: (id) => <PostPage key={id} id={id} />,
  shop: () => <ShopPage />,
  products: (id) => <ProductPage key={id} id={id} />,
  basket: () => <BasketPage />,
  orders: (id) => (id === '' ? <OrdersPage /> : <OrderPage key={id} id={id} />),
  wallet: () => <WalletPage />,
  'how-it-works': () => <WorkingsPage />,
  'sign-in': () => <SignInPage />,
};

export function App() {
  const place = placeOf(usePath());
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <Header section={place?.section} />
      {place === null ? <NoSuchPage /> : pageOf(place)}
      <footer className="footer">
        A storefront for <b>millrace</b>: every change is a command, every page a ready answer. <Link to="/how-it-works">See how it works.</Link>
      </footer>
    </>
  );
}

function pageOf({ section, argument }: Place): ReactNode {
  // Only pages of its own: `/constructor` is something that every object has.
  const show = Object.hasOwn(PAGES, section) ? PAGES[section] : undefined;
  return show === undefined ? <NoSuchPage /> : show(argument);
}

function NoSuchPage() {
  return (
    <Page title="There is no such page">
      <p>
        But there is a <Link to="/shop">shop</Link>, and there is <Link to="/">news</Link>.
      </p>
    </Page>
  );
}
