// Subscriptions by server-sent events, through graphql-sse's own client and, but for one, over real connections.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { sseClient } from '../.unit/web-playground/src/sse-client.js';
import { persistentSse } from '../.unit/web-playground/src/sse.js';
import { TransportChoice } from '../.unit/web-playground/src/transport.js';

const EVENT = 'event: next\ndata: {"data":{"a":1}}\n\n';
const COMMENT = ':\n\n';
const COMPLETE = 'event: complete\ndata:\n\n';

/** A server that answers the first request as the first of `answers` does, and so on. */
async function serve(t, ...answers) {
  const bodies = [];
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(JSON.parse(body));
    answers.shift()(response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => (http.closeAllConnections(), http.close()));
  return { url: `http://127.0.0.1:${http.address().port}`, bodies };
}

const streams = (...parts) => (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  parts.forEach((part) => response.write(part));
};
const ends = (...parts) => (response) => (streams(...parts)(response), response.end());
const breaks = (...parts) => (response) => (streams(...parts)(response), setTimeout(() => response.destroy(), 20));
const refuses = (status, body) => (response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body);

/** Subscribes; answers what was told, in order, once the subscription is over or `isEnough`. */
function told(url, { payload = { query: 'subscription { a }' }, isEnough = () => false, onNext = () => {}, send } = {}) {
  const heard = [];
  const client = sseClient(url, async () => ({}), send);
  return new Promise((resolve) => {
    const note = (thing) => {
      heard.push(thing);
      if (isEnough(heard)) resolve({ heard, end });
    };
    const over = (thing) => (heard.push(thing), resolve({ heard, end }));
    const listener = { connecting: (isRetry) => note(isRetry ? 'again' : 'first'), connected: (isRetry) => note(isRetry ? 'back' : 'there') };
    const end = persistentSse(client, listener, () => 1).subscribe(payload, {
      next: (result) => (onNext(result), note(result.data)),
      error: (problem) => over(Array.isArray(problem) ? problem[0].message : problem),
      complete: () => over('complete'),
    });
  });
}

test('events come until the server completes', async (t) => {
  const { url } = await serve(t, ends(EVENT, COMPLETE));
  assert.deepEqual((await told(url)).heard, ['first', 'there', { a: 1 }, 'complete']);
});

test('a stream that breaks is asked for again, with the variables of that moment', async (t) => {
  const { url, bodies } = await serve(t, breaks(EVENT), ends(EVENT, COMPLETE));
  let after = null;
  const payload = { query: 'subscription { a }', get variables() { return { after }; } };
  const { heard } = await told(url, { payload, onNext: () => (after = 'c1') });
  assert.deepEqual(heard.filter((thing) => typeof thing === 'object'), [{ a: 1 }, { a: 1 }]);
  assert.deepEqual([heard.at(-1), heard.includes('back')], ['complete', true]);
  assert.deepEqual(bodies.map(({ variables }) => variables), [{ after: null }, { after: 'c1' }]);
});

/** Both are there before the client looks: graphql-sse by itself would wait for a next event that never comes. */
test('a stream whose end comes with its last event is asked for again', async () => {
  const bodies = [EVENT, EVENT + COMPLETE];
  const send = async () => new Response(bodies.shift());
  assert.deepEqual((await told('http://millrace.test/graphql', { send })).heard, ['first', 'there', { a: 1 }, 'again', 'again', 'back', { a: 1 }, 'complete']);
});

test('a stream that ends without an event is asked for again', async (t) => {
  const { url, bodies } = await serve(t, ends(COMMENT), ends(EVENT, COMPLETE));
  assert.equal((await told(url)).heard.at(-1), 'complete');
  assert.equal(bodies.length, 2);
});

test('a server that is busy is asked again', async (t) => {
  const { url, bodies } = await serve(t, refuses(503, ''), refuses(429, '{}'), ends(EVENT, COMPLETE));
  assert.equal((await told(url)).heard.at(-1), 'complete');
  assert.equal(bodies.length, 3);
});

test('a refusal is told in the words of the server, and not asked again', async (t) => {
  const { url, bodies } = await serve(t, refuses(401, '{"errors":[{"message":"Sign in"}]}'));
  assert.equal((await told(url)).heard.at(-1), 'Sign in');
  assert.equal(bodies.length, 1);
});

test('a refusal without words is told by its status', async (t) => {
  const { url } = await serve(t, refuses(404, 'not here'));
  assert.match((await told(url)).heard.at(-1).message, /404/);
});

test('after the end nothing is told, and no further try is made', async (t) => {
  const { url, bodies } = await serve(t, refuses(503, ''), ends(EVENT, COMPLETE));
  const { heard, end } = await told(url, { isEnough: (things) => things.includes('again') });
  end();
  const count = heard.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual([heard.length, bodies.length], [count, 1]);
});

test('the chosen transport is kept, and whoever shows it hears of it', () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const choice = new TransportChoice(storage);
  let heard = 0;
  const stop = choice.onChange(() => heard++);
  assert.equal(choice.chosen(), 'websocket');
  choice.choose('sse');
  stop();
  choice.choose('sse');
  assert.deepEqual([new TransportChoice(storage).chosen(), heard], ['sse', 1]);
});
