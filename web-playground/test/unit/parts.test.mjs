// The parts of the playground that are plain functions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointsOf } from '../.unit/web-playground/src/endpoint.js';
import { parseExample, variablesText } from '../.unit/web-playground/src/example-file.js';
import { toHeaders, withAuthorization } from '../.unit/web-playground/src/headers.js';
import { fillPlaceholders, withIds } from '../.unit/web-playground/src/placeholders.js';
import { DemoSession } from '../.unit/web-playground/src/session.js';
import { withoutHeaders } from '../.unit/web-playground/src/storage.js';

test('the API is beside the page', () => {
  assert.deepEqual(endpointsOf('http://127.0.0.1:4000/'), { http: 'http://127.0.0.1:4000/graphql', socket: 'ws://127.0.0.1:4000/graphql' });
  assert.deepEqual(endpointsOf('https://api.example/mill/'), { http: 'https://api.example/mill/graphql', socket: 'wss://api.example/mill/graphql' });
});

test('an example is read with its title, needs and variables', () => {
  const text = '# A title\n# Some words\n# and more.\n# needs: sign-in\n# variables: {"id": "{{newestPost}}"}\n# trigger: other\nsubscription Watch($id: ID!) {\n  a(id: $id)\n}\n';
  assert.deepEqual(parseExample('../examples/04-watch-it.graphql', text), {
    name: 'watch-it',
    title: 'A title',
    description: 'Some words and more.',
    query: '# Some words and more.\nsubscription Watch($id: ID!) {\n  a(id: $id)\n}\n',
    variables: { id: '{{newestPost}}' },
    kind: 'subscription',
    operationName: 'Watch',
    needs: 'sign-in',
    trigger: 'other',
  });
});

test('an example without variables leaves their editor empty', () => {
  assert.equal(variablesText(parseExample('01-a.graphql', '# A\nquery A {\n  a\n}\n')), '');
});

for (const [name, text] of [
  ['no title', 'query A { a }\n'],
  ['no named operation', '# A\n{ a }\n'],
  ['broken variables', '# A\n# variables: {"a"\nquery A { a }\n'],
  ['an unknown need', '# A\n# needs: luck\nquery A { a }\n'],
]) {
  test(`an example with ${name} fails the build`, () => assert.throws(() => parseExample('01-a.graphql', text), /01-a\.graphql/));
}

test('headers become text', () => {
  assert.deepEqual(toHeaders({ a: 1, b: 'c' }), { a: '1', b: 'c' });
  assert.deepEqual(toHeaders(undefined), {});
});

const isOurs = (value) => value.startsWith('Bearer ours');
for (const [name, before, authorization, after] of [
  ['is added to nothing', '', 'Bearer ours2', '{\n  "Authorization": "Bearer ours2"\n}'],
  ['is added to other headers', '{"a":"b"}', 'Bearer ours2', '{\n  "a": "b",\n  "Authorization": "Bearer ours2"\n}'],
  ['replaces an older one of ours', '{"authorization":"Bearer ours1"}', 'Bearer ours2', '{\n  "Authorization": "Bearer ours2"\n}'],
  ['leaves a typed one', '{"authorization":"Bearer mine"}', 'Bearer ours2', '{"authorization":"Bearer mine"}'],
  ['leaves a text that is no JSON', '{"a', 'Bearer ours2', '{"a'],
  ['leaves the same one, with its layout', '{"Authorization":"Bearer ours2"}', 'Bearer ours2', '{"Authorization":"Bearer ours2"}'],
  ['goes at sign-out', '{"Authorization":"Bearer ours1"}', null, ''],
  ['that was typed stays at sign-out', '{"Authorization":"Bearer mine"}', null, '{"Authorization":"Bearer mine"}'],
]) {
  test(`an authorization ${name}`, () => assert.equal(withAuthorization(before, authorization, isOurs), after));
}

test('no headers reach the storage', () => {
  const kept = new Map();
  const storage = withoutHeaders({ setItem: (key, value) => kept.set(key, value), getItem: (key) => kept.get(key) ?? null });
  storage.setItem('queries', JSON.stringify({ queries: [{ query: '{ a }', headers: '{"Authorization":"Bearer secret"}' }] }));
  storage.setItem('query', 'query { "headers" }');
  assert.equal(kept.get('queries'), '{"queries":[{"query":"{ a }","headers":null}]}');
  assert.equal(kept.get('query'), 'query { "headers" }');
});

test('placeholders take ids, by a query for each that is there', async () => {
  let queries = 0;
  const send = async () => (queries++, { data: { posts: { nodes: [{ id: 'p1', author: { id: 'u1' } }] } } });
  assert.equal(await fillPlaceholders('{"a":"{{newestPost}}","b":"{{newestAuthor}}"}', send, {}), '{"a":"p1","b":"u1"}');
  assert.equal(await fillPlaceholders('{"a":1}', send, {}), '{"a":1}');
  assert.equal(queries, 2);
  await assert.rejects(fillPlaceholders('{{newestPost}}', async () => ({ data: { posts: { nodes: [] } } }), {}), /no post yet/);
});

