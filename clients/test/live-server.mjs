// graphql-ws's own server over a real socket, with numbers for events.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { buildSchema, GraphQLError } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import WebSocket, { WebSocketServer } from 'ws';
import { PERSISTENT } from '@millrace/client';

const schema = buildSchema(`
  type Query { unused: Int }
  union Event = Number | HistoryGone
  type Number { cursor: String! }
  type HistoryGone { code: String! message: String! }
  type Subscription { counted(from: Int, after: String): Event! }
`);
export const QUERY = `subscription Counted($from: Int, $after: String) {
  counted(from: $from, after: $after) { __typename ... on Number { cursor } ... on HistoryGone { code message } }
}`;

const HISTORY_GONE = { counted: { __typename: 'HistoryGone', code: 'HISTORY_GONE', message: 'subscribe again without `after`' } };

/**
 * Serves the numbers up to `last`. `onEvent(number, socket)` may break the connection after a number was sent, throw, or answer an
 * error that is told in place of the next number, as the last thing; numbers up to `forgotten` are gone from history.
 */
export async function startServer({ last = Infinity, forgotten = 0, onEvent = () => {}, onConnect } = {}) {
  const seen = { variables: [], extensions: [], stopped: 0, inits: [] };
  async function* counted({ from, after }, { socket }) {
    if (after !== undefined && Number(after) < forgotten) return yield HISTORY_GONE;
    try {
      for (let number = Number(after ?? from) + 1; number <= last; number++) {
        yield { counted: { __typename: 'Number', cursor: String(number) } };
        const failure = await onEvent(number, socket);
        if (failure instanceof Error) return yield { counted: failure };
        // Lets the socket work between two events, as it can when events come from outside.
        await setImmediate();
      }
    } finally {
      seen.stopped++;
    }
  }
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  const noteSubscribe = (payload) => void (seen.variables.push(payload.variables), seen.extensions.push(payload.extensions));
  useServer(
    {
      schema,
      roots: { subscription: { counted } },
      context: ({ extra, connectionParams }) => (seen.inits.push(connectionParams), { socket: extra.socket }),
      onSubscribe: (_context, _id, payload) => noteSubscribe(payload),
      onConnect,
    },
    sockets,
  );
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const stop = () => (sockets.clients.forEach((socket) => socket.terminate()), sockets.close(), http.close());
  return { url: `ws://127.0.0.1:${http.address().port}`, seen, stop };
}

/** A server that is stopped after the test. */
export async function serverFor(context, options) {
  const server = await startServer(options);
  context.after(server.stop);
  return server;
}

export const clientTo = ({ url }, options = {}) => createClient({ url, webSocketImpl: WebSocket, ...PERSISTENT, ...options });

/** Closes the socket after this number, the first time that it is sent. */
export function closeOnce(at, close = (socket) => socket.terminate()) {
  let isDone = false;
  return (number, socket) => {
    if (number !== at || isDone) return undefined;
    isDone = true;
    close(socket);
    return once(socket, 'close');
  };
}

/** An error of which the server says that it may pass. */
export const passing = () => new GraphQLError('temporarily unavailable', { extensions: { code: 'UNAVAILABLE', retryable: true } });

/** Does that after this number, so many times. */
export const after = (at, act, times = 1) => (number) => (number === at && times-- > 0 ? act() : undefined);

export async function until(isTrue) {
  while (!isTrue()) await setTimeout(5);
}
