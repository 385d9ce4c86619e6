// The parts for Apollo Client in a real one, whose last link answers what the test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, InMemoryCache } from '@apollo/client';
import { Observable, of } from 'rxjs';
import { consistencyLink, liveLink, RevisionCache } from '@millrace/client/apollo';
import { ConsistencyTokens } from '@millrace/client';
import { after, clientTo, closeOnce, passing, QUERY, serverFor, until } from './live-server.mjs';

const LIKE = gql`mutation Like { likePost { post { id revision likeCount } } }`;
const POST = gql`query Post { post { id revision likeCount } }`;
const BODY = gql`query Body { post { id revision body } }`;
const WATCH = gql`subscription Watch { postChanged { id revision likeCount } }`;

const post = (revision, likeCount) => ({ __typename: 'Post', id: 'p1', revision, likeCount });

/** A client whose requests are gathered and answered by these, one after the other; a function answers when it is called. */
function clientWith(...answers) {
  const seen = [];
  const end = new ApolloLink((operation) => {
    seen.push({ headers: operation.getContext().headers, extensions: operation.extensions });
    const answer = answers.shift();
    return typeof answer === 'function' ? new Observable(answer) : of(answer);
  });
  const tokens = new ConsistencyTokens();
  const client = new ApolloClient({ cache: new RevisionCache(), link: ApolloLink.from([consistencyLink(tokens), end]) });
  return { client, seen, tokens };
}

const withToken = (token, data) => ({ data, extensions: { millrace: { token } } });
const read = (client, query, fetchPolicy = 'network-only') => client.query({ query, fetchPolicy });

test("a query brings the mutation's token, in the header", async () => {
  const { client, seen } = clientWith(withToken('t1', { likePost: { post: post('5', 1) } }), withToken('t2', { post: post('5', 1) }), { data: { post: post('5', 1) } });
  await client.mutate({ mutation: LIKE });
  await read(client, POST);
  await client.query({ query: POST, fetchPolicy: 'network-only', context: { headers: { 'x-mine': 'kept' } } });
  assert.equal(seen[0].headers, undefined);
  assert.deepEqual(seen[1].headers, { 'Millrace-Consistency': 't1' });
  assert.deepEqual(seen[2].headers, { 'x-mine': 'kept', 'Millrace-Consistency': 't2' });
});

test('a subscription brings it in its extensions, and its events give tokens too', async () => {
  const event = withToken('t2', { postChanged: post('6', 2) });
  const { client, seen, tokens } = clientWith(withToken('t1', { likePost: { post: post('5', 1) } }), event);
  await client.mutate({ mutation: LIKE });
  await new Promise((complete) => client.subscribe({ query: WATCH }).subscribe({ complete }));
  assert.deepEqual(seen[1], { headers: undefined, extensions: { millrace: { consistency: 't1' } } });
  assert.equal(tokens.toBring(), 't2');
});

test('an answer that was long on its way does not undo what an event has shown', async () => {
  let answer;
  const late = (observer) => (answer = () => (observer.next({ data: { post: post('6', 2) } }), observer.complete()));
  const { client } = clientWith({ data: { post: post('5', 1) } }, late, { data: { postChanged: post('7', 3) } });
  const shown = [];
  client.watchQuery({ query: POST }).subscribe(({ data }) => data && shown.push(data.post.likeCount));
  await read(client, POST, 'cache-first');
  const reading = read(client, POST);
  await new Promise((complete) => client.subscribe({ query: WATCH }).subscribe({ complete }));
  answer();
  assert.deepEqual((await reading).data.post, post('7', 3));
  await until(() => shown.length > 1);
  assert.deepEqual(shown, [1, 3]);
});

const cacheWith = (data) => {
  const cache = new RevisionCache();
  cache.writeQuery({ query: POST, data: { post: data } });
  return cache;
};
const likesIn = (cache) => cache.readQuery({ query: POST })?.post.likeCount;

