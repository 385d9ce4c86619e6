import { backoffMs } from './backoff.ts';

/** The close code of a server that does not let this viewer in. */
const FORBIDDEN = 4403;

/**
 * Options for graphql-ws's `createClient`: reconnect until told to stop, with growing waits.
 *
 * graphql-ws itself gives up on the protocol's fatal codes; a refusal to this viewer doesn't change by asking again either.
 */
export const PERSISTENT = {
  retryAttempts: Infinity,
  retryWait: (retries: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, backoffMs(retries))),
  shouldRetry: (problem: unknown): boolean => codeOf(problem) !== FORBIDDEN,
};

/** What graphql-ws reports, as GraphQL errors: those of the server, a close event or a connection that failed. */
export function errorsOf(problem: unknown): { message: string }[] {
  if (Array.isArray(problem)) return problem as { message: string }[];
  if (problem instanceof Error) return [{ message: problem.message }];
  const code = codeOf(problem);
  if (code === undefined) return [{ message: 'The socket could not be opened' }];
  const { reason } = problem as { reason?: unknown };
  return [{ message: `The server closed the socket: ${String(code)} ${String(reason ?? '')}`.trimEnd() }];
}

function codeOf(problem: unknown): unknown {
  return (problem as { code?: unknown } | null | undefined)?.code;
}
