import { useId } from 'react';
import { useNow } from './clock.ts';
import { Dots } from './dots-layer.tsx';
import type { FeedState } from './feed.ts';
import { isFresh } from './health.ts';
import { layoutOf, type Box, type Way } from './layout.ts';
import { LESS_MOTION, useMedia, useWidth } from './media.ts';
import { described, SIGNS, stripOf } from './strip.ts';

/** The strip: places, ways between them, and events as dots on their way. */
export function StripPanel({ state }: { state: FeedState }) {
  const [frame, width] = useWidth<HTMLDivElement>();
  const hasLessMotion = useMedia(LESS_MOTION);
  const isCurrent = isFresh(state, useNow());
  const title = useId();
  return (
    <section aria-labelledby={title}>
      <h2 id={title}>From the log to the reader</h2>
      <div ref={frame} className="strip" data-current={isCurrent}>
        {state.sample === null || width === 0 ? <p className="hint">No figures yet.</p> : <Strip state={state} sample={state.sample} width={width} moves={isCurrent && !hasLessMotion} />}
      </div>
      <p className="hint">
        {hasLessMotion
          ? 'Events are not drawn as dots, since this device asks for less motion; the list below has them.'
          : 'Each dot is an event that was really there, at most 20 in a second, slowed down: the longer its hop took, the slower it is.'}
      </p>
    </section>
  );
}

function Strip({ state, sample, width, moves }: { state: FeedState; sample: NonNullable<FeedState['sample']>; width: number; moves: boolean }) {
  const strip = stripOf(sample);
  const { height, boxes, ways } = layoutOf(strip, width);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={described(strip)}>
      {ways.map((way) => (
        <WayLine key={way.link.id} way={way} />
      ))}
      {moves && <Dots events={sample.events} cameAt={state.cameAt} projections={strip.projections} />}
      {boxes.map((box) => (
        <BoxPlace key={box.station.id} box={box} shade={strip.projections.indexOf(box.station.title)} />
      ))}
      {ways.flatMap(({ link, labels }) =>
        labels.map(({ text, x, y, anchor }) => (
          <text key={`${link.id} ${y}`} className="way-words" x={x} y={y} textAnchor={anchor}>
            {text}
          </text>
        )),
      )}
    </svg>
  );
}

function WayLine({ way: { link, path } }: { way: Way }) {
  return <path className="way" id={link.id} data-way={link.id} data-tone={link.tone} d={path} fill="none" />;
}

const PADDING_PX = 10;
const TITLE_PX = 21;
const LINE_PX = 16;

/** A place, with the sign of how it is; the word for that is its first line if it is not well. */
function BoxPlace({ box: { station, lines, x, y, width, height }, shade }: { box: Box; shade: number }) {
  return (
    <g className="place" data-place={station.id} data-tone={station.tone}>
      <rect x={x} y={y} width={width} height={height} rx="8" />
      {shade >= 0 && <circle className="shade" data-shade={shade} cx={x + PADDING_PX + 4} cy={y + TITLE_PX - 5} r="4.5" />}
      <text className="place-title" x={x + PADDING_PX + (shade >= 0 ? 15 : 0)} y={y + TITLE_PX}>
        {station.title}
      </text>
      <text className="place-sign" x={x + width - PADDING_PX} y={y + TITLE_PX} textAnchor="end">
        {SIGNS[station.tone].sign}
      </text>
      {lines.map((line, index) => (
        <text key={index} className="place-words" x={x + PADDING_PX} y={y + TITLE_PX + 19 + index * LINE_PX}>
          {line}
        </text>
      ))}
    </g>
  );
}
