import { useEffect, useId, useState } from 'react';
import type { PipelineEvent, PipelineSample } from './sample.ts';
import { duration, whole } from './words.ts';

const SHOWN = 8;

/** The newest events that were followed, in words: what the dots show, for everybody. */
export function LatestEvents({ sample }: { sample: PipelineSample | null }) {
  const events = useLatest(sample);
  const title = useId();
  return (
    <section aria-labelledby={title}>
      <h2 id={title}>Newest events</h2>
      <div className="scroll" tabIndex={0} role="region" aria-labelledby={title}>
        <table data-table="events">
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">To stream</th>
              <th scope="col">To projector</th>
              <th scope="col">To stores</th>
              <th scope="col">To subscribers</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <tr key={`${event.projection} ${event.position}`}>
                <th scope="row">
                  <EventName name={event.name} /> <small>{`${event.projection} ${whole(event.position)}`}</small>
                </th>
                <td>{duration(event.toStreamMs)}</td>
                <td>{duration(event.toProjectorMs)}</td>
                <td>{duration(event.toCacheMs)}</td>
                <td>{duration(event.toSubscribersMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {events.length === 0 && <p className="hint">None since this page is open.</p>}
      </div>
    </section>
  );
}

/** May break at its dot, where there is little room. */
function EventName({ name }: { name: string }) {
  const [thing = '', ...happened] = name.split('.');
  return (
    <>
      {thing}.<wbr />
      {happened.join('.')}
    </>
  );
}

function useLatest(sample: PipelineSample | null): PipelineEvent[] {
  const [latest, setLatest] = useState<PipelineEvent[]>([]);
  useEffect(() => {
    if (sample && sample.events.length > 0) setLatest((before) => [...[...sample.events].reverse(), ...before].slice(0, SHOWN));
  }, [sample]);
  return latest;
}
