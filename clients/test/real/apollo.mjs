// Apollo Client 4.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, ServerError } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { consistencyLink, liveLink, RevisionCache } from '@millrace/client/apollo';
import { ConsistencyTokens, PERSISTENT } from '@millrace/client';
import { dataOf, isUnauthenticated } from './answers.mjs';
import { TEXTS } from './operations.mjs';

const isRefused = (error) =>
  CombinedGraphQLErrors.is(error) ? isUnauthenticated(error.errors) : ServerError.is(error) && error.statusCode === 401;

export function apollo(url, session) {
  const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: session.connectionParams, ...PERSISTENT });
  const renewing = new ErrorLink(({ error, operation, forward }) => {
    if (isRefused(error)) return forward(operation);
  });
  const authorizing = new SetContextLink(async ({ headers }) => ({ headers: { ...headers, authorization: await session.authorization() } }));
  const isLive = ({ operationType }) => operationType === 'subscription';
  const transport = ApolloLink.split(isLive, liveLink(socket), new HttpLink({ uri: url, fetch }));
  const client = new ApolloClient({
    cache: new RevisionCache(),
    link: ApolloLink.from([consistencyLink(new ConsistencyTokens()), renewing, authorizing, transport]),
  });
  const documents = Object.fromEntries(Object.entries(TEXTS).map(([name, text]) => [name, gql(text)]));
  return {
    run: async (name, variables) => {
      const { data } = name === 'Viewer'
        ? await client.query({ query: documents[name], variables, fetchPolicy: 'network-only' })
        : await client.mutate({ mutation: documents[name], variables });
      return data;
    },
    watch: (name, variables, onEvent) => {
      const told = client.subscribe({ query: documents[name], variables, fetchPolicy: 'no-cache' });
      const subscription = told.subscribe({ next: (result) => onEvent(dataOf(result).event), error: (problem) => { throw problem; } });
      return () => subscription.unsubscribe();
    },
    end: () => (client.stop(), socket.dispose()),
  };
}
