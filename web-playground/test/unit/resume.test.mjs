// subscribeWithResume against graphql-ws's own server over a real socket.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { buildSchema } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import WebSocket, { WebSocketServer } from 'ws';
import { createLiveClient, errorsOf } from '../.unit/live-client.js';
import { subscribeWithResume } from '../.unit/resume.js';

const schema = buildSchema(`
  type Query { unused: Int }
  type Event { cursor: String! }
  type Subscription { counted(from: Int, after: String): Event! }
`);
const QUERY = 'subscription Counted($from: Int, $after: String) { counted(from: $from, after: $after) { cursor } }';

/** Serves the numbers up to `last`; `onEvent(number, socket)` may break the connection after a number was sent. */
async function startServer({ last = Infinity, onEvent = () => {}, onConnect } = {}) {
  const seen = { variables: [], stopped: 0, inits: [] };
  async function* counted({ from, after }, { socket }) {
    try {
      for (let number = Number(after ?? from) + 1; number <= last; number++) {
        yield { counted: { cursor: String(number) } };
        await onEvent(number, socket);
        // Lets the socket work between two events, as it can when events come from outside.
        await setImmediate();
      }
    } finally {
      seen.stopped++;
    }
  }
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  useServer(
    {
      schema,
      roots: { subscription: { counted } },
      context: ({ extra, connectionParams }) => (seen.inits.push(connectionParams), { socket: extra.socket }),
      onSubscribe: (_context, _id, payload) => void seen.variables.push(payload.variables),
      onConnect,
    },
    sockets,
  );
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const stop = () => (sockets.clients.forEach((socket) => socket.terminate()), sockets.close(), http.close());
  return { url: `ws://127.0.0.1:${http.address().port}`, seen, stop };
}

/** Subscribes and gathers cursors until the subscription ends, or until `enough(cursors)`. */
function gather(client, variables, enough = () => false) {
  return new Promise((resolve, reject) => {
    const cursors = [];
    const stop = subscribeWithResume(client, { query: QUERY, variables }, {
      next({ data }) {
        cursors.push(data.counted.cursor);
        if (!enough(cursors)) return;
        stop();
        resolve(cursors);
      },
      error: reject,
      complete: () => resolve(cursors),
    });
  });
}

const clientTo = ({ url }, options = {}) => createLiveClient({ url, webSocketImpl: WebSocket, ...options });
const closeOnce = (at, close) => {
  let isDone = false;
  return (number, socket) => {
    if (number !== at || isDone) return undefined;
    isDone = true;
    close(socket);
    return once(socket, 'close');
  };
};

for (const [name, close] of [
  ['a lost connection', (socket) => socket.terminate()],
  ['a restart of the server', (socket) => socket.close(1012, 'Service restart')],
  ['a shutdown of the server', (socket) => socket.close(1001, 'Going away')],
  ['a normal close', (socket) => socket.close(1000, 'Bye')],
]) {
  test(`after ${name} each event comes once, in order`, async (context) => {
    const server = await startServer({ last: 5, onEvent: closeOnce(2, close) });
    context.after(server.stop);
    assert.deepEqual(await gather(clientTo(server), { from: 0 }), ['1', '2', '3', '4', '5']);
    assert.deepEqual(server.seen.variables, [{ from: 0 }, { from: 0, after: '2' }]);
  });
}

test('a second loss resumes behind the newest cursor', async (context) => {
  const first = closeOnce(2, (socket) => socket.terminate());
  const second = closeOnce(4, (socket) => socket.terminate());
  const server = await startServer({ last: 5, onEvent: async (...event) => (await first(...event), await second(...event)) });
  context.after(server.stop);
  assert.deepEqual(await gather(clientTo(server), { from: 0 }), ['1', '2', '3', '4', '5']);
  assert.deepEqual(server.seen.variables.map((variables) => variables.after), [undefined, '2', '4']);
});

test("the caller's own cursor is where it begins", async (context) => {
  const server = await startServer({ last: 9, onEvent: closeOnce(8, (socket) => socket.terminate()) });
  context.after(server.stop);
  assert.deepEqual(await gather(clientTo(server), { after: '7' }), ['8', '9']);
  assert.deepEqual(server.seen.variables, [{ after: '7' }, { after: '8' }]);
});

test('stopping ends it on the server too', async (context) => {
  const server = await startServer();
  context.after(server.stop);
  const cursors = await gather(clientTo(server), { from: 0 }, ({ length }) => length === 3);
  assert.deepEqual(cursors, ['1', '2', '3']);
  await until(() => server.seen.stopped === 1);
});

test('headers go into connection_init, read anew for each connection', async (context) => {
  const server = await startServer({ last: 3, onEvent: closeOnce(1, (socket) => socket.terminate()) });
  context.after(server.stop);
  let reads = 0;
  await gather(clientTo(server, { connectionParams: async () => ({ Authorization: `Bearer ${++reads}` }) }), { from: 0 });
  assert.deepEqual(server.seen.inits, [{ Authorization: 'Bearer 1' }, { Authorization: 'Bearer 2' }]);
});

test('a refusal is an error and no endless reconnection', async (context) => {
  let connections = 0;
  const server = await startServer({ onConnect: () => (connections++, false) });
  context.after(server.stop);
  const problem = await gather(clientTo(server), { from: 0 }).catch((reason) => reason);
  assert.equal(problem.code, CloseCode.Forbidden);
  assert.deepEqual(errorsOf(problem), [{ message: 'The server closed the socket: 4403 Forbidden' }]);
  assert.equal(connections, 1);
});

test('an error of the operation ends it with the words of the server', async (context) => {
  const server = await startServer();
  context.after(server.stop);
  const client = clientTo(server);
  const problem = await new Promise((resolve) => {
    subscribeWithResume(client, { query: 'subscription { noSuchField }' }, { next: assert.fail, error: resolve, complete: assert.fail });
  });
  assert.match(errorsOf(problem)[0].message, /noSuchField/);
});

async function until(isTrue) {
  while (!isTrue()) await setTimeout(5);
}
