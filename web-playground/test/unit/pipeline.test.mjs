// What the pipeline page draws, from what the server tells.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOTS_MAX, dotsOf, onTheWay, placeOf } from '../.unit/web-playground/src/pipeline/dots.js';
import { healthOf, isFresh } from '../.unit/web-playground/src/pipeline/health.js';
import { columnsOf, HISTORY_SECONDS, minutesOf, NO_LAGS, withRows, withSample } from '../.unit/web-playground/src/pipeline/lags.js';
import { layoutOf, WIDE_MIN_PX } from '../.unit/web-playground/src/pipeline/layout.js';
import { described, stripOf } from '../.unit/web-playground/src/pipeline/strip.js';
import { counted, duration, rate, whole } from '../.unit/web-playground/src/pipeline/words.js';
import { busy, idle, noBeat, relayStuck, stuck } from '../replay/samples.mjs';

const AT = '2026-11-26T12:00:00Z';
const toneOf = (strip, id) => strip.stations.find((station) => station.id === id).tone;
const linkOf = (strip, id) => strip.links.find((link) => link.id === id);

test('figures are said as people say them', () => {
  assert.deepEqual([0, 4.84, 41.6, 1_240, 138_400, null].map(duration), ['0 ms', '4.8 ms', '42 ms', '1.2 s', '2.3 min', '–']);
  assert.deepEqual([0, 3.14, 1234.5, null].map(rate), ['0/s', '3.1/s', '1235/s', '–']);
  assert.deepEqual([whole('9007199254740993'), whole(null), counted(1, 'fan-out'), counted('2', 'fan-out')], ['9,007,199,254,740,993', '–', '1 fan-out', '2 fan-outs']);
});

test('when all is well every place and way is, and nothing is wrong', () => {
  const strip = stripOf(busy(5, AT));
  assert.deepEqual([...new Set([...strip.stations, ...strip.links].map(({ tone }) => tone))], ['good']);
  assert.deepEqual(strip.alarms, []);
  assert.deepEqual(strip.projections, ['people', 'content', 'shop', 'commands']);
  assert.equal(linkOf(strip, 'relay>stream').hop.p50Ms, 5.2);
});

test('a projection that stands still is stuck with the way to it, and no other is', () => {
  const strip = stripOf(stuck(5, AT));
  assert.equal(toneOf(strip, 'projection:content'), 'stuck');
  assert.equal(toneOf(strip, 'projection:shop'), 'odd');
  assert.equal(toneOf(strip, 'projection:people'), 'good');
  assert.equal(linkOf(strip, 'stream>projection:content').tone, 'stuck');
  assert.equal(linkOf(strip, 'stream>projection:people').tone, 'good');
  assert.deepEqual(strip.alarms[0], { part: 'content', words: '1936 events wait, and none was folded' });
});

test('a relay that stands still is stuck, and what waits stands at it', () => {
  const strip = stripOf(relayStuck(5, AT));
  assert.equal(toneOf(strip, 'relay'), 'stuck');
  assert.equal(linkOf(strip, 'log>relay').label, '4,210 wait');
});

test('without a beat nobody knows, and a beat that is late is told even where the server does not', () => {
  const silent = stripOf(noBeat(5, AT));
  assert.deepEqual(['log', 'relay', 'stream', 'projection:content', 'stores'].map((id) => toneOf(silent, id)), ['unknown', 'unknown', 'unknown', 'unknown', 'odd']);
  const late = stripOf({ ...busy(5, AT), beatAgeMs: 7_200 });
  assert.deepEqual([toneOf(late, 'relay'), late.alarms], ['unknown', [{ part: 'relay', words: 'no beat for 7.2 s' }]]);
});

test('a store that does not answer is stuck with the ways to it', () => {
  const strip = stripOf({ ...busy(5, AT), troubles: [{ part: 'store', message: 'MongoDB does not answer' }] });
  assert.equal(toneOf(strip, 'stores'), 'stuck');
  assert.equal(linkOf(strip, 'projection:shop>stores').tone, 'stuck');
});

test('how the cache does is said', () => {
  const words = (change) => stripOf({ ...busy(5, AT), projections: busy(5, AT).projections.map((each, index) => ({ ...each, ...change(each, index) })) }).stations.find(({ id }) => id === 'stores').lines[2];
  assert.equal(words(() => ({})), 'cache in step');
  assert.equal(words(({ position }, index) => (index === 1 ? { cachePosition: String(BigInt(position) - 12n) } : {})), 'cache 12 behind');
  assert.equal(words(() => ({ cachePosition: null })), 'no cache');
  assert.equal(words((_, index) => (index === 0 ? { cachePosition: null } : {})), 'cache of 3 only');
});

test('the picture is told in words', () => {
  assert.match(described(stripOf(stuck(5, AT))), /content: stuck, event 118,204 · 0\/s, 1,936 wait · lag 2\.3 min\..*content: 1936 events wait/);
});

const overlaps = (left, right) => left.x < right.x + right.width && right.x < left.x + left.width && left.y < right.y + right.height && right.y < left.y + left.height;

for (const width of [300, 340, WIDE_MIN_PX - 1, WIDE_MIN_PX, 1248]) {
  for (const scene of [busy, stuck, idle, noBeat]) {
    test(`a picture ${width} px wide has room for all places (${scene.name})`, () => {
      const { boxes, ways, height } = layoutOf(stripOf(scene(5, AT)), width);
      assert.equal(boxes.length, 9);
      for (const box of boxes) {
        assert.ok(box.x >= 0 && box.x + box.width <= width && box.y >= 0 && box.y + box.height <= height, JSON.stringify(box));
        assert.deepEqual(boxes.filter((other) => other !== box && overlaps(box, other)), []);
        assert.ok(26 + 16 * box.lines.length <= box.height, `${box.station.id} has too many lines`);
      }
      for (const { path } of ways) assert.doesNotMatch(path, /NaN|undefined/);
    });
  }
}

