import type { LiveResult } from '../../../clients/src/resume.ts';
import { subscribeWithResume } from '../../../clients/src/resume.ts';
import { ask, follow, liveClient, wordsOf } from './api.ts';
import { ADD_COMMENT, COMMENTS, DELETE_COMMENT, NEWEST_POST, PROGRESS } from './operations.ts';
import type { CommandStatus } from './sample.ts';
import type { Attempt } from './waterfall.ts';

const TEXT = 'A comment from the pipeline page, which takes it away again';
/** Until the subscription stands that shall see the change. */
const STAND_WAIT_MS = 10_000;
/** The server tells of a command for a minute. */
const WAY_WAIT_MS = 65_000;
/** For what is pushed after everything is visible. */
const PUSH_WAIT_MS = 5_000;

interface Payload {
  receipt: { commandId: string; aggregateId: string | null; accepted: boolean };
  errors: { code: string; message: string }[];
}

/** Comments on the newest post as the one who is signed in, follows that to its end, and takes the comment away again. */
export async function tryIt(onChange: (attempt: Attempt, isDone: boolean) => void): Promise<void> {
  const post = await newestPost();
  const pushes = await watchComments(post);
  let commentId: string | null = null;
  try {
    const sentAt = Date.now();
    const began = performance.now();
    const { receipt, errors } = (await ask<{ addComment: Payload }>(ADD_COMMENT, { postId: post, text: TEXT })).data.addComment;
    const answeredMs = performance.now() - began;
    if (errors[0]) throw new Error(`${errors[0].message} (${errors[0].code})`);
    commentId = receipt.aggregateId;
    let attempt: Attempt = { sentAt, answeredMs, pushedMs: null, status: null };
    const change = (part: Partial<Attempt>, isDone = false) => onChange((attempt = { ...attempt, ...part }), isDone);
    change({});
    const pushed = pushes.of(receipt.commandId).then((at) => change({ pushedMs: at - began }));
    await progressOf(receipt.commandId, (status) => change({ status }));
    await Promise.race([pushed, after(PUSH_WAIT_MS)]);
    change({}, true);
  } finally {
    pushes.end();
    if (commentId !== null) await takeBack(commentId);
  }
}

async function newestPost(): Promise<string> {
  const { data } = await ask<{ posts: { nodes: { id: string }[] } }>(NEWEST_POST);
  const post = data.posts.nodes[0];
  if (!post) throw new Error('There is no post yet to comment on');
  return post.id;
}

/** What came by subscription, and when. */
interface Pushes {
  /** When a command's change came. */
  of(commandId: string): Promise<number>;
  end(): void;
}

/** Notes when each command's change came. Over once the first event, a snapshot, is here: nothing can be missed then. */
function watchComments(postId: string): Promise<Pushes> {
  const cameAt = new Map<string, number>();
  let onEvent = () => {};
  return new Promise((resolve, reject) => {
    const next = (result: LiveResult) => {
      const event = (result.data as { commentAdded?: { commandId?: string | null } } | null)?.commentAdded;
      if (event?.commandId) cameAt.set(event.commandId, performance.now());
      clearTimeout(timer);
      resolve({ of, end });
      onEvent();
    };
    const error = (problem: unknown) => reject(new Error(wordsOf(problem)));
    const end = subscribeWithResume(liveClient(), { query: COMMENTS, variables: { postId } }, { next, error, complete: () => {} });
    const giveUp = () => (end(), reject(new Error('The subscription to the post did not begin in time')));
    const timer = setTimeout(giveUp, STAND_WAIT_MS);
  });

  function of(commandId: string): Promise<number> {
    return new Promise((resolve) => {
      onEvent = () => cameAt.has(commandId) && resolve(cameAt.get(commandId) ?? NaN);
      onEvent();
    });
  }
}

/** Tells each state of a command; over with the last one, or when its time is. */
async function progressOf(id: string, onStatus: (status: CommandStatus) => void): Promise<void> {
  const tell = ({ commandProgress: status }: { commandProgress: CommandStatus }) => (onStatus(status), status.state === 'VISIBLE');
  await follow<{ commandProgress: CommandStatus }>({ query: PROGRESS, variables: { id } }, tell, AbortSignal.timeout(WAY_WAIT_MS));
}

async function takeBack(commentId: string): Promise<void> {
  try {
    await ask(DELETE_COMMENT, { commentId });
  } catch (problem) {
    console.warn('The comment was not taken away', problem);
  }
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
