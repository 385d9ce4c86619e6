import type { PipelineEvent } from './sample.ts';
import { LOG, RELAY, STORES, STREAM, SUBSCRIBERS, linkId, stationOf } from './strip.ts';

/** So many dots of one sample, whatever the server sends. */
const DOTS_PER_SAMPLE_MAX = 20;
/** So many at once: more than four seconds' worth tell nobody more. */
export const DOTS_MAX = 80;
/** A sample is one second, over which its dots set off. */
const SAMPLE_MS = 1000;
const WAY_MIN_MS = 260;
const WAY_MAX_MS = 2400;
/** Most hops take a few milliseconds, which no eye could follow: each doubling of the real time adds this. */
const WAY_DOUBLING_MS = 130;

/** One way of a dot, and how long it is drawn on it. */
export interface Leg {
  way: string;
  ms: number;
}

/** An event on its way over the picture. */
export interface Dot {
  event: PipelineEvent;
  startMs: number;
  legs: Leg[];
}

/** The dots of a sample's events, from `nowMs` on. */
export function dotsOf(events: readonly PipelineEvent[], nowMs: number): Dot[] {
  const shown = events.slice(0, DOTS_PER_SAMPLE_MAX);
  const between = SAMPLE_MS / Math.max(shown.length, 1);
  return shown.map((event, index) => ({ event, startMs: nowMs + index * between, legs: legsOf(event) }));
}

/** The newest of all dots that are still on their way. */
export function onTheWay(dots: readonly Dot[], nowMs: number): Dot[] {
  return dots.filter((dot) => nowMs < endMs(dot)).slice(-DOTS_MAX);
}

/** Where a dot is: on which way, and what share of it is behind it. Null before its start and behind its end. */
export function placeOf(dot: Dot, nowMs: number): { way: string; share: number } | null {
  let elapsed = nowMs - dot.startMs;
  if (elapsed < 0) return null;
  for (const { way, ms } of dot.legs) {
    if (elapsed < ms) return { way, share: elapsed / ms };
    elapsed -= ms;
  }
  return null;
}

/** The ways as far as the event has come. The first duration is that of two ways: what the relay did has no clock of its own. */
function legsOf({ projection, toStreamMs, toProjectorMs, toCacheMs, toSubscribersMs }: PipelineEvent): Leg[] {
  const station = stationOf(projection);
  const half = toStreamMs === null ? null : toStreamMs / 2;
  const legs: [string, string, number | null][] = [
    [LOG, RELAY, half],
    [RELAY, STREAM, half],
    [STREAM, station, toProjectorMs],
    [station, STORES, toCacheMs],
    [STORES, SUBSCRIBERS, toSubscribersMs],
  ];
  const end = legs.findIndex(([, , ms]) => ms === null);
  const passed = end < 0 ? legs : legs.slice(0, end);
  return passed.map(([from, to, ms]) => ({ way: linkId(from, to), ms: drawnMs(ms ?? 0) }));
}

function drawnMs(ms: number): number {
  return Math.min(WAY_MIN_MS + WAY_DOUBLING_MS * Math.log2(1 + ms), WAY_MAX_MS);
}

const endMs = ({ startMs, legs }: Dot) => legs.reduce((end, { ms }) => end + ms, startMs);
