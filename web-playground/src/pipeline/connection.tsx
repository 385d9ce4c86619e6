import { useNow } from './clock.ts';
import type { FeedState } from './feed.ts';
import { healthOf } from './health.ts';
import { SIGNS } from './strip.ts';

/** How all of it is, in words. What is wrong is told to screen readers when it begins; the seconds that pass are not. */
export function Connection({ state }: { state: FeedState }) {
  const { tone, words, alarms } = healthOf(state, useNow());
  return (
    <section className="health" data-tone={tone} data-connection={state.connection} aria-label="Health">
      <p>
        <span className="sign" aria-hidden="true">
          {SIGNS[tone].sign}
        </span>{' '}
        {words}
      </p>
      <ul role="alert">
        {alarms.map((alarm) => (
          <li key={alarm}>{alarm}</li>
        ))}
      </ul>
    </section>
  );
}
