import type uPlot from 'uplot';
import { HISTORY_SECONDS } from './lags.ts';
import { hourAndMinute } from './words.ts';

/** How the lines are broken: whoever cannot tell their colours can tell these. */
const DASHES: readonly number[][] = [[], [9, 4], [2, 4], [9, 3, 2, 3]];
/** The lines' colours stand in the style sheet, light and dark. */
const SHADES = 4;
const LINE_PX = 2;
/** A lag below this is nothing to look at, so the scale never shows less. */
const SCALE_MIN_SECONDS = 1;
const FONT = '12px system-ui, sans-serif';

export const dashOf = (index: number): number[] => DASHES[index % DASHES.length] ?? [];

/** A chart with a line for each projection, in the colours of the page as it is now. */
export function chartOptions(names: readonly string[], width: number, height: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: color('--faint'), font: FONT, grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line'), width: 1 } };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { range: (_chart, _min, newest) => [newest - HISTORY_SECONDS, newest] }, y: { range: (_chart, _min, max) => [0, Math.max(max ?? 0, SCALE_MIN_SECONDS) * 1.1] } },
    axes: [
      { ...axis, space: 70, values: (_chart, seconds) => seconds.map((second) => hourAndMinute(second * 1000)) },
      { ...axis, size: 60, values: (_chart, lags) => lags.map((lag) => `${Number(lag.toFixed(2))} s`) },
    ],
    series: [
      {},
      ...names.map((label, index) => ({ label, stroke: color(`--shade-${index % SHADES}`), width: LINE_PX, dash: dashOf(index), points: { show: false } })),
    ],
  };
}
