// Apollo Client 4 with its link for automatic persisted queries: the text is sent once, by POST; from then on the hash, by GET.
import { createHash } from 'node:crypto';
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';

const [uri] = process.argv.slice(2);
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const QUERY = gql`query Newest($n: Int) { posts(first: $n) { nodes { title } } }`;

/** What goes over the wire: method, whether a text goes with it, status. */
const sent = [];
const watched = async (url, options) => {
  const response = await fetch(url, options);
  const hasText = options.method === 'POST' ? 'query' in JSON.parse(options.body) : new URL(url).searchParams.has('query');
  sent.push(`${options.method} ${hasText ? 'text' : 'hash'} ${response.status}`);
  return response;
};

function client() {
  const persisted = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
  const link = ApolloLink.from([persisted, new HttpLink({ uri, fetch: watched })]);
  return new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: 'no-cache' } } });
}

async function ask(client, n) {
  const { data } = await client.query({ query: QUERY, variables: { n } });
  assert.ok(Array.isArray(data.posts.nodes));
  return sent.splice(0);
}

const first = client();
assert.deepEqual(await ask(first, 1), ['GET hash 400', 'POST text 200'], 'the text is sent when it is not known');
assert.deepEqual(await ask(first, 2), ['GET hash 200'], 'then the hash is enough');
assert.deepEqual(await ask(client(), 3), ['GET hash 200'], 'for every client');
console.log('Apollo Client sent the text once');
