// urql: the client, and what is done with it.
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { ConsistencyTokens, PERSISTENT } from '@millrace/client';
import { consistencyExchange, forwardWithResume } from '@millrace/client/urql';
import { isUnauthenticated } from './answers.mjs';
import { TEXTS } from './operations.mjs';

export function urql(url, session) {
  // One socket for all subscriptions. Each time that it opens it asks for a token that is good.
  const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: session.connectionParams, ...PERSISTENT });

  const auth = authExchange(async (utils) => ({
    addAuthToOperation: (operation) => utils.appendHeaders(operation, { Authorization: session.header }),
    willAuthError: () => session.isOver,
    didAuthError: (error) => error.response?.status === 401 || isUnauthenticated(error.graphQLErrors),
    refreshAuth: () => session.renew(),
  }));

  const client = new Client({
    url,
    fetch,
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      consistencyExchange(new ConsistencyTokens()),
      auth,
      subscriptionExchange({ forwardSubscription: forwardWithResume(socket) }),
      fetchExchange,
    ],
  });

  const dataOf = ({ data, error }) => {
    if (error) throw error;
    return data;
  };
  const query = (name, variables) => client.query(TEXTS[name], variables, { requestPolicy: 'network-only' }).toPromise();
  const mutate = (name, variables) => client.mutation(TEXTS[name], variables).toPromise();
  return {
    run: async (name, variables) => dataOf(await (name === 'Viewer' ? query : mutate)(name, variables)),
    watch: (name, variables, onEvent) =>
      client.subscription(TEXTS[name], variables).subscribe((result) => onEvent(dataOf(result).event)).unsubscribe,
    end: () => socket.dispose(),
  };
}
