import { CloseCode, createClient, type Client, type ClientOptions } from 'graphql-ws';

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 10_000;

/** A socket client that reconnects until it is told to stop. It opens its socket with the first subscription and closes it after the last. */
export function createLiveClient(options: Pick<ClientOptions, 'url' | 'connectionParams' | 'on' | 'webSocketImpl'>): Client {
  return createClient({ ...options, retryAttempts: Infinity, retryWait, shouldRetry });
}

async function retryWait(retries: number): Promise<void> {
  const longestMs = Math.min(RETRY_FIRST_MS * 2 ** retries, RETRY_MAX_MS);
  // Half of the wait is random, so that many clients of one restarted server don't come back at the same moment.
  const waitMs = longestMs * (0.5 + Math.random() / 2);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
}

/** graphql-ws itself gives up on the protocol's fatal codes; a refusal to this viewer doesn't change by asking again either. */
function shouldRetry(problem: unknown): boolean {
  return (problem as { code?: unknown } | null)?.code !== CloseCode.Forbidden;
}

/** What graphql-ws reports, as GraphQL errors: those of the server, a close event or a connection that failed. */
export function errorsOf(problem: unknown): { message: string }[] {
  if (Array.isArray(problem)) return problem as { message: string }[];
  if (problem instanceof Error) return [{ message: problem.message }];
  const { code, reason } = (problem ?? {}) as { code?: unknown; reason?: unknown };
  if (code === undefined) return [{ message: 'The socket could not be opened' }];
  return [{ message: `The server closed the socket: ${String(code)} ${String(reason ?? '')}`.trimEnd() }];
}
