import type { Hop, PipelineProjection, PipelineSample } from './sample.ts';
import { counted, duration, rate, whole } from './words.ts';

/** A relay beats each second; when so many were missed, nobody knows what it does. */
const BEAT_LATE_MS = 5_000;

/** How a part is doing. Each has a sign and a word, so that nobody has to tell colours apart. */
export type Tone = 'good' | 'odd' | 'stuck' | 'unknown';

export const SIGNS: Record<Tone, { sign: string; word: string }> = {
  good: { sign: '✓', word: 'moves' },
  odd: { sign: '!', word: 'look here' },
  stuck: { sign: '✕', word: 'stuck' },
  unknown: { sign: '?', word: 'unknown' },
};

/** A place where events are. */
export interface Station {
  id: string;
  title: string;
  lines: string[];
  tone: Tone;
}

/** A way from one place to the next. */
export interface Link {
  id: string;
  from: string;
  to: string;
  hop: Hop | null;
  /** What else is said on it, such as what waits. */
  label: string | null;
  tone: Tone;
}

/** What is wrong with which part. */
export interface Alarm {
  part: string;
  words: string;
}

/** All that is drawn. */
export interface Strip {
  stations: Station[];
  links: Link[];
  /** The projections' names, in the order in which they are drawn. */
  projections: string[];
  alarms: Alarm[];
}

export const LOG = 'log';
export const RELAY = 'relay';
export const STREAM = 'stream';
export const STORES = 'stores';
export const SUBSCRIBERS = 'subscribers';
/** The trouble of a store, of which the page draws both in one. */
const STORE_PART = 'store';
const CACHE_PART = 'cache';

/** The id of a projection's place. */
export const stationOf = (projection: string): string => `projection:${projection}`;

/** The id of the way between two places. */
export const linkId = (from: string, to: string): string => `${from}>${to}`;

/** What a sample looks like. */
export function stripOf(sample: PipelineSample): Strip {
  const relay = relayTone(sample);
  return {
    stations: [...entry(sample, relay), ...sample.projections.map((projection) => projectionStation(sample, projection)), ...exit(sample)],
    links: [
      link(LOG, RELAY, null, relay, waiting(sample.relayBacklog)),
      link(RELAY, STREAM, sample.toStream, relay),
      ...sample.projections.flatMap((projection) => linksOf(sample, projection)),
      link(STORES, SUBSCRIBERS, sample.toSubscribers, 'good'),
    ],
    projections: sample.projections.map(({ name }) => name),
    alarms: alarmsOf(sample),
  };
}

function entry(sample: PipelineSample, relay: Tone): Station[] {
  return [
    { id: LOG, title: 'PostgreSQL', lines: [`event ${whole(sample.logPosition)}`, rate(sample.eventsPerSecond)], tone: sample.logPosition === null ? 'unknown' : 'good' },
    { id: RELAY, title: 'Relay', lines: [beat(sample), backlogWords(sample.relayBacklog)], tone: relay },
    { id: STREAM, title: 'JetStream', lines: [`event ${whole(sample.streamPosition)}`], tone: sample.streamPosition === null ? 'unknown' : 'good' },
  ];
}

function exit(sample: PipelineSample): Station[] {
  const parked = total(sample.projections.map(({ parkedDocuments }) => parkedDocuments));
  const fanOuts = total(sample.projections.map(({ openFanOuts }) => openFanOuts));
  const stores = [`${whole(parked)} parked`, counted(fanOuts ?? 0, 'fan-out'), cacheWords(sample)];
  const told = [counted(sample.subscribers, 'subscription'), `${rate(sample.deliveriesPerSecond)} told`];
  return [
    { id: STORES, title: 'MongoDB, Redis', lines: stores, tone: storesTone(sample) },
    { id: SUBSCRIBERS, title: 'Subscribers', lines: told, tone: 'good' },
  ];
}

function projectionStation(sample: PipelineSample, projection: PipelineProjection): Station {
  const lines = [`event ${whole(projection.position)} · ${rate(projection.eventsPerSecond)}`, `${backlogWords(projection.backlog)} · lag ${duration(projection.lagMs)}`];
  return { id: stationOf(projection.name), title: projection.name, lines, tone: projectionTone(sample, projection) };
}

function linksOf(sample: PipelineSample, projection: PipelineProjection): Link[] {
  const station = stationOf(projection.name);
  return [
    link(STREAM, station, projection.toProjector, projection.isStuck ? 'stuck' : 'good'),
    link(station, STORES, projection.toCache, has(sample, STORE_PART) ? 'stuck' : 'good'),
  ];
}

function link(from: string, to: string, hop: Hop | null, tone: Tone, label: string | null = null): Link {
  return { id: linkId(from, to), from, to, hop, tone, label };
}

function relayTone(sample: PipelineSample): Tone {
  if (sample.beatAgeMs === null || sample.beatAgeMs > BEAT_LATE_MS) return 'unknown';
  return has(sample, RELAY) ? 'stuck' : 'good';
}

function projectionTone(sample: PipelineSample, projection: PipelineProjection): Tone {
  if (projection.isStuck) return 'stuck';
  if (projection.backlog === null) return 'unknown';
  return has(sample, projection.name) || (projection.parkedDocuments ?? 0) > 0 ? 'odd' : 'good';
}

function storesTone(sample: PipelineSample): Tone {
  if (has(sample, STORE_PART)) return 'stuck';
  return has(sample, CACHE_PART) ? 'odd' : 'good';
}

/** What the server says is wrong; and a late beat, which the page knows by itself. */
function alarmsOf(sample: PipelineSample): Alarm[] {
  const told = sample.troubles.map(({ part, message }) => ({ part, words: message }));
  const isSilent = relayTone(sample) === 'unknown' && !has(sample, RELAY);
  return isSilent ? [{ part: RELAY, words: beat(sample) }, ...told] : told;
}

function beat({ beatAgeMs }: PipelineSample): string {
  if (beatAgeMs === null) return 'no beat';
  return beatAgeMs > BEAT_LATE_MS ? `no beat for ${duration(beatAgeMs)}` : `beat ${duration(beatAgeMs)} ago`;
}

function cacheWords(sample: PipelineSample): string {
  const known = sample.projections.filter(({ cachePosition }) => cachePosition !== null);
  if (known.length < sample.projections.length) return known.length === 0 ? 'no cache' : `cache of ${known.length} only`;
  const behind = known.reduce((most, { position, cachePosition }) => max(most, BigInt(position) - BigInt(cachePosition ?? position)), 0n);
  return behind === 0n ? 'cache in step' : `cache ${whole(String(behind))} behind`;
}

const max = (left: bigint, right: bigint) => (left > right ? left : right);

const backlogWords = (backlog: string | null) => (backlog === null ? 'backlog –' : `${whole(backlog)} wait`);

const waiting = (backlog: string | null) => (backlog === null || backlog === '0' ? null : backlogWords(backlog));

const has = (sample: PipelineSample, part: string) => sample.troubles.some((trouble) => trouble.part === part);

function total(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((count) => count !== null);
  return known.length === 0 && counts.length > 0 ? null : known.reduce((sum, count) => sum + count, 0);
}

/** The figures in words, for those who cannot see the picture. */
export function described({ stations, alarms }: Strip): string {
  const words = stations.map(({ title, lines, tone }) => `${title}: ${SIGNS[tone].word}, ${lines.join(', ')}.`);
  return [...words, ...alarms.map(({ part, words }) => `${part}: ${words}.`)].join(' ');
}
