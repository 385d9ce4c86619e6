import { LOG, RELAY, SIGNS, STORES, STREAM, SUBSCRIBERS, stationOf, type Link, type Station, type Strip } from './strip.ts';
import { duration } from './words.ts';

/** Below this width the places stand below each other. */
export const WIDE_MIN_PX = 940;
const LINE_PX = 16;
const HEAD_PX = 26;

/** A place on the picture. */
export interface Box {
  station: Station;
  /** The word for how it is, if it is not well, stands first. */
  lines: string[];
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A way on the picture, with the words that stand at it. */
export interface Way {
  link: Link;
  /** As in an SVG path. */
  path: string;
  labels: { text: string; x: number; y: number; anchor: 'start' | 'middle' | 'end' }[];
}

/** Where all is. */
export interface Layout {
  width: number;
  height: number;
  boxes: Box[];
  ways: Way[];
}

/** Places side by side where there is room, else below each other. */
export function layoutOf(strip: Strip, width: number): Layout {
  return width >= WIDE_MIN_PX ? sideBySide(strip, width) : belowEachOther(strip, width);
}

const WIDE_BOX_PX = 126;
const WIDE_PROJECTION_PX = 174;
const WIDE_STORES_PX = 162;
/** On a shorter way there is no room for words; the table of the hops has them. */
const WORDS_MIN_PX = 72;
/** Three lines, so that nothing grows when a word comes. */
const WIDE_LINES = 3;
const WIDE_ROW_GAP_PX = 16;
const EDGE_PX = 2;

function sideBySide(strip: Strip, width: number): Layout {
  const widths = [WIDE_BOX_PX, WIDE_BOX_PX, WIDE_BOX_PX, WIDE_PROJECTION_PX, WIDE_STORES_PX, WIDE_BOX_PX];
  const gap = (width - 2 * EDGE_PX - widths.reduce((sum, box) => sum + box, 0)) / (widths.length - 1);
  const left = (column: number) => EDGE_PX + widths.slice(0, column).reduce((sum, box) => sum + box + gap, 0);
  const rowHeight = heightOf(WIDE_LINES);
  const rows = Math.max(strip.projections.length, 2);
  const height = rows * rowHeight + (rows - 1) * WIDE_ROW_GAP_PX + 2 * EDGE_PX;
  const place = (id: string, column: number, boxHeight = rowHeight, top = (height - boxHeight) / 2): Box => {
    const station = find(strip, id);
    return { station, lines: withWord(station), x: left(column), y: top, width: widths[column] ?? WIDE_BOX_PX, height: boxHeight };
  };
  const row = (name: string, index: number) => place(stationOf(name), 3, rowHeight, EDGE_PX + index * (rowHeight + WIDE_ROW_GAP_PX));
  const boxes = [
    place(LOG, 0),
    place(RELAY, 1),
    place(STREAM, 2),
    ...strip.projections.map(row),
    place(STORES, 4, height - 2 * EDGE_PX),
    place(SUBSCRIBERS, 5),
  ];
  return { width, height, boxes, ways: strip.links.map((link) => across(link, boxes)) };
}

/** A way to the right, at the height of the smaller of its two places; its words stand over and under it. */
function across(link: Link, boxes: Box[]): Way {
  const [from, to] = ends(link, boxes);
  const [x1, x2] = [from.x + from.width, to.x];
  const y2 = to.height > from.height ? middle(from) : middle(to);
  const y1 = from.height > to.height ? middle(to) : middle(from);
  const half = (x1 + x2) / 2;
  const path = y1 === y2 ? `M${x1} ${y1}L${x2} ${y2}` : `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2} ${y2}`;
  const [over, under] = x2 - x1 < WORDS_MIN_PX ? ['', ''] : hopWords(link);
  // A way that bends is flat where it ends.
  const [x, anchor] = y1 === y2 ? ([half, 'middle'] as const) : ([x2 - 8, 'end'] as const);
  const labels = [
    { text: over, x, y: y2 - 6, anchor },
    { text: under, x, y: y2 + 15, anchor },
  ];
  return { link, path, labels: labels.filter(({ text }) => text !== '') };
}

function hopWords({ hop, label }: Link): [string, string] {
  if (label !== null) return [label, ''];
  return hop === null ? ['', ''] : [`p50 ${duration(hop.p50Ms)}`, `p99 ${duration(hop.p99Ms)}`];
}

const NARROW_RAIL_PX = 14;
const NARROW_INDENT_PX = 34;
const NARROW_GAP_PX = 40;
const NARROW_ROW_GAP_PX = 10;

function belowEachOther(strip: Strip, width: number): Layout {
  const boxes: Box[] = [];
  let y = EDGE_PX;
  const place = (id: string, gap: number, indent: number, more: string[] = []) => {
    const station = find(strip, id);
    const lines = [...withWord(station), ...more];
    const box = { station, lines, x: EDGE_PX + indent, y, width: width - 2 * (EDGE_PX + indent), height: heightOf(lines.length) };
    boxes.push(box);
    y += box.height + gap;
  };
  place(LOG, NARROW_GAP_PX, 0);
  place(RELAY, NARROW_GAP_PX, 0);
  place(STREAM, NARROW_GAP_PX / 2, 0);
  strip.projections.forEach((name, index) => {
    const isLast = index === strip.projections.length - 1;
    place(stationOf(name), isLast ? NARROW_GAP_PX / 2 : NARROW_ROW_GAP_PX, NARROW_INDENT_PX, hopLines(strip, name));
  });
  place(STORES, NARROW_GAP_PX, 0);
  place(SUBSCRIBERS, EDGE_PX, 0);
  return { width, height: y, boxes, ways: strip.links.map((link) => down(link, boxes, width)) };
}

/** What stands at the ways where there is room for it, stands in a projection's place where there is none. */
function hopLines(strip: Strip, name: string): string[] {
  const station = stationOf(name);
  const words = (title: string, link: Link | undefined) =>
    link?.hop ? [`${title} p50 ${duration(link.hop.p50Ms)}, p99 ${duration(link.hop.p99Ms)}`] : [];
  return [
    ...words('from stream', strip.links.find(({ to }) => to === station)),
    ...words('to stores', strip.links.find(({ from }) => from === station)),
  ];
}

/** A way down: straight, or along the left edge to a projection and along the right one from there. */
function down(link: Link, boxes: Box[], width: number): Way {
  const [from, to] = ends(link, boxes);
  if (from.station.id === STREAM) {
    return { link, path: `M${NARROW_RAIL_PX} ${bottom(from)}L${NARROW_RAIL_PX} ${middle(to)}L${to.x} ${middle(to)}`, labels: [] };
  }
  if (to.station.id === STORES) {
    const rail = width - NARROW_RAIL_PX;
    return { link, path: `M${from.x + from.width} ${middle(from)}L${rail} ${middle(from)}L${rail} ${to.y}`, labels: [] };
  }
  const x = width / 2;
  const text = hopWords(link).filter(Boolean).join(', ');
  const labels = text === '' ? [] : [{ text, x: x + 10, y: (bottom(from) + to.y) / 2 + 4, anchor: 'start' as const }];
  return { link, path: `M${x} ${bottom(from)}L${x} ${to.y}`, labels };
}

function ends(link: Link, boxes: Box[]): [Box, Box] {
  const at = (id: string) => boxes.find(({ station }) => station.id === id);
  const [from, to] = [at(link.from), at(link.to)];
  if (!from || !to) throw new Error(`The way ${link.id} leads nowhere`);
  return [from, to];
}

function find(strip: Strip, id: string): Station {
  const station = strip.stations.find((candidate) => candidate.id === id);
  if (!station) throw new Error(`There is no place ${id}`);
  return station;
}

function withWord({ tone, lines }: Station): string[] {
  return tone === 'good' ? lines : [SIGNS[tone].word, ...lines];
}

const heightOf = (lines: number) => HEAD_PX + lines * LINE_PX + 10;
const middle = (box: Box) => box.y + box.height / 2;
const bottom = (box: Box) => box.y + box.height;
