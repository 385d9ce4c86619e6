// Following one command or one thing on the pipeline page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandFound, nodeFound, nothingFound } from '../.unit/web-playground/src/pipeline/found.js';
import { readId } from '../.unit/web-playground/src/pipeline/ids.js';
import { decidedAfter, waterfallOf } from '../.unit/web-playground/src/pipeline/waterfall.js';
import { busy } from '../replay/samples.mjs';
import { opaque } from '../replay/server.mjs';

const SENT = Date.parse('2026-11-26T12:00:00.000Z');
const of = (name, state, receivedMs, visibleMs) => ({ name, state, position: '21', receivedMs, visibleMs });
const STATUS = {
  id: opaque(64),
  state: 'VISIBLE',
  firstPosition: '20',
  lastPosition: '21',
  decidedAt: '2026-11-26T12:00:00.010Z',
  aggregateId: opaque(3),
  streamedMs: 6,
  projections: [of('content', 'VISIBLE', 8, 15), of('shop', 'VISIBLE', 8, null)],
};
const attempt = (change = {}) => ({ sentAt: SENT, answeredMs: 14, pushedMs: 31, status: STATUS, ...change });

test('a waterfall has each step from when it began', () => {
  const { bars, endMs, summary } = waterfallOf(attempt());
  assert.deepEqual(bars.map(({ label, fromMs, toMs }) => [label, fromMs, toMs]), [
    ['Answered', 0, 14],
    ['In the stream', 10, 16],
    ['Projection content', 18, 25],
    ['Projection shop', 18, null],
    ['Pushed to this page', 0, 31],
  ]);
  assert.equal(bars[3].words, 'received 8 ms, had nothing to change');
  assert.equal(endMs, 31);
  assert.equal(summary, 'Answered after 14 ms, in the stream 6 ms after it was decided, visible 15 ms after it was decided, pushed to this page after 31 ms.');
});

test('clocks that disagree have it decided when the answer came', () => {
  assert.equal(decidedAfter(attempt()), 10);
  assert.equal(decidedAfter(attempt({ sentAt: SENT + 60_000 })), 14);
  assert.equal(decidedAfter(attempt({ sentAt: SENT - 60_000 })), 14);
  assert.equal(decidedAfter(attempt({ status: null })), 14);
});

test('what did not come is told, with nothing drawn', () => {
  const status = { ...STATUS, state: 'STREAMED', streamedMs: null, projections: [of('content', 'STREAMED', null, null)] };
  const { bars, summary } = waterfallOf(attempt({ pushedMs: null, status }));
  assert.deepEqual(bars.map(({ toMs }) => toMs), [14, null, null, null]);
  assert.deepEqual(bars.map(({ words }) => words), ['14 ms', 'no time was kept', 'not visible yet: streamed', 'did not come']);
  assert.equal(summary, 'Answered after 14 ms, not pushed to this page.');
});

test('an id tells what it is of, and when it was made', () => {
  const madeAt = Date.UTC(2026, 10, 26, 12);
  assert.deepEqual(readId(` ${opaque(64)}\n`), { id: opaque(64), type: 'Command', kind: 'command', madeAt });
  assert.deepEqual([readId(opaque(5)).kind, readId(opaque(7)).kind], ['node', 'none']);
  for (const text of ['', '7', '!!!!', 'AAAA', 'A'.repeat(400), opaque(99), 'ä']) assert.equal(readId(text), null, text);
});

test('nothing is told in words', () => {
  assert.match(nothingFound(null), /no id of this API/);
  assert.match(nothingFound(readId(opaque(65))), /id of a Session/);
  assert.match(nothingFound(readId(opaque(64))), /Nothing is known of this command.*somebody else's/);
  assert.match(nothingFound(readId(opaque(2))), /no such Post.*that you may see/);
});

test('a command is shown with its way, whether its times were kept or not', () => {
  const read = readId(STATUS.id);
  const { title, steps } = commandFound(read, STATUS);
  assert.equal(title, 'A command, every read shows it');
  assert.deepEqual(steps.map(({ store }) => store), ['PostgreSQL', 'JetStream', 'Projection content', 'Projection shop']);
  assert.match(steps[0].words, /events 20 to 21 of the log/);
  assert.equal(steps[2].words, 'every read shows it, received after 8 ms, visible after 15 ms, it is at event 21');
  const early = { ...STATUS, state: 'COMMITTED', firstPosition: null, lastPosition: null, decidedAt: null, streamedMs: null, projections: [] };
  assert.deepEqual(commandFound(read, early).steps.map(({ tone }) => tone), ['good', 'odd']);
  assert.match(commandFound(read, early).steps[0].words, /only its token is known/);
});

test('a thing is shown with where its last change is', () => {
  const node = { __typename: 'Post', id: opaque(2), version: 3, revision: '120000', createdAt: '2026-11-26T12:00:00Z', title: 'A title' };
  const sample = busy(5, '2026-11-26T12:00:00Z');
  const { title, steps } = nodeFound(node, { cache: 'hit', lagMs: 34 }, sample);
  assert.equal(title, 'Post: A title');
  assert.deepEqual(steps.map(({ store }) => store), ['PostgreSQL', 'JetStream', 'Projection content', 'MongoDB, Redis']);
  assert.match(steps[1].words, /event 120,000, is in it/);
  assert.equal(steps[3].words, 'this answer came from Redis, 34 ms behind the log');
  assert.equal(nodeFound({ ...node, revision: '999999' }, undefined, sample).steps[1].tone, 'odd');
  assert.equal(nodeFound(node, undefined, null).steps[1].tone, 'unknown');
});
