import { useId } from 'react';
import type { Hop, PipelineSample } from './sample.ts';
import { duration, whole } from './words.ts';

interface Row {
  name: string;
  hop: Hop | null;
}

/** The hops of the last minute, as a table. */
export function Numbers({ sample }: { sample: PipelineSample | null }) {
  const title = useId();
  return (
    <section aria-labelledby={title}>
      <h2 id={title}>Hops of the last minute</h2>
      <div className="scroll" tabIndex={0} role="region" aria-labelledby={title}>
        <table data-table="hops">
          <thead>
            <tr>
              <th scope="col">Hop</th>
              <th scope="col">p50</th>
              <th scope="col">p99</th>
              <th scope="col">Events</th>
            </tr>
          </thead>
          <tbody>
            {(sample === null ? [] : rowsOf(sample)).map(({ name, hop }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{duration(hop?.p50Ms)}</td>
                <td>{duration(hop?.p99Ms)}</td>
                <td>{whole(hop?.count ?? 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function rowsOf({ toStream, toSubscribers, projections }: PipelineSample): Row[] {
  return [
    { name: 'Decision to stream', hop: toStream },
    ...projections.flatMap(({ name, toProjector, toCache }) => [
      { name: `Stream to ${name}`, hop: toProjector },
      { name: `${name} to stores`, hop: toCache },
    ]),
    { name: 'Stores to subscribers', hop: toSubscribers },
  ];
}
