import { useId, useState } from 'react';
import { wordsOf } from './api.ts';
import { useWidth } from './media.ts';
import { useIsSignedIn } from './sign-in-button.tsx';
import { tryIt } from './try-it.ts';
import { waterfallOf, type Attempt, type Bar } from './waterfall.ts';
import { duration } from './words.ts';

/** One command, and its own way in milliseconds. */
export function TryItPanel() {
  const isSignedIn = useIsSignedIn();
  const [attempt, setAttempt] = useState<Attempt | null>(null);
  const [runs, setRuns] = useState<'no' | 'yes' | 'done'>('no');
  const [problem, setProblem] = useState<string | null>(null);
  const title = useId();

  async function run() {
    setProblem(null);
    setAttempt(null);
    setRuns('yes');
    try {
      await tryIt((next) => setAttempt(next));
      setRuns('done');
    } catch (error) {
      setProblem(wordsOf(error));
      setRuns('no');
    }
  }

  return (
    <section aria-labelledby={title} data-try={runs}>
      <h2 id={title}>Try it</h2>
      <p>Comments on the newest post, follows that command to every reader, and takes the comment away again.</p>
      {isSignedIn ? (
        <button type="button" disabled={runs === 'yes'} onClick={() => void run()}>
          {runs === 'yes' ? 'On its way' : 'Send a comment'}
        </button>
      ) : (
        <p className="hint">Sign in as the demo user, at the top, to send one.</p>
      )}
      {problem !== null && (
        <p role="alert" className="problem">
          {problem}
        </p>
      )}
      {attempt !== null && <Waterfall attempt={attempt} isDone={runs === 'done'} />}
    </section>
  );
}

function Waterfall({ attempt, isDone }: { attempt: Attempt; isDone: boolean }) {
  const [frame, width] = useWidth<HTMLDivElement>();
  const { bars, endMs, summary } = waterfallOf(attempt);
  const shown = isDone ? bars : bars.filter(({ toMs }) => toMs !== null);
  return (
    <figure>
      <div ref={frame} className="waterfall">
        {width > 0 && <Bars bars={shown} endMs={endMs} width={width} />}
      </div>
      <figcaption>
        {isDone && (
          <p role="status" data-summary>
            {summary}
          </p>
        )}
        <p className="hint">Solid: measured by this page, since it sent the command. Striped: measured by the servers, since it was decided.</p>
      </figcaption>
    </figure>
  );
}

/** Below this width a step's time stands under its name. */
const BESIDE_MIN_PX = 560;
const LABEL_PX = 14;
const LINE_PX = 17;
const BAR_GAP_PX = 7;
const ROW_GAP_PX = 9;
const BAR_PX = 12;
const BAR_MIN_PX = 3;
const AXIS_PX = 20;

/** Each step: its name and time over its bar, which begins where the step before it may have ended. */
function Bars({ bars, endMs, width }: { bars: Bar[]; endMs: number; width: number }) {
  const isBeside = width >= BESIDE_MIN_PX;
  const wordsTop = isBeside ? LABEL_PX : LABEL_PX + LINE_PX;
  const barTop = wordsTop + BAR_GAP_PX;
  const row = barTop + BAR_PX + ROW_GAP_PX;
  const height = bars.length * row + AXIS_PX;
  const at = (ms: number) => (ms / endMs) * (width - 2) + 1;
  const words = bars.map(({ label, words }) => `${label}: ${words}.`).join(' ');
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={words}>
      <defs>
        <pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect className="stripe-paper" width="6" height="6" />
          <rect className="stripe" width="3" height="6" />
        </pattern>
      </defs>
      {bars.map(({ label, fromMs, toMs, words, by }, index) => (
        <g key={label} data-bar={label} transform={`translate(0 ${index * row})`}>
          <text className="bar-label" x="0" y={LABEL_PX}>
            {label}
          </text>
          <text className="bar-words" x={isBeside ? width : 0} y={wordsTop} textAnchor={isBeside ? 'end' : 'start'}>
            {words}
          </text>
          <rect className="bar-track" x="0" y={barTop} width={width} height={BAR_PX} />
          {toMs !== null && (
            <rect className="bar" data-by={by} x={at(fromMs)} y={barTop} width={Math.max(at(toMs) - at(fromMs), BAR_MIN_PX)} height={BAR_PX} />
          )}
        </g>
      ))}
      <text className="axis" x="0" y={height - 4}>
        sent
      </text>
      <text className="axis" x={width} y={height - 4} textAnchor="end">
        {duration(endMs)}
      </text>
    </svg>
  );
}
