// The parts that are plain functions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsistencyTokens, isOlder, newest } from '@millrace/client';

const answer = (token) => ({ extensions: { millrace: { token } } });

test('nothing is brought before anything was seen', () => {
  const tokens = new ConsistencyTokens();
  assert.equal(tokens.toBring(), null);
  tokens.take({ extensions: {} }, null);
  tokens.take(answer(null), null);
  tokens.take({}, null);
  assert.equal(tokens.toBring(), null);
});

test('an answer covers what its request brought, and nothing else', () => {
  const tokens = new ConsistencyTokens();
  tokens.take(answer('read'), null);
  const brought = tokens.toBring();
  tokens.take(answer('written'), brought);
  assert.equal(tokens.toBring(), 'written');
  // A query that began before the mutation is answered after it.
  tokens.take(answer('late'), brought);
  assert.equal(tokens.toBring(), 'written,late');
  tokens.take(answer('both'), tokens.toBring());
  assert.equal(tokens.toBring(), 'both');
});

test('the same token of many answers is brought once, and no more than the server takes', () => {
  const tokens = new ConsistencyTokens();
  for (const number of [1, 1, 2, 1]) tokens.take(answer(`t${number}`), null);
  assert.equal(tokens.toBring(), 't2,t1');
  for (let number = 3; number < 100; number++) tokens.take(answer(`t${number}`), null);
  assert.equal(tokens.toBring().split(',').length, 16);
  assert.match(tokens.toBring(), /t99$/);
});

test('tokens of an earlier life of the log are forgotten', () => {
  const tokens = new ConsistencyTokens();
  tokens.take(answer('old'), null);
  tokens.take({ errors: [{ extensions: { code: 'TIMEOUT' } }] }, 'old');
  assert.equal(tokens.toBring(), 'old');
  tokens.take({ errors: [{ extensions: { code: 'HISTORY_GONE' } }], ...answer('old') }, 'old');
  assert.equal(tokens.toBring(), null);
});

test('revisions are numbers of any length, not texts', () => {
  assert.ok(isOlder('9', '10'));
  assert.ok(isOlder('9007199254740992', '9007199254740993'));
  assert.ok(!isOlder('10', '10'));
  assert.ok(!isOlder('10', '9'));
  assert.ok(!isOlder(null, '9') && !isOlder('9', undefined));
});

test('what is known of a node never becomes older', () => {
  const known = { id: 'a', revision: '10' };
  assert.equal(newest(known, { id: 'a', revision: '9' }), known);
  for (const incoming of [{ id: 'a', revision: '10' }, { id: 'a', revision: '11' }, { id: 'a' }, { id: 'b', revision: '1' }]) {
    assert.equal(newest(known, incoming), incoming);
  }
  assert.equal(newest(null, known), known);
});
