import type { PipelineSample } from './sample.ts';
import { stripOf, type Alarm, type Tone } from './strip.ts';
import { duration } from './words.ts';

/** A sample comes each second; after this long without one the figures are old. */
export const SAMPLE_LATE_MS = 5_000;

/** What a connection is known by. */
export interface Known {
  connection: 'connecting' | 'live' | 'lost' | 'refused';
  problem: string | null;
  sample: PipelineSample | null;
  cameAt: number;
}

/** How all of it is, in one sentence with its sign, and what is wrong. */
export interface Health {
  tone: Tone;
  words: string;
  alarms: Alarm[];
}

/** What is told at the top of the page. The page's own connection comes first: without it no figure means anything. */
export function healthOf(known: Known, now: number): Health {
  const { connection, problem, sample, cameAt } = known;
  if (connection === 'refused') return { tone: 'unknown', words: `The server does not show its pipeline: ${problem ?? 'it gave no reason'}`, alarms: [] };
  if (sample === null) return { tone: 'unknown', words: connection === 'lost' ? 'Disconnected: connecting again' : 'Connecting', alarms: [] };
  // The clock that ticks each second is a little behind the one that noted the sample.
  const age = Math.max(now - cameAt, 0);
  if (connection === 'lost') return { tone: 'stuck', words: `Disconnected: connecting again. The figures are from ${duration(age)} ago`, alarms: [] };
  if (age > SAMPLE_LATE_MS) return { tone: 'unknown', words: `Connected, but no figures for ${duration(age)}`, alarms: [] };
  const { alarms, stations } = stripOf(sample);
  if (alarms.length === 0) return { tone: 'good', words: 'Live: everything moves', alarms };
  const isStuck = stations.some(({ tone }) => tone === 'stuck');
  return { tone: isStuck ? 'stuck' : 'odd', words: isStuck ? 'Live, but stuck' : 'Live, with something to look at', alarms };
}

/** True while the figures are those of now. */
export const isFresh = ({ connection, cameAt }: Known, now: number): boolean => connection === 'live' && now - cameAt <= SAMPLE_LATE_MS;
