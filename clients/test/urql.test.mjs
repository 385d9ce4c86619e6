// The parts for urql in a real client: a `fetch` that answers what the test says, and a real socket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { ConsistencyTokens } from '@millrace/client';
import { consistencyExchange, forwardWithResume } from '@millrace/client/urql';
import { clientTo, closeOnce, QUERY, serverFor } from './live-server.mjs';

const LIKE = 'mutation Like { likePost { likeCount } }';
const POST = 'query Post { post { likeCount } }';
/** As urql writes it. */
const HEADER = 'millrace-consistency';
const networkOnly = { requestPolicy: 'network-only' };

/** A client whose requests' headers are gathered, each answered with the next of these. */
function clientWith(answers, { fetchOptions, exchanges = [] } = {}) {
  const seen = [];
  const fetch = async (_url, { headers }) => {
    seen.push(headers[HEADER]);
    return new Response(JSON.stringify(answers.shift()), { headers: { 'content-type': 'application/json' } });
  };
  const tokens = new ConsistencyTokens();
  const all = [cacheExchange, consistencyExchange(tokens), ...exchanges, fetchExchange];
  return { client: new Client({ url: 'http://millrace.test/graphql', fetch, fetchOptions, preferGetMethod: false, exchanges: all }), seen, tokens };
}

const withToken = (token, data = { post: { likeCount: 1 } }) => ({ data, extensions: { millrace: { token } } });

test("a query brings the mutation's token, in the header", async () => {
  const { client, seen } = clientWith([withToken('t1'), withToken('t2'), withToken('t3')]);
  await client.mutation(LIKE, {});
  await client.query(POST, {}, networkOnly);
  await client.query(POST, {}, networkOnly);
  assert.deepEqual(seen, [undefined, 't1', 't2']);
});

for (const [name, fetchOptions] of [
  ['an object', { headers: { authorization: 'Bearer mine' } }],
  ['a function', () => ({ headers: { authorization: 'Bearer mine' } })],
  ['a Headers', { headers: new Headers({ authorization: 'Bearer mine' }) }],
  ['a list of pairs', { headers: [['authorization', 'Bearer mine']] }],
]) {
  test(`headers out of ${name} stay`, async () => {
    const sent = [];
    const fetch = async (_url, { headers }) => (sent.push(headers), new Response(JSON.stringify(withToken('t1')), { headers: { 'content-type': 'application/json' } }));
    const exchanges = [consistencyExchange(new ConsistencyTokens()), fetchExchange];
    const client = new Client({ url: 'http://millrace.test/graphql', fetch, fetchOptions, preferGetMethod: false, exchanges });
    await client.mutation(LIKE, {});
    await client.query(POST, {});
    assert.deepEqual([sent[1].authorization, sent[1][HEADER]], ['Bearer mine', 't1']);
  });
}

test('tokens of an earlier life of the log are forgotten', async () => {
  const gone = { data: null, errors: [{ message: 'read without it', extensions: { code: 'HISTORY_GONE' } }] };
  const { client, seen } = clientWith([withToken('t1'), gone, withToken('t2')]);
  await client.mutation(LIKE, {});
  await client.query(POST, {}, networkOnly);
  await client.query(POST, {}, networkOnly);
  assert.deepEqual(seen, [undefined, 't1', undefined]);
});

test('a subscription brings the token in its extensions, and resumes behind its last cursor', async (context) => {
  const server = await serverFor(context, { last: 4, onEvent: closeOnce(2) });
  const live = subscriptionExchange({ forwardSubscription: forwardWithResume(clientTo(server)) });
  const { client } = clientWith([withToken('t1')], { exchanges: [live] });
  await client.mutation(LIKE, {});
  const cursors = await new Promise((resolve) => {
    const seen = [];
    const { unsubscribe } = client.subscription(QUERY, { from: 0 }).subscribe(({ data }) => {
      if (seen.push(data.counted.cursor) < 4) return;
      unsubscribe();
      resolve(seen);
    });
  });
  assert.deepEqual(cursors, ['1', '2', '3', '4']);
  assert.deepEqual(server.seen.variables, [{ from: 0 }, { from: 0, after: '2' }]);
  assert.deepEqual(server.seen.extensions[0], { millrace: { consistency: 't1' } });
});