test('the word for what is wrong stands first', () => {
  const { boxes } = layoutOf(stripOf(stuck(5, AT)), 340);
  assert.equal(boxes.find(({ station }) => station.id === 'projection:content').lines[0], 'stuck');
});

test('a dot goes the whole way of its event, slower where that took longer', () => {
  const [event] = busy(5, AT).events;
  const [dot] = dotsOf([{ ...event, toStreamMs: 200, toCacheMs: 1 }], 1_000);
  assert.deepEqual(dot.legs.map(({ way }) => way), ['log>relay', 'relay>stream', `stream>projection:${event.projection}`, `projection:${event.projection}>stores`, 'stores>subscribers']);
  assert.ok(dot.legs[0].ms > dot.legs[3].ms);
  assert.equal(placeOf(dot, 999), null);
  assert.deepEqual(placeOf(dot, 1_000), { way: 'log>relay', share: 0 });
  const half = placeOf(dot, 1_000 + dot.legs[0].ms + dot.legs[1].ms / 2);
  assert.deepEqual([half.way, half.share.toFixed(3)], ['relay>stream', '0.500']);
  assert.equal(placeOf(dot, 100_000), null);
});

test('a dot goes no further than its event has come', () => {
  const [event] = busy(5, AT).events;
  const [dot] = dotsOf([{ ...event, toCacheMs: null, toSubscribersMs: null }], 0);
  assert.equal(dot.legs.at(-1).way, `stream>projection:${event.projection}`);
});

test('at most 20 dots of a sample set off, spread over its second, and not too many are on their way', () => {
  const events = Array.from({ length: 50 }, () => busy(5, AT).events[0]);
  const dots = dotsOf(events, 0);
  assert.equal(dots.length, 20);
  assert.deepEqual([dots[0].startMs, dots[10].startMs, dots[19].startMs], [0, 500, 950]);
  const many = Array.from({ length: 10 }, () => dots).flat();
  assert.equal(onTheWay(many, 100).length, DOTS_MAX);
  assert.equal(onTheWay(many, 100_000).length, 0);
});

const known = (change = {}) => ({ connection: 'live', problem: null, sample: busy(5, AT), cameAt: 10_000, ...change });

for (const [name, state, now, tone, words] of [
  ['nothing yet', { sample: null, connection: 'connecting' }, 10_000, 'unknown', /^Connecting$/],
  ['a first try that failed', { sample: null, connection: 'lost' }, 10_000, 'unknown', /^Disconnected/],
  ['figures', {}, 11_000, 'good', /everything moves/],
  ['no figures for a while', {}, 16_200, 'unknown', /no figures for 6\.2 s/],
  ['a lost connection', { connection: 'lost' }, 12_000, 'stuck', /Disconnected.*from 2 s ago/],
  ['a refusal', { connection: 'refused', problem: 'Not for you' }, 10_000, 'unknown', /does not show its pipeline: Not for you/],
  ['trouble', { sample: stuck(5, AT) }, 10_000, 'stuck', /stuck/],
  ['something odd', { sample: noBeat(5, AT) }, 10_000, 'odd', /look at/],
]) {
  test(`the page says so: ${name}`, () => {
    const health = healthOf(known(state), now);
    assert.match(health.words, words);
    assert.equal(health.tone, tone);
  });
}

test('figures are of now while they come', () => {
  assert.deepEqual([isFresh(known(), 14_000), isFresh(known(), 15_001), isFresh(known({ connection: 'lost' }), 10_000)], [true, false, false]);
});

const row = (second, projection, lagMs) => ({ at: new Date(second * 1000).toISOString(), projection, lagMs });

test('lags become columns by second, with holes where nobody knew or nothing was kept', () => {
  const history = withRows(NO_LAGS, [row(102, 'a', 500), row(100, 'a', 250), row(100, 'b', null), row(110, 'b', 1_000)]);
  assert.deepEqual(columnsOf(history), [[100, 102, 103, 110], [0.25, 0.5, null, null], [null, null, null, 1]]);
});

test('a second that is told twice stands once, and what is old goes', () => {
  const first = withRows(NO_LAGS, [row(100, 'a', 1), row(101, 'a', 2)]);
  const later = withRows(first, [row(101, 'a', 3), row(100 + HISTORY_SECONDS, 'a', 4)]);
  assert.deepEqual([...later.seconds], [[101, { a: 3 }], [100 + HISTORY_SECONDS, { a: 4 }]]);
  assert.equal(withRows(later, []), later);
});

test('a sample adds its second', () => {
  const history = withSample(NO_LAGS, busy(0, AT));
  assert.deepEqual(history.names, ['people', 'content', 'shop', 'commands']);
  assert.deepEqual([...history.seconds.keys()], [Date.parse(AT) / 1000]);
});

test('the table has the worst of each minute, newest first', () => {
  const history = withRows(NO_LAGS, [row(60, 'a', 1), row(61, 'a', 9), row(62, 'a', null), row(63, 'b', null), row(120, 'a', null)]);
  assert.deepEqual(minutesOf(history), [{ at: 120_000, worst: [null, undefined] }, { at: 60_000, worst: [9, null] }]);
});
