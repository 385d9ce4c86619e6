import type { ReadId } from './ids.ts';
import type { CommandStatus, PipelineSample } from './sample.ts';
import type { Tone } from './strip.ts';
import { duration, timeOfDay, whole } from './words.ts';

/** One step on the way through the stores. */
export interface Step {
  store: string;
  words: string;
  tone: Tone;
}

/** What is shown of an id. */
export interface Found {
  title: string;
  steps: Step[];
}

/** A thing as `node` shows it, with one of the fields that name it. */
export interface FoundNode {
  __typename: string;
  id: string;
  version: number | null;
  revision: string | null;
  createdAt: string | null;
  fullName?: string | null;
  title?: string;
  text?: string;
  name?: string;
  status?: string;
}

/** What an answer says of how it was read. */
export interface Freshness {
  cache?: string | null;
  lagMs?: number | null;
}

/** Which projection a thing is in. */
const PROJECTIONS: Readonly<Record<string, string>> = { User: 'people', Post: 'content', Comment: 'content', Product: 'shop', Order: 'shop', Wallet: 'shop' };

const STATE_WORDS: Readonly<Record<string, { words: string; tone: Tone }>> = {
  COMMITTED: { words: 'not met yet', tone: 'odd' },
  STREAMED: { words: 'on its way', tone: 'odd' },
  APPLIED: { words: 'folded', tone: 'good' },
  SPREADING: { words: 'shown, copies are still being made', tone: 'odd' },
  VISIBLE: { words: 'every read shows it', tone: 'good' },
};

/** A command's way through the stores. */
export function commandFound(read: ReadId, status: CommandStatus): Found {
  return {
    title: `A command, ${(STATE_WORDS[status.state]?.words ?? status.state).toLowerCase()}`,
    steps: [
      { store: 'PostgreSQL', words: decided(read, status), tone: 'good' },
      { store: 'JetStream', ...streamed(status) },
      ...status.projections.map(({ name, state, position, receivedMs, visibleMs }) => {
        const { words, tone } = STATE_WORDS[state] ?? { words: state.toLowerCase(), tone: 'unknown' as const };
        const times = [receivedMs === null ? null : `received after ${duration(receivedMs)}`, visibleMs === null ? null : `visible after ${duration(visibleMs)}`];
        return { store: `Projection ${name}`, words: [words, ...times.filter((time) => time !== null), `it is at event ${whole(position)}`].join(', '), tone };
      }),
    ],
  };
}

function decided({ madeAt }: ReadId, { decidedAt, firstPosition, lastPosition }: CommandStatus): string {
  if (decidedAt === null || firstPosition === null) return `sent at ${timeOfDay(madeAt)}; only its token is known so far`;
  const events = firstPosition === lastPosition ? `event ${whole(firstPosition)}` : `events ${whole(firstPosition)} to ${whole(lastPosition)}`;
  return `decided at ${timeOfDay(decidedAt)}, ${events} of the log`;
}

function streamed({ streamedMs, state }: CommandStatus): Omit<Step, 'store'> {
  if (streamedMs !== null) return { words: `${duration(streamedMs)} after it was decided`, tone: 'good' };
  if (state === 'COMMITTED') return { words: 'not there yet', tone: 'odd' };
  return { words: 'passed; no time was kept', tone: 'good' };
}

/** A thing's way through the stores: its last change against where its projection is. */
export function nodeFound(node: FoundNode, freshness: Freshness | undefined, sample: PipelineSample | null): Found {
  const name = PROJECTIONS[node.__typename];
  const projection = sample?.projections.find((candidate) => candidate.name === name) ?? null;
  const label = node.fullName ?? node.title ?? node.name ?? node.text ?? node.status;
  return {
    title: label ? `${node.__typename}: ${label}` : node.__typename,
    steps: [
      { store: 'PostgreSQL', words: `version ${whole(node.version)}${node.createdAt === null ? '' : `, made at ${dated(node.createdAt)}`}`, tone: 'good' },
      { store: 'JetStream', ...inStream(node, sample) },
      { store: `Projection ${name ?? '–'}`, words: `the last change that it shows is event ${whole(node.revision)}${projection ? `; it is at event ${whole(projection.position)}` : ''}`, tone: 'good' },
      { store: 'MongoDB, Redis', words: readFrom(freshness), tone: 'good' },
    ],
  };
}

function inStream({ revision }: FoundNode, sample: PipelineSample | null): Omit<Step, 'store'> {
  if (sample?.streamPosition == null || revision === null) return { words: 'no relay tells where the stream ends', tone: 'unknown' };
  const isIn = BigInt(sample.streamPosition) >= BigInt(revision);
  return isIn ? { words: `its last change, event ${whole(revision)}, is in it`, tone: 'good' } : { words: 'its last change is not in it yet', tone: 'odd' };
}

const SOURCES: Readonly<Record<string, string>> = {
  hit: 'this answer came from Redis',
  miss: 'this answer came from MongoDB',
  mixed: 'this answer came from both',
};

function readFrom(freshness: Freshness | undefined): string {
  const source = SOURCES[freshness?.cache ?? ''] ?? 'this answer was read from there';
  return freshness?.lagMs == null ? source : `${source}, ${duration(freshness.lagMs)} behind the log`;
}

const dated = (at: string) => new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** Why there is nothing to show, in words. */
export function nothingFound(read: ReadId | null): string {
  if (read === null) return 'This is no id of this API. Ids are opaque, such as the commandId of a receipt or the id of a post.';
  if (read.kind === 'none') return `This is the id of a ${read.type}, which has no page of its own. The command that made it has a way to look at.`;
  const made = `made at ${dated(new Date(read.madeAt).toISOString())}`;
  if (read.kind === 'command') return `Nothing is known of this command (${made}): it was rejected, its time is over, or it is somebody else's.`;
  return `There is no such ${read.type} (${made}) that you may see: it is gone, it was never written, or it is hidden from you.`;
}