for (const [name, revision, likeCount] of [
  ['an older revision is not taken', '9', 1],
  ['the same revision is taken, for what is copied into it later', '10', 2],
  ['a newer revision is taken', '11', 2],
]) {
  test(name, () => {
    const cache = cacheWith(post('10', 1));
    cache.writeQuery({ query: POST, data: { post: post(revision, 2) } });
    assert.equal(likesIn(cache), likeCount);
  });
}

test('fields that only the older revision has are added', () => {
  const cache = cacheWith(post('10', 1));
  cache.writeQuery({ query: BODY, data: { post: { __typename: 'Post', id: 'p1', revision: '9', body: 'words' } } });
  assert.equal(likesIn(cache), 1);
  assert.deepEqual(cache.readQuery({ query: BODY }).post, { __typename: 'Post', id: 'p1', revision: '10', body: 'words' });
});

test('each node of a list is looked at for itself', () => {
  const cache = cacheWith(post('10', 1));
  const query = gql`query Posts { posts { nodes { id revision likeCount } } }`;
  const other = { ...post('3', 7), id: 'p2' };
  cache.writeQuery({ query, data: { posts: { __typename: 'Posts', nodes: [post('9', 0), other] } } });
  assert.deepEqual(cache.readQuery({ query }).posts.nodes, [post('10', 1), other]);
});

test('who watches is told once, and of the newest only', () => {
  const cache = cacheWith(post('10', 1));
  const told = [];
  cache.watch({ query: BODY, optimistic: true, callback: ({ result }) => told.push(result) });
  cache.writeQuery({ query: BODY, data: { post: { __typename: 'Post', id: 'p1', revision: '9', body: 'words' } } });
  assert.deepEqual(told, [{ post: { __typename: 'Post', id: 'p1', revision: '10', body: 'words' } }]);
});

test('an optimistic answer is shown, and gone when it is taken back', () => {
  const cache = cacheWith(post('10', 1));
  const guess = () => cache.writeQuery({ query: POST, data: { post: post('10', 2) } });
  cache.recordOptimisticTransaction(guess, 'guess');
  cache.writeQuery({ query: POST, data: { post: post('9', 0) } });
  assert.equal(cache.readQuery({ query: POST }, true).post.likeCount, 2);
  cache.removeOptimistic('guess');
  assert.equal(cache.readQuery({ query: POST }, true).post.likeCount, 1);
});

test('a merge function of a type is not handed what has an id', () => {
  const handed = [];
  const merge = (_existing, incoming) => (handed.push(incoming), incoming);
  const cache = new InMemoryCache({ typePolicies: { Post: { merge } } });
  cache.writeQuery({ query: POST, data: { post: post('10', 1) } });
  assert.deepEqual(handed, [{ __ref: 'Post:p1' }]);
});

const NUMBERS = gql(QUERY);

/** The results of a subscription over a real socket. */
function numbers(server, variables) {
  const client = new ApolloClient({ cache: new RevisionCache(), link: liveLink(clientTo(server)) });
  return new Promise((resolve, reject) => {
    const cursors = [];
    const next = ({ data, error }) => (error ? reject(error) : cursors.push(data.counted.cursor));
    client.subscribe({ query: NUMBERS, variables }).subscribe({ next, complete: () => resolve(cursors) });
  });
}

test('a subscription resumes behind its last cursor after a cut, and after an error that may pass', async (context) => {
  const [cut, fail] = [closeOnce(2), after(3, passing)];
  const server = await serverFor(context, { last: 5, onEvent: (...event) => cut(...event) ?? fail(...event) });
  assert.deepEqual(await numbers(server, { from: 0 }), ['1', '2', '3', '4', '5']);
  assert.deepEqual(server.seen.variables, [{ from: 0 }, { from: 0, after: '2' }, { from: 0, after: '3' }]);
});

test('a refused operation is an error with the words of the server', async (context) => {
  const server = await serverFor(context, { onEvent: after(1, () => { throw new Error('no such luck'); }) });
  await assert.rejects(numbers(server, { from: 0 }), (error) => CombinedGraphQLErrors.is(error) && /no such luck/.test(error.message));
});
