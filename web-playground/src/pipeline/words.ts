const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const UNKNOWN = '–';

/** A duration as people say it; what is not known is a dash. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 10) return `${trimmed(ms, 1)} ms`;
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${trimmed(ms / SECOND_MS, 1)} s`;
  return `${trimmed(ms / MINUTE_MS, 1)} min`;
}

/** A number of things in a second. */
export function rate(perSecond: number | null | undefined): string {
  return perSecond === null || perSecond === undefined ? UNKNOWN : `${trimmed(perSecond, perSecond < 10 ? 1 : 0)}/s`;
}

/** A whole number with its thousands apart. It may be larger than a JavaScript number holds, so it comes as text. */
export function whole(value: string | number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : BigInt(value).toLocaleString('en-US');
}

/** "1 event", "2 events". */
export function counted(count: string | number, noun: string): string {
  return `${whole(count)} ${noun}${BigInt(count) === 1n ? '' : 's'}`;
}

/** The time of day of a moment. */
export function timeOfDay(at: string | number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** The minute of the day of a moment. */
export function hourAndMinute(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
