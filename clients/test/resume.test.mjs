// subscribeWithResume against graphql-ws's own server over a real socket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloseCode } from 'graphql-ws';
import { errorsOf, subscribeWithResume } from '@millrace/client';
import { after, clientTo, closeOnce, passing, QUERY, serverFor, until } from './live-server.mjs';

/** Subscribes and gathers events, by their cursors or else their codes, until the subscription ends, or until `enough(events)`. */
function gather(client, variables, { enough = () => false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const events = [];
    const stop = subscribeWithResume(client, { query: QUERY, variables }, {
      next({ data, errors }) {
        events.push(data?.counted.cursor ?? data?.counted.code ?? errors[0].extensions.code);
        if (!enough(events)) return;
        stop();
        resolve(events);
      },
      error: reject,
      complete: () => resolve(events),
    }, options);
  });
}

for (const [name, close] of [
  ['a lost connection', (socket) => socket.terminate()],
  ['a restart of the server', (socket) => socket.close(1012, 'Service restart')],
  ['a shutdown of the server', (socket) => socket.close(1001, 'Going away')],
  ['a normal close', (socket) => socket.close(1000, 'Bye')],
]) {
  test(`after ${name} each event comes once, in order`, async (context) => {
    const server = await serverFor(context, { last: 5, onEvent: closeOnce(2, close) });
    assert.deepEqual(await gather(clientTo(server), { from: 0 }), ['1', '2', '3', '4', '5']);
    assert.deepEqual(server.seen.variables, [{ from: 0 }, { from: 0, after: '2' }]);
  });
}

test('a second loss resumes behind the newest cursor', async (context) => {
  const [first, second] = [closeOnce(2), closeOnce(4)];
  const server = await serverFor(context, { last: 5, onEvent: async (...event) => (await first(...event), await second(...event)) });
  assert.deepEqual(await gather(clientTo(server), { from: 0 }), ['1', '2', '3', '4', '5']);
  assert.deepEqual(server.seen.variables.map((variables) => variables.after), [undefined, '2', '4']);
});

test("the caller's own cursor is where it begins", async (context) => {
  const server = await serverFor(context, { last: 9, onEvent: closeOnce(8) });
  assert.deepEqual(await gather(clientTo(server), { after: '7' }), ['8', '9']);
  assert.deepEqual(server.seen.variables, [{ after: '7' }, { after: '8' }]);
});

test('after HistoryGone it begins afresh, without the cursor', async (context) => {
  const server = await serverFor(context, { last: 9, forgotten: 5 });
  assert.deepEqual(await gather(clientTo(server), { from: 7, after: '2' }), ['HISTORY_GONE', '8', '9']);
  assert.deepEqual(server.seen.variables, [{ from: 7, after: '2' }, { from: 7 }]);
});

test('a tool that wants no restart is shown HistoryGone as the end', async (context) => {
  const server = await serverFor(context, { last: 9, forgotten: 5 });
  assert.deepEqual(await gather(clientTo(server), { from: 7, after: '2' }, { restarts: false }), ['HISTORY_GONE']);
  assert.equal(server.seen.variables.length, 1);
});

for (const [name, fail] of [
  ['in place of an event', passing],
  ['as the end of the operation', () => { throw passing(); }],
]) {
  test(`an error that may pass, ${name}, is tried again behind the last cursor`, async (context) => {
    const server = await serverFor(context, { last: 4, onEvent: after(2, fail) });
    assert.deepEqual(await gather(clientTo(server), { from: 0 }), ['1', '2', '3', '4']);
    assert.deepEqual(server.seen.variables, [{ from: 0 }, { from: 0, after: '2' }]);
  });
}

test('a tool that wants no restart is shown the error as the end', async (context) => {
  const server = await serverFor(context, { last: 4, onEvent: after(2, passing) });
  assert.deepEqual(await gather(clientTo(server), { from: 0 }, { restarts: false }), ['1', '2', 'UNAVAILABLE']);
});

/** Subscribes to a client that can only fail, with a clock that the test moves. */
function withFailingClient(context) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const seen = { attempts: 0 };
  const client = { subscribe: (_payload, sink) => (seen.attempts++, sink.error([passing()]), () => {}) };
  const stop = subscribeWithResume(client, { query: QUERY }, { next: assert.fail, error: assert.fail, complete: assert.fail });
  return { seen, stop, pass: (ms) => context.mock.timers.tick(ms) };
}

test('attempts that fail are made less and less often', (context) => {
  const { seen, pass } = withFailingClient(context);
  const attemptsIn = (ms) => {
    const before = seen.attempts;
    for (let passed = 0; passed < ms; passed += 50) pass(50);
    return seen.attempts - before;
  };
  assert.ok(attemptsIn(1_000) >= 2);
  attemptsIn(60_000);
  const later = attemptsIn(60_000);
  assert.ok(later >= 5 && later <= 12, `${later} in a minute`);
});

test('stopping while it waits for another attempt ends it', (context) => {
  const { seen, stop, pass } = withFailingClient(context);
  stop();
  pass(60_000);
  assert.equal(seen.attempts, 1);
});

test('stopping ends it on the server too', async (context) => {
  const server = await serverFor(context);
  assert.deepEqual(await gather(clientTo(server), { from: 0 }, { enough: ({ length }) => length === 3 }), ['1', '2', '3']);
  await until(() => server.seen.stopped === 1);
});

test('headers go into connection_init, read anew for each connection', async (context) => {
  const server = await serverFor(context, { last: 3, onEvent: closeOnce(1) });
  let reads = 0;
  await gather(clientTo(server, { connectionParams: async () => ({ Authorization: `Bearer ${++reads}` }) }), { from: 0 });
  assert.deepEqual(server.seen.inits, [{ Authorization: 'Bearer 1' }, { Authorization: 'Bearer 2' }]);
});

test('a refusal is an error and no endless reconnection', async (context) => {
  let connections = 0;
  const server = await serverFor(context, { onConnect: () => (connections++, false) });
  const problem = await gather(clientTo(server), { from: 0 }).catch((reason) => reason);
  assert.equal(problem.code, CloseCode.Forbidden);
  assert.deepEqual(errorsOf(problem), [{ message: 'The server closed the socket: 4403 Forbidden' }]);
  assert.equal(connections, 1);
});

test('an error of the operation ends it with the words of the server', async (context) => {
  const server = await serverFor(context);
  const client = clientTo(server);
  const problem = await new Promise((resolve) => {
    subscribeWithResume(client, { query: 'subscription { noSuchField }' }, { next: assert.fail, error: resolve, complete: assert.fail });
  });
  assert.match(errorsOf(problem)[0].message, /noSuchField/);
});
