import type { PipelineSample } from './sample.ts';

/** What is drawn: the last 15 minutes. */
export const HISTORY_SECONDS = 15 * 60;
/** Between seconds further apart than this nothing is known, so no line is drawn. */
const GAP_SECONDS = 3;
const MINUTE_SECONDS = 60;
const MS = 1000;

/** One point as the server keeps it; null lag: nobody knew. */
export interface LagRow {
  at: string;
  projection: string;
  lagMs: number | null;
}

/** The lags of each second, by projection. */
export interface LagHistory {
  names: readonly string[];
  seconds: ReadonlyMap<number, Readonly<Record<string, number | null>>>;
}

export const NO_LAGS: LagHistory = { names: [], seconds: new Map() };

/** With these points too, without what is older than 15 minutes. */
export function withRows(history: LagHistory, rows: readonly LagRow[]): LagHistory {
  if (rows.length === 0) return history;
  const seconds = new Map(history.seconds);
  for (const { at, projection, lagMs } of rows) {
    const second = Math.floor(Date.parse(at) / MS);
    seconds.set(second, { ...seconds.get(second), [projection]: lagMs });
  }
  const sorted = [...seconds].sort(([left], [right]) => left - right);
  const newest = sorted.at(-1)?.[0] ?? 0;
  const names = [...new Set([...history.names, ...rows.map(({ projection }) => projection)])];
  return { names, seconds: new Map(sorted.filter(([second]) => second > newest - HISTORY_SECONDS)) };
}

/** With what a sample tells. */
export function withSample(history: LagHistory, { at, projections }: PipelineSample): LagHistory {
  return withRows(history, projections.map(({ name, lagMs }) => ({ at, projection: name, lagMs })));
}

/** The columns of a chart: the times, then of each projection its lag in seconds. A hole in time is a hole in the lines. */
export function columnsOf({ names, seconds }: LagHistory): [number[], ...(number | null)[][]] {
  const times: number[] = [];
  const lags: (number | null)[][] = names.map(() => []);
  const add = (second: number, at: Readonly<Record<string, number | null>>) => {
    times.push(second);
    names.forEach((name, index) => lags[index]?.push(inSeconds(at[name])));
  };
  for (const [second, at] of seconds) {
    const last = times.at(-1);
    if (last !== undefined && second - last > GAP_SECONDS) add(last + 1, {});
    add(second, at);
  }
  return [times, ...lags];
}

/** The worst lag of each projection in each minute, newest minute first; null: nobody knew, undefined: nothing was kept. */
export function minutesOf({ names, seconds }: LagHistory): { at: number; worst: (number | null | undefined)[] }[] {
  const minutes = new Map<number, (number | null | undefined)[]>();
  for (const [second, at] of seconds) {
    const minute = Math.floor(second / MINUTE_SECONDS) * MINUTE_SECONDS;
    const worst = minutes.get(minute) ?? names.map(() => undefined);
    minutes.set(minute, names.map((name, index) => worse(worst[index], at[name])));
  }
  return [...minutes].reverse().map(([minute, worst]) => ({ at: minute * MS, worst }));
}

function worse(left: number | null | undefined, right: number | null | undefined): number | null | undefined {
  if (typeof left === 'number' && typeof right === 'number') return Math.max(left, right);
  return typeof left === 'number' || right === undefined ? left : right;
}

const inSeconds = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : ms / MS);
