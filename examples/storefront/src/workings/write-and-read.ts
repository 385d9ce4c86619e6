import { CONSISTENCY_HEADER } from '@millrace/client';
import { session, tokens } from '../api/client.ts';
import { send } from '../api/send.ts';
import { LikeQuicklyDocument, NewestPostDocument, UnlikeQuicklyDocument, WhatIsReadDocument } from '../gql/graphql.ts';
import { failureWords } from '../words/problems.ts';

/** What one reader was shown right after a write. */
export interface Reading {
  isNew: boolean;
  ms: number;
}

export interface Round {
  token: string;
  without: Reading;
  withToken: Reading;
}

interface Started {
  postId: string;
  isLiked: boolean;
}

/** The post that is written to, and how it stands. */
export async function start(): Promise<Started> {
  const { data } = await send(NewestPostDocument, {});
  const postId = data?.posts.nodes[0]?.id;
  if (postId === undefined) throw new Error('There is no post to like yet.');
  return { postId, isLiked: await isLiked(postId, { [CONSISTENCY_HEADER]: tokens.toBring() ?? '' }) };
}

/** Writes, and reads twice at the same moment as soon as the write is answered: without its token, and with it. */
export async function writeAndRead({ postId, isLiked: before }: Started): Promise<Round> {
  const token = await write(postId, !before);
  const [without, withToken] = await Promise.all([read(postId, !before, {}), read(postId, !before, { [CONSISTENCY_HEADER]: token })]);
  return { token, without, withToken };
}

/** Two writes that each change something, and leave nothing behind. */
export async function writeTwice(postId: string, onDone: () => void): Promise<void> {
  const before = await isLiked(postId, { [CONSISTENCY_HEADER]: tokens.toBring() ?? '' });
  for (const isLiking of [!before, before]) {
    await write(postId, isLiking);
    onDone();
  }
}

async function write(postId: string, isLiking: boolean): Promise<string> {
  const headers = await authorized();
  const answer = await (isLiking ? send(LikeQuicklyDocument, { postId }, headers) : send(UnlikeQuicklyDocument, { postId }, headers));
  tokens.take(answer, null);
  const token = answer.data?.change.receipt.consistencyToken;
  if (!token) throw new Error(answer.data?.change.errors[0]?.message ?? answer.errors?.[0]?.message ?? 'The write has no token.');
  return token;
}

async function read(postId: string, expected: boolean, headers: Record<string, string>): Promise<Reading> {
  const startedMs = performance.now();
  const isNew = (await isLiked(postId, headers)) === expected;
  return { isNew, ms: performance.now() - startedMs };
}

/** Why it did not work, in plain words. */
export const troubleWords = (error: unknown): string => (error instanceof TypeError || !(error instanceof Error) ? failureWords(error) : error.message);

async function isLiked(postId: string, headers: Record<string, string>): Promise<boolean> {
  const { data, errors } = await send(WhatIsReadDocument, { id: postId }, { ...headers, ...(await authorized()) });
  if (!data?.post) throw new Error(errors?.[0]?.message ?? 'The post is gone.');
  return data.post.viewerHasLiked;
}

async function authorized(): Promise<Record<string, string>> {
  const authorization = await session.authorization();
  return authorization === null ? {} : { authorization };
}
