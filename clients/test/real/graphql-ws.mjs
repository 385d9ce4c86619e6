// Everything over one socket, with graphql-ws alone.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { PERSISTENT } from '@millrace/client';
import { dataOf, isUnauthenticated } from './answers.mjs';
import { TEXTS } from './operations.mjs';
import { only, watchOver } from './streams.mjs';

export function graphqlWs(url, session) {
  const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: session.connectionParams, ...PERSISTENT });
  const attempt = async (name, variables) => dataOf(await only(socket, { query: TEXTS[name], variables }));
  return {
    // A token that ended while the socket was open is replaced, and the socket opened anew: subscriptions resume.
    run: (name, variables) =>
      attempt(name, variables).catch(async (problem) => {
        if (!isUnauthenticated(problem.errors ?? problem)) throw problem;
        await session.renew();
        socket.terminate();
        return attempt(name, variables);
      }),
    watch: (name, variables, onEvent) => watchOver(socket, name, variables, onEvent),
    end: () => socket.dispose(),
  };
}
