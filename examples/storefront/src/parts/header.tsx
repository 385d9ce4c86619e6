import { useApolloClient, useQuery } from '@apollo/client/react';
import { session } from '../api/client.ts';
import { useConnection, type Connection } from '../api/connection.ts';
import { useSignedIn } from '../api/signed-in.ts';
import { countIn, useBasket } from '../basket.ts';
import { MeDocument, SignOutDocument } from '../gql/graphql.ts';
import { goTo, Link } from '../router.tsx';
import { Wheel } from './wheel.tsx';

/** The section is that of the page that is shown; none where there is no such page. */
export function Header({ section }: { section: string | undefined }) {
  return (
    <header className="header">
      <div className="header-top">
        <Link to="/" className="brand">
          <Wheel /> Mill Lane
        </Link>
        <LivePill />
        <Account />
      </div>
      <Navigation section={section} />
    </header>
  );
}

/** Which sections belong to which entry of the navigation. */
const ENTRIES: [to: string, name: string, sections: string[]][] = [
  ['/', 'News', ['', 'following', 'tags', 'posts']],
  ['/shop', 'Shop', ['shop', 'products']],
  ['/basket', 'Basket', ['basket']],
  ['/orders', 'Orders', ['orders']],
  ['/wallet', 'Wallet', ['wallet']],
  ['/how-it-works', 'How it works', ['how-it-works']],
];

function Navigation({ section }: { section: string | undefined }) {
  const count = countIn(useBasket());
  return (
    <nav className="nav" aria-label="Pages">
      {ENTRIES.map(([to, name, sections]) => (
        <Link key={to} to={to} aria-current={section !== undefined && sections.includes(section) ? 'page' : undefined}>
          {name}
          {to === '/basket' && count > 0 && (
            <span className="count" aria-label={`${count} in it`}>
              {count}
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}

const CONNECTIONS: Record<Connection, string> = { closed: '', connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' };

/** Whether what is on the page moves by itself. In words, too: colour is not for everybody. */
function LivePill() {
  const connection = useConnection();
  return (
    <span className="live-pill" data-connection={connection} role="status" title="Whether this page gets changes as they happen">
      {CONNECTIONS[connection]}
    </span>
  );
}

function Account() {
  const isSignedIn = useSignedIn();
  if (!isSignedIn) return <Link to="/sign-in" className="button small">Sign in</Link>;
  return <SignedIn />;
}

/** So long the server has for being told of a sign-out. */
const SIGN_OUT_WAIT_MS = 2_000;

function SignedIn() {
  const client = useApolloClient();
  const { data } = useQuery(MeDocument);
  // Whether or not the server hears of it, or ever answers: this page forgets the tokens.
  const signOut = async () => {
    const told = client.mutate({ mutation: SignOutDocument }).catch(() => {});
    await Promise.race([told, new Promise((late) => setTimeout(late, SIGN_OUT_WAIT_MS))]);
    session.end();
    goTo('/');
  };
  return (
    <span className="account">
      <span className="account-name">{data?.viewer?.user?.fullName}</span>
      <button type="button" className="button small quiet" onClick={signOut}>
        Sign out
      </button>
    </span>
  );
}
