import { useEffect, useId, useRef, useState } from 'react';
import uPlot from 'uplot';
import { chartOptions, dashOf } from './chart.ts';
import { columnsOf, minutesOf, type LagHistory } from './lags.ts';
import { DARK, useMedia, useWidth } from './media.ts';
import { duration, hourAndMinute } from './words.ts';

/** How far each projection was behind, in the last 15 minutes: as lines, and as numbers. */
export function LagPanel({ lags }: { lags: LagHistory }) {
  const title = useId();
  return (
    <section aria-labelledby={title}>
      <h2 id={title}>Lag in seconds, last 15 minutes</h2>
      {lags.seconds.size === 0 ? <p className="hint">No figures yet.</p> : <Chart lags={lags} />}
      <Legend names={lags.names} />
      <details>
        <summary>The numbers</summary>
        <LagTable lags={lags} labelledBy={title} />
      </details>
    </section>
  );
}

const CHART_HEIGHT_PX = 220;

function Chart({ lags }: { lags: LagHistory }) {
  const [frame, width] = useWidth<HTMLDivElement>();
  const isDark = useMedia(DARK);
  const chart = useRef<uPlot | null>(null);
  const columns = columnsOf(lags);
  const newest = useRef(columns);
  newest.current = columns;
  const names = lags.names.join(' ');

  // Colours and lines are the chart's own once it is made.
  useEffect(() => {
    if (!frame.current || width === 0) return;
    const made = new uPlot(chartOptions(names.split(' '), width, CHART_HEIGHT_PX), newest.current, frame.current);
    chart.current = made;
    return () => {
      chart.current = null;
      made.destroy();
    };
  }, [frame, names, width, isDark]);

  useEffect(() => chart.current?.setData(newest.current), [lags]);

  return <div ref={frame} className="chart" aria-hidden="true" data-points={lags.seconds.size} />;
}

/** Which line is whose, by colour and by how it is broken. */
function Legend({ names }: { names: readonly string[] }) {
  return (
    <ul className="legend">
      {names.map((name, index) => (
        <li key={name}>
          <svg width="34" height="10" aria-hidden="true">
            <line className="legend-line" data-shade={index} x1="1" y1="5" x2="33" y2="5" strokeDasharray={dashOf(index).join(' ')} />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

/** The worst lag in each minute. It is read out as the visitor opens it, so it keeps still and is made anew on request. */
function LagTable({ lags, labelledBy }: { lags: LagHistory; labelledBy: string }) {
  const [shown, setShown] = useState(lags);
  const isEmpty = shown.seconds.size < 2;
  useEffect(() => {
    if (isEmpty) setShown(lags);
  }, [isEmpty, lags]);
  return (
    <>
      <p>
        <button type="button" onClick={() => setShown(lags)}>
          Take the newest
        </button>
      </p>
      <div className="scroll" tabIndex={0} role="region" aria-labelledby={labelledBy}>
        <table data-table="lags">
          <caption>The longest lag in each minute</caption>
          <thead>
            <tr>
              <th scope="col">Minute</th>
              {shown.names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {minutesOf(shown).map(({ at, worst }) => (
              <tr key={at}>
                <th scope="row">{hourAndMinute(at)}</th>
                {worst.map((lag, index) => (
                  <td key={shown.names[index]}>{lag === null ? 'unknown' : duration(lag)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
