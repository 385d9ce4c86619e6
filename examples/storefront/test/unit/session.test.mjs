// Who is signed in, through renewals, sign-outs at the same moment, and several tabs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { Session } from '../.unit/api/session.js';

const FAR = '2100-01-01T00:00:00Z';
const PAST = '2000-01-01T00:00:00Z';
const tokens = (name, expiresAt = FAR) => ({ accessToken: name, refreshToken: `r-${name}`, expiresAt });

const channels = [];
afterEach(() => channels.splice(0).forEach((channel) => channel.close()));

/** What a tab has of its own; `kept` is what a duplicate of it begins with. */
function tab(refresh = async () => null, kept = new Map()) {
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  const tabs = new BroadcastChannel('storefront');
  channels.push(tabs);
  const session = new Session(refresh, storage, tabs);
  const tab = { session, storage, kept, changes: 0, heard: () => once(tabs, 'message') };
  session.onChange(() => tab.changes++);
  return tab;
}

/** The same page in another tab, as "Duplicate tab" makes it. */
const duplicate = ({ kept }, refresh) => tab(refresh, new Map(kept));

/** Renewals that are answered when the test says so. */
function renewals() {
  const asked = [];
  const refresh = (token) => new Promise((answer, refuse) => asked.push({ token, answer, refuse }));
  return { asked, refresh };
}

test('tokens that are over are replaced once, for all who wait', async () => {
  const asked = [];
  const { session } = tab(async (token) => (asked.push(token), tokens('b')));
  session.begin(tokens('a', PAST));
  assert.deepEqual(await Promise.all([session.authorization(), session.authorization()]), ['Bearer b', 'Bearer b']);
  assert.equal(await session.authorization(), 'Bearer b');
  assert.deepEqual(asked, ['r-a']);
});

test('a sign-in that was ended elsewhere ends here, and tells so', async () => {
  const page = tab();
  page.session.begin(tokens('a'));
  assert.equal(page.session.distrust(), true);
  assert.equal(await page.session.authorization(), null);
  assert.deepEqual([page.changes, page.session.isSignedIn(), page.kept.size], [2, false, 0]);
  assert.equal(page.session.distrust(), false);
});

test('while the server is away the old token stays', async () => {
  const { session } = tab(() => Promise.reject(new TypeError('Failed to fetch')));
  session.begin(tokens('a', PAST));
  assert.equal(await session.authorization(), 'Bearer a');
  assert.equal(session.isSignedIn(), true);
});

test('a reload finds the session again', async () => {
  const page = tab();
  page.session.begin(tokens('a'));
  assert.equal(await tab(undefined, page.kept).session.authorization(), 'Bearer a');
});

test('a sign-out holds against a renewal that is under way', async () => {
  const { asked, refresh } = renewals();
  const page = tab(refresh);
  page.session.begin(tokens('a', PAST));
  const authorization = page.session.authorization();
  page.session.end();
  asked[0].answer(tokens('late'));
  assert.equal(await authorization, null);
  assert.deepEqual([page.session.isSignedIn(), page.kept.size, page.changes], [false, 0, 2]);
});

for (const [answer, what] of [[tokens('late'), 'tokens'], [null, 'a refusal']]) {
  test(`whoever signs in next is not touched by ${what} for the one before`, async () => {
    const { asked, refresh } = renewals();
    const page = tab(refresh);
    page.session.begin(tokens('ada', PAST));
    const adas = page.session.authorization();
    page.session.end();
    page.session.begin(tokens('bob', PAST));
    const bobs = page.session.authorization();
    asked[0].answer(answer);
    assert.equal(await adas, null, 'what Ada began is not sent as Bob');
    asked[1].answer(tokens('bob2'));
    assert.equal(await bobs, 'Bearer bob2');
    assert.deepEqual(asked.map(({ token }) => token), ['r-ada', 'r-bob']);
  });
}

test('a sign-out holds in every tab of the sign-in, and in no other', async () => {
  const { asked, refresh } = renewals();
  const first = tab();
  first.session.begin(tokens('a', PAST));
  const second = duplicate(first, refresh);
  const other = tab();
  other.session.begin(tokens('b'));
  const authorization = second.session.authorization();
  const heard = Promise.all([second.heard(), other.heard()]);
  first.session.end();
  await heard;
  asked[0].answer(tokens('late'));
  assert.equal(await authorization, null);
  assert.deepEqual([second.session.isSignedIn(), second.kept.size, second.changes], [false, 0, 1]);
  assert.equal(other.session.isSignedIn(), true);
});

test('a tab takes the tokens that another one has got: its own copy would look stolen', async () => {
  const first = tab(async () => tokens('b'));
  first.session.begin(tokens('a', PAST));
  const second = duplicate(first, () => assert.fail('it needs no renewal'));
  const heard = second.heard();
  await first.session.authorization();
  await heard;
  assert.equal(await second.session.authorization(), 'Bearer b');
  assert.equal(second.changes, 0);
});

test('tabs that renew at once keep the same tokens', async () => {
  const { asked, refresh } = renewals();
  const first = tab(refresh);
  first.session.begin(tokens('a', PAST));
  const second = duplicate(first, refresh);
  const both = [first.session.authorization(), second.session.authorization()];
  const heard = Promise.all([first.heard(), second.heard()]);
  asked[0].answer(tokens('b'));
  asked[1].answer(tokens('c'));
  await Promise.all([...both, heard]);
  assert.deepEqual([await first.session.authorization(), await second.session.authorization()], ['Bearer c', 'Bearer c']);
});
