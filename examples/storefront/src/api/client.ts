import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { ConsistencyTokens, PERSISTENT } from '@millrace/client';
import { consistencyLink, liveLink, RevisionCache } from '@millrace/client/apollo';
import { createClient } from 'graphql-ws';
import { RefreshSessionDocument } from '../gql/graphql.ts';
import { cacheConfig } from './cache.ts';
import { connectionEvents } from './connection.ts';
import { GRAPHQL, send } from './send.ts';
import { Session, type Tokens } from './session.ts';

/** The socket stays so long after the last live part of a page is gone: the next page has one as a rule. */
const IDLE_SOCKET_MS = 2_000;

/** What this page has seen and done; the page "How it works" shows it. */
export const tokens = new ConsistencyTokens();

export const session = new Session(refresh, sessionStorage, new BroadcastChannel('millrace-storefront'));

async function refresh(refreshToken: string): Promise<Tokens | null> {
  const { data } = await send(RefreshSessionDocument, { refreshToken });
  if (!data) throw new Error('no answer to the refresh token');
  return data.refreshSession.session;
}

export function socketUrl(): string {
  return new URL(GRAPHQL, location.href).href.replace(/^http/, 'ws');
}

/** What `connection_init` brings: the viewer's authorization, asked for anew by each connection. */
export async function connectionParams(): Promise<Record<string, string>> {
  const authorization = await session.authorization();
  return authorization === null ? {} : { Authorization: authorization };
}

/** The server closes a socket whose sign-in has ended (4403); then it is tried once more, with another token or with none. */
const shouldRetry = (problem: unknown): boolean => PERSISTENT.shouldRetry(problem) || session.distrust();

const socket = createClient({
  url: socketUrl(),
  connectionParams,
  lazyCloseTimeout: IDLE_SOCKET_MS,
  on: connectionEvents,
  ...PERSISTENT,
  shouldRetry,
});

const authorizationLink = new SetContextLink(async ({ headers }) => {
  const authorization = await session.authorization();
  return authorization === null ? {} : { headers: { ...headers, authorization } };
});

const isUnauthenticated = (error: unknown): boolean =>
  CombinedGraphQLErrors.is(error) && error.errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED');

/** A sign-in that was ended elsewhere is found out by asking for new tokens. */
const endedLink = new ErrorLink(({ error }) => {
  if (isUnauthenticated(error) && session.distrust()) void session.authorization();
});

const httpEnd = ApolloLink.from([authorizationLink, new HttpLink({ uri: GRAPHQL })]);

export const client = new ApolloClient({
  cache: new RevisionCache(cacheConfig),
  link: ApolloLink.from([
    endedLink,
    consistencyLink(tokens),
    ApolloLink.split(({ operationType }) => operationType === 'subscription', liveLink(socket), httpEnd),
  ]),
  devtools: { enabled: false },
});

// Another viewer sees other things: what is live begins again with their authorization, and what is shown is read anew.
session.onChange(() => {
  socket.terminate();
  // What cannot be read anew says so where it is shown.
  client.resetStore().catch(() => {});
});
