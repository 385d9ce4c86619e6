const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const moment = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** How long ago something was, in words: `3 minutes ago`. Dates of long ago as such. */
export function agoWords(timestamp: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(timestamp) - now) / 1_000);
  if (-seconds < MINUTE_S) return 'just now';
  if (-seconds < HOUR_S) return relative.format(Math.round(seconds / MINUTE_S), 'minute');
  if (-seconds < DAY_S) return relative.format(Math.round(seconds / HOUR_S), 'hour');
  if (-seconds < 30 * DAY_S) return relative.format(Math.round(seconds / DAY_S), 'day');
  return dayWords(timestamp);
}

export const dayWords = (date: string): string => day.format(new Date(date));
export const momentWords = (timestamp: string): string => moment.format(new Date(timestamp));
export const hourWords = (timestamp: string): string => hour.format(new Date(timestamp));
