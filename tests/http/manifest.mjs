// Apollo Client 4 with ids out of a manifest, as Apollo's tools make one when an application is built: `write FILE`, then `ask FILE URL`.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { print } from '@apollo/client/utilities';
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists';

const [mode, file, uri] = process.argv.slice(2);
const QUERY = gql`query Newest($n: Int) { posts(first: $n) { nodes { title } } }`;
const OTHER = gql`query Everything { posts(first: 100) { nodes { title } } }`;

function write() {
  const body = print(QUERY);
  const operation = { id: createHash('sha256').update(body).digest('hex'), name: 'Newest', type: 'query', body };
  writeFileSync(file, JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations: [operation] }));
}

async function ask() {
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  const persisted = new PersistedQueryLink(generatePersistedQueryIdsFromManifest({ loadManifest: async () => manifest }));
  const client = (links) => new ApolloClient({ link: ApolloLink.from([...links, new HttpLink({ uri })]), cache: new InMemoryCache() });
  const { data } = await client([persisted]).query({ query: QUERY, variables: { n: 2 } });
  assert.ok(Array.isArray(data.posts.nodes));
  await assert.rejects(client([]).query({ query: OTHER }), (error) => {
    assert.ok(CombinedGraphQLErrors.is(error), String(error));
    assert.equal(error.errors[0].extensions.code, 'DOCUMENT_NOT_TRUSTED');
    return true;
  });
  console.log('Apollo Client sent the id of its manifest, and nothing else was run');
}

await (mode === 'write' ? write() : ask());