test("placeholders for one's own things are asked for with one's token", async () => {
  const headers = { Authorization: 'Bearer t1' };
  const send = async (_, sent) => (sent === headers ? { data: { viewer: { orders: { nodes: [{ id: 'o1' }] } } } } : { data: { viewer: null } });
  assert.equal(await fillPlaceholders('{{newestOrder}}', send, headers), 'o1');
  await assert.rejects(fillPlaceholders('{{newestOrder}}', send, {}), /Sign in/);
});

test('an operation that was pasted with placeholders is sent with ids, or as it is where there are none', async () => {
  const pasted = { query: '{ post(id: "{{newestPost}}") { id } }', variables: { author: '{{newestAuthor}}' }, operationName: 'A' };
  const send = async () => ({ data: { posts: { nodes: [{ id: 'p1', author: { id: 'u1' } }] } } });
  assert.deepEqual(await withIds(pasted, send, {}), { query: '{ post(id: "p1") { id } }', variables: { author: 'u1' }, operationName: 'A' });
  assert.equal(await withIds(pasted, () => Promise.reject(new Error('away')), {}), pasted);
});

const LIFE_MS = 300_000;

/** A session over a sender that gives out numbered tokens, with a clock that the test moves. */
function sessionAt(startMs) {
  const clock = { now: startMs, signIns: 0 };
  const send = async () => {
    const session = { accessToken: `t${++clock.signIns}`, expiresAt: new Date(clock.now + LIFE_MS).toISOString() };
    return { data: { signIn: { session, errors: [] } } };
  };
  return { clock, session: new DemoSession(send, { query: 'mutation' }, () => clock.now) };
}

test('a token is used until shortly before its end, then replaced', async () => {
  const { clock, session } = sessionAt(0);
  assert.equal(await session.signIn(), 'Bearer t1');
  const headers = { Authorization: 'Bearer t1' };
  clock.now = LIFE_MS - 21_000;
  assert.deepEqual(await session.fresh(headers), { Authorization: 'Bearer t1' });
  clock.now = LIFE_MS - 20_000;
  const both = await Promise.all([session.fresh(headers), session.fresh(headers)]);
  assert.deepEqual(both, [{ Authorization: 'Bearer t2' }, { Authorization: 'Bearer t2' }]);
  assert.equal(clock.signIns, 2);
  assert.equal(session.authorization(), 'Bearer t2');
});

/** A session whose sign-ins are answered when the test says so. */
function sessionThatWaits() {
  const answers = [];
  const send = () => new Promise((resolve) => answers.push((accessToken) => resolve({ data: { signIn: { session: { accessToken, expiresAt: '2099-01-01T00:00:00Z' } } } })));
  return { answers, session: new DemoSession(send, { query: 'mutation' }) };
}

test('a sign-out holds against a sign-in that is under way', async () => {
  const { answers, session } = sessionThatWaits();
  const refused = assert.rejects(session.signIn(), { message: 'Signed out meanwhile' });
  session.signOut();
  answers[0]('late');
  await refused;
  assert.equal(session.authorization(), null);
  assert.equal(session.isOurs('Bearer late'), false);
});

test('a sign-in after a sign-out asks anew, whatever becomes of the one before', async () => {
  const { answers, session } = sessionThatWaits();
  const refused = assert.rejects(session.signIn(), { message: 'Signed out meanwhile' });
  session.signOut();
  const second = session.signIn();
  answers[0]('late');
  await refused;
  assert.equal(session.signIn(), second, 'the second one is shared still');
  answers[1]('new');
  assert.equal(await second, 'Bearer new');
  assert.equal(session.authorization(), 'Bearer new');
});

test("a typed token and no token are sent as they are", async () => {
  const { session } = sessionAt(0);
  await session.signIn();
  assert.deepEqual(await session.fresh({ authorization: 'Bearer mine' }), { authorization: 'Bearer mine' });
  assert.deepEqual(await session.fresh({}), {});
});

test('a refused sign-in tells why, and signing in again is possible', async () => {
  const answers = [
    { data: { signIn: { session: null, errors: [{ code: 'INVALID_CREDENTIALS', message: 'Wrong email or password' }] } } },
    { data: null, errors: [{ message: 'Slow down' }] },
    { data: { signIn: { session: { accessToken: 't', expiresAt: new Date(0).toISOString() }, errors: [] } } },
  ];
  const session = new DemoSession(async () => answers.shift(), { query: 'mutation' });
  await assert.rejects(session.signIn(), { message: 'Wrong email or password (INVALID_CREDENTIALS)' });
  await assert.rejects(session.signIn(), { message: 'Slow down' });
  assert.equal(await session.signIn(), 'Bearer t');
});
