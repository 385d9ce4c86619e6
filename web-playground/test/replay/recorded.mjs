// What a real server told while one of its projections hung, at each phase of that. `tests/it/stuck.rs` records it, and says how.
import { readFileSync } from 'node:fs';

export const { samples } = JSON.parse(readFileSync(new URL('recorded/hanging-projection.json', import.meta.url), 'utf8'));

/** A scene of this phase, as if it were told now. */
export const recorded = (phase) => (_second, at) => {
  const sample = samples[phase];
  const laterMs = Date.parse(at) - Date.parse(sample.at);
  const moved = (moment) => new Date(Date.parse(moment) + laterMs).toISOString();
  return { ...sample, at, events: sample.events.map((event) => ({ ...event, decidedAt: moved(event.decidedAt) })) };
};
