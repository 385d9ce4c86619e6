import type { CommandStatus, ProjectionStatus } from './sample.ts';
import { duration } from './words.ts';

/** What the page saw of the command that it sent. */
export interface Attempt {
  /** By the page's clock, when it was sent. */
  sentAt: number;
  answeredMs: number;
  /** When the change came by subscription, null if it did not. */
  pushedMs: number | null;
  /** The last thing that was told of it. */
  status: CommandStatus | null;
}

/** One line of the picture: from when until when, counted from the sending. */
export interface Bar {
  label: string;
  fromMs: number;
  toMs: number | null;
  words: string;
  /** Who measured it: the server has its own clock. */
  by: 'page' | 'server';
}

/** The lines, first to last, and how long the picture is. */
export interface Waterfall {
  bars: Bar[];
  endMs: number;
  /** The command's way in one sentence. */
  summary: string;
}

/** What is drawn of an attempt. */
export function waterfallOf(attempt: Attempt): Waterfall {
  const decidedMs = decidedAfter(attempt);
  const { status } = attempt;
  const bars = [
    page('Answered', attempt.answeredMs),
    ...(status === null ? [] : [streamed(status, decidedMs), ...status.projections.map((projection) => passed(projection, status, decidedMs))]),
    page('Pushed to this page', attempt.pushedMs),
  ];
  const endMs = Math.max(1, ...bars.map(({ fromMs, toMs }) => toMs ?? fromMs));
  return { bars, endMs, summary: summaryOf(attempt) };
}

/**
 * When the server decided, counted from the sending. Two clocks tell that only if they agree; if they cannot (a decision before the
 * sending, or after the answer), it was at the latest when the answer came.
 */
export function decidedAfter({ sentAt, answeredMs, status }: Attempt): number {
  const decidedMs = status?.decidedAt ? Date.parse(status.decidedAt) - sentAt : NaN;
  return decidedMs >= 0 && decidedMs <= answeredMs ? decidedMs : answeredMs;
}

function page(label: string, ms: number | null): Bar {
  return { label, fromMs: 0, toMs: ms, words: ms === null ? 'did not come' : duration(ms), by: 'page' };
}

function streamed({ streamedMs }: CommandStatus, decidedMs: number): Bar {
  const toMs = streamedMs === null ? null : decidedMs + streamedMs;
  return { label: 'In the stream', fromMs: decidedMs, toMs, words: streamedMs === null ? 'no time was kept' : duration(streamedMs), by: 'server' };
}

/** From the arrival at a projection until reads show it. A projection that has nothing to change shows nothing. */
function passed({ name, state, receivedMs, visibleMs }: ProjectionStatus, { streamedMs }: CommandStatus, decidedMs: number): Bar {
  const fromMs = decidedMs + (receivedMs ?? streamedMs ?? 0);
  const bar = { label: `Projection ${name}`, fromMs, by: 'server' as const };
  if (visibleMs !== null) {
    const received = receivedMs === null ? '' : `received ${duration(receivedMs)}, `;
    return { ...bar, toMs: decidedMs + visibleMs, words: `${received}visible ${duration(visibleMs)}` };
  }
  const isDone = state === 'VISIBLE' || state === 'APPLIED';
  const words = isDone ? 'had nothing to change' : `not visible yet: ${state.toLowerCase()}`;
  return { ...bar, toMs: null, words: receivedMs === null ? words : `received ${duration(receivedMs)}, ${words}` };
}

function summaryOf({ answeredMs, pushedMs, status }: Attempt): string {
  const visible = lastVisibleMs(status);
  const parts = [
    `answered after ${duration(answeredMs)}`,
    status?.streamedMs == null ? null : `in the stream ${duration(status.streamedMs)} after it was decided`,
    visible === null ? null : `visible ${duration(visible)} after it was decided`,
    pushedMs === null ? 'not pushed to this page' : `pushed to this page after ${duration(pushedMs)}`,
  ];
  const text = parts.filter((part) => part !== null).join(', ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function lastVisibleMs(status: CommandStatus | null): number | null {
  const known = (status?.projections ?? []).map(({ visibleMs }) => visibleMs).filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.max(...known);
}
