// The parts of the storefront that are plain functions or objects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CombinedGraphQLErrors } from '@apollo/client';
import { agoWords } from '../.unit/words/dates.js';
import { writtenWords } from '../.unit/words/erased.js';
import { moneyWords, parseMoney, sum } from '../.unit/words/money.js';
import { failureWords, problemWords } from '../.unit/words/problems.js';

const euros = (minor) => ({ amountMinor: String(minor), currency: 'EUR' });

test('amounts have as many digits as their currency', () => {
  assert.match(moneyWords(euros(1290)), /12[.,]90/);
  assert.match(moneyWords({ amountMinor: '1290', currency: 'JPY' }), /1[.,]290/);
  assert.match(moneyWords(euros(-5)), /-.*0[.,]05/);
});

for (const [text, currency, minor] of [
  ['12.50', 'EUR', '1250'],
  [' 12,5 ', 'EUR', '1250'],
  ['0.29', 'EUR', '29'],
  ['300', 'JPY', '300'],
]) {
  test(`"${text}" is an amount`, () => assert.deepEqual(parseMoney(text, currency), { amountMinor: minor, currency }));
}

for (const text of ['', '0', '-3', 'much', '1e400', '12.50 €', '0.001']) {
  test(`"${text}" is no amount`, () => assert.equal(parseMoney(text, 'EUR'), null));
}

test('prices are added up if they are of one currency', () => {
  assert.deepEqual(sum([{ price: euros(1290), quantity: 2 }, { price: euros(5), quantity: 1 }]), euros(2585));
  assert.equal(sum([{ price: euros(1), quantity: 1 }, { price: { amountMinor: '1', currency: 'CHF' }, quantity: 1 }]), null);
  assert.equal(sum([]), null);
});

test('times are told from now', () => {
  const now = Date.parse('2026-11-26T12:00:00Z');
  assert.equal(agoWords('2026-11-26T11:59:30Z', now), 'just now');
  assert.equal(agoWords('2026-11-26T12:00:03Z', now), 'just now', "the server's clock may be ahead");
  assert.equal(agoWords('2026-11-26T11:57:00Z', now), '3 minutes ago');
  assert.equal(agoWords('2026-11-26T07:00:00Z', now), '5 hours ago');
  assert.equal(agoWords('2026-11-25T12:00:00Z', now), 'yesterday');
  assert.match(agoWords('2025-11-25T12:00:00Z', now), /2025/);
});

const outOfStock = (available) => ({ __typename: 'OutOfStock', productId: 'p1', available });

test('problems are told in plain words, with what they carry', () => {
  assert.equal(problemWords(outOfStock(3), () => 'linden honey'), 'Only 3 of linden honey are left.');
  assert.equal(problemWords(outOfStock(1), () => 'linden honey'), 'Only 1 of linden honey is left.');
  assert.equal(problemWords(outOfStock(0), () => 'linden honey'), 'Linden honey is sold out.');
  assert.match(problemWords({ __typename: 'InsufficientFunds', balance: euros(500), missing: euros(120) }), /holds .*5\.00: .*1\.20 are missing/);
  assert.match(problemWords({ __typename: 'InvalidTransition', from: 'SHIPPED', to: 'CANCELLED' }), /it is on its way by now/);
  assert.equal(problemWords({ __typename: 'ValidationError', message: 'text must not be empty' }), 'Text must not be empty.');
});

test('failures are told in plain words, whatever they are', () => {
  const failed = (code, message = 'm') => new CombinedGraphQLErrors({ errors: [{ message, extensions: { code } }] });
  assert.equal(failureWords(failed('UNAUTHENTICATED')), 'Please sign in first.');
  assert.equal(failureWords(failed('A_NEW_CODE', 'something else')), 'Something else.');
  assert.match(failureWords(new TypeError('Failed to fetch')), /cannot be reached/);
});

test('what was erased is said to be', () => {
  assert.equal(writtenWords('Of oak.'), 'Of oak.');
  assert.match(writtenWords(''), /^Erased/);
});
