// Samples like those of a server: a quiet stream of events, and what is told when something stands still.
const NAMES = ['people', 'content', 'shop', 'commands'];
const EVENTS = { people: 'user.renamed', content: 'comment.added', shop: 'order.paid', commands: 'session.started' };
const FIRST_POSITION = 120_000;
const PER_SECOND = 14;

/** One of `NAMES` as all is well; `second` makes its figures. */
function projection(name, second, change = {}) {
  const position = String(FIRST_POSITION + second * PER_SECOND);
  const hop = (p50Ms, p99Ms) => ({ p50Ms, p99Ms, count: 800 });
  const figures = { position, cachePosition: position, eventsPerSecond: 13.8, backlog: '0', lagMs: 40 + ((second * 37) % 90), openFanOuts: 0, parkedDocuments: 0 };
  return { name, ...figures, toProjector: hop(1.4, 6.2), toCache: hop(4.8, 21), isStuck: false, ...change };
}

function event(index, second, at) {
  const name = NAMES[(index * 3 + second) % NAMES.length];
  const position = String(FIRST_POSITION + second * PER_SECOND + index);
  return { name: EVENTS[name], projection: name, position, decidedAt: at, toStreamMs: 6.4 + index, toProjectorMs: 1.2, toCacheMs: 5.1, toSubscribersMs: index % 4 === 3 ? null : 2.2 };
}

/** What is told in this second, `at` as RFC 3339. */
export function busy(second, at) {
  const position = String(FIRST_POSITION + second * PER_SECOND);
  return {
    at,
    beatAgeMs: 420,
    logPosition: position,
    streamPosition: position,
    relayBacklog: '0',
    eventsPerSecond: 13.8,
    toStream: { p50Ms: 5.2, p99Ms: 31, count: 828 },
    toSubscribers: { p50Ms: 2.1, p99Ms: 9.4, count: 610 },
    projections: NAMES.map((name) => projection(name, second)),
    subscribers: 37,
    deliveriesPerSecond: 42.4,
    events: Array.from({ length: PER_SECOND }, (_, index) => event(index, second, at)),
    troubles: [],
  };
}

/** Nothing happens: the stores are empty and nobody looks. */
export const idle = (second, at) => ({
  ...busy(0, at),
  eventsPerSecond: 0,
  toStream: null,
  toSubscribers: null,
  projections: NAMES.map((name) => projection(name, 0, { eventsPerSecond: 0, toProjector: null, toCache: null, lagMs: 0 })),
  subscribers: 1,
  deliveriesPerSecond: 0,
  events: [],
});

/** The content projection does not fold, and two documents of the shop are parked. */
export function stuck(second, at) {
  const sample = busy(second, at);
  const stands = { position: '118204', cachePosition: '118204', eventsPerSecond: 0, backlog: '1936', lagMs: 138_400, isStuck: true };
  const changes = { content: stands, shop: { parkedDocuments: 2 } };
  const troubles = [
    { part: 'content', message: '1936 events wait, and none was folded' },
    { part: 'shop', message: '2 documents are parked: `millrace parked` tells why' },
  ];
  const projections = NAMES.map((name) => projection(name, second, changes[name]));
  return { ...sample, projections, events: sample.events.filter((each) => each.projection !== 'content'), troubles };
}

/** The relay is gone, and so is the cache. */
export function noBeat(second, at) {
  const gone = { beatAgeMs: null, logPosition: null, streamPosition: null, relayBacklog: null, eventsPerSecond: null, toStream: null, events: [] };
  const projections = NAMES.map((name) => projection(name, second, { backlog: null, lagMs: null, cachePosition: null, eventsPerSecond: 0 }));
  const troubles = [
    { part: 'relay', message: 'no relay has told anything lately' },
    { part: 'cache', message: 'Redis does not answer: all is read from MongoDB' },
  ];
  return { ...busy(second, at), ...gone, projections, troubles };
}

/** The relay beats, but nothing comes into the stream. */
export function relayStuck(second, at) {
  const troubles = [{ part: 'relay', message: '4,210 events wait, and none came into the stream' }];
  return { ...busy(second, at), relayBacklog: '4210', events: [], troubles };
}

/** Fifteen minutes of lags, with a bad minute and a hole in which nobody knew. */
export function lags(until) {
  const rows = [];
  for (let second = 0; second < 900; second++) {
    const at = new Date(until - (900 - second) * 1000).toISOString();
    const isHole = second > 300 && second < 330;
    NAMES.forEach((projection, index) => rows.push({ at, projection, lagMs: isHole ? null : lagAt(second, index) }));
  }
  return rows;
}

function lagAt(second, index) {
  const isBad = index === 1 && second > 560 && second < 640;
  return isBad ? 80 * (second < 620 ? second - 560 : (640 - second) * 3) : 40 + index * 60 + ((second * 37) % 120);
}
