import { useNow } from './clock.ts';
import type { FeedState } from './feed.ts';
import { healthOf } from './health.ts';
import { SIGNS } from './strip.ts';

/**
 * How all of it is, in words. Screen readers are told which parts are in trouble, once: how many events wait there changes each second.
 */
export function Connection({ state }: { state: FeedState }) {
  const { tone, words, alarms } = healthOf(state, useNow());
  const parts = [...new Set(alarms.map(({ part }) => part))];
  return (
    <section className="health" data-tone={tone} data-connection={state.connection} aria-label="Health">
      <p>
        <span className="sign" aria-hidden="true">
          {SIGNS[tone].sign}
        </span>{' '}
        {words}
      </p>
      {alarms.length > 0 && (
        <ul>
          {alarms.map(({ part, words }) => (
            <li key={`${part} ${words}`}>
              {part}: {words}
            </li>
          ))}
        </ul>
      )}
      <span role="alert" className="unseen">
        {parts.length > 0 && `Trouble: ${parts.join(', ')}`}
      </span>
    </section>
  );
}
