import { backoffMs } from '../../../clients/src/backoff.ts';
import type { LiveClient, LivePayload, LiveResult } from '../../../clients/src/resume.ts';
import { endpointsOf, firstError, sendTo, type Answer } from '../endpoint.ts';
import { DemoSession } from '../session.ts';
import { signInOperation } from '../sign-in.ts';
import { sseClient } from '../sse-client.ts';
import { persistentSse, type SseListener } from '../sse.ts';

const { http } = endpointsOf(document.baseURI);
const send = sendTo(http);

export const session = new DemoSession(send, signInOperation());

/** Headers as the one who is signed in, if anybody is. */
async function headers(): Promise<Record<string, string>> {
  const authorization = session.authorization();
  return authorization === null ? {} : session.fresh({ Authorization: authorization });
}

/** Asks as the one who is signed in; errors of the whole request are thrown. */
export async function ask<T>(query: string, variables: Record<string, unknown> = {}): Promise<{ data: T; answer: Answer }> {
  const answer = await send({ query, variables }, await headers());
  const problem = firstError(answer);
  if (problem !== null || answer.data == null) throw new Error(problem ?? 'The server answered nothing');
  return { data: answer.data as T, answer };
}

const QUIET: SseListener = { connecting: () => {}, connected: () => {} };

/** A client for subscriptions: a connection of its own for each of them, which HTTP/1.1 allows six of. */
export function liveClient(listener: SseListener = QUIET): LiveClient {
  return persistentSse(sseClient(http, headers), listener, backoffMs);
}

/** Subscribes until `isLast` says so of an event, the server ends it, or `signal` does. Answers the last event. */
export function follow<T>(payload: LivePayload, isLast: (data: T) => boolean, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    let last: T | null = null;
    const end = () => (stop(), resolve(last));
    const fail = (problem: string) => (stop(), reject(new Error(problem)));
    const stop = liveClient().subscribe(payload, {
      next: (result) => {
        const problem = problemIn(result);
        if (problem !== null) return fail(problem);
        last = result.data as T;
        if (isLast(last)) end();
      },
      error: (problem) => fail(wordsOf(problem)),
      complete: () => resolve(last),
    });
    signal.addEventListener('abort', end, { once: true });
  });
}

/** The first error of a result. */
export const problemIn = (result: LiveResult): string | null => result.errors?.[0]?.message ?? null;

/** What went wrong, in words. */
export function wordsOf(problem: unknown): string {
  if (Array.isArray(problem)) return (problem as { message: string }[])[0]?.message ?? 'The server refused';
  return problem instanceof Error ? problem.message : String(problem);
}
