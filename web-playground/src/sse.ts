import { NetworkError } from 'graphql-sse';
import type { LiveClient, LivePayload, LiveResult, LiveSink } from '../../clients/src/resume.ts';

/** What of graphql-sse's client is used here; `sseClient` makes it. */
export interface SseClient {
  subscribe(payload: LivePayload, sink: LiveSink, on?: { connected?: () => void }): () => void;
}

/** Who wants to know how the connections do. */
export interface SseListener {
  connecting(isRetry: boolean): void;
  connected(isRetry: boolean): void;
}

/** A server that is too busy, or not there for the moment. */
const PASSING_STATUSES = [408, 429];
const SERVER_ERROR_FIRST = 500;

/**
 * Subscribes by server-sent events until told to stop, as `PERSISTENT` has graphql-ws do. graphql-sse by itself would ask a server
 * that refuses again and again, and keep to itself what the refusal said.
 */
export function persistentSse(client: SseClient, listener: SseListener, waitMs: (failures: number) => number): LiveClient {
  return {
    subscribe(payload, sink) {
      const attempts = new Attempts(client, payload, sink, listener, waitMs);
      attempts.begin();
      return () => attempts.end();
    },
  };
}

class Attempts {
  #failures = 0;
  #isRetry = false;
  #isOver = false;
  #stop = () => {};
  readonly #client: SseClient;
  readonly #payload: LivePayload;
  readonly #sink: LiveSink;
  readonly #listener: SseListener;
  readonly #waitMs: (failures: number) => number;

  constructor(client: SseClient, payload: LivePayload, sink: LiveSink, listener: SseListener, waitMs: (failures: number) => number) {
    this.#client = client;
    this.#payload = payload;
    this.#sink = sink;
    this.#listener = listener;
    this.#waitMs = waitMs;
  }

  begin(): void {
    this.#listener.connecting(this.#isRetry);
    const ifOpen = (act: () => unknown) => this.#isOver || void act();
    const sink: LiveSink = {
      next: (result) => ifOpen(() => this.#take(result)),
      error: (problem) => ifOpen(() => this.#fail(problem)),
      complete: () => ifOpen(() => (this.end(), this.#sink.complete())),
    };
    this.#stop = this.#client.subscribe(this.#payload, sink, { connected: () => ifOpen(() => this.#listener.connected(this.#isRetry)) });
  }

  end(): void {
    this.#isOver = true;
    this.#stop();
  }

  #take(result: LiveResult): void {
    this.#failures = 0;
    this.#sink.next(result);
  }

  async #fail(problem: unknown): Promise<void> {
    if (mayPass(problem)) return this.#tryAgain();
    const errors = await refusalOf(problem);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.error(errors);
  }

  #tryAgain(): void {
    this.#isRetry = true;
    this.#listener.connecting(true);
    const timer = setTimeout(() => this.begin(), this.#waitMs(this.#failures++));
    this.#stop = () => clearTimeout(timer);
  }
}

function mayPass(problem: unknown): boolean {
  // A stream that breaks or ends just as nobody waits for its next event comes as the browser's own error, or as `sseClient`'s.
  if (problem instanceof TypeError) return true;
  if (!(problem instanceof NetworkError)) return false;
  const { response } = problem as NetworkError<Response>;
  return !response || response.ok || response.status >= SERVER_ERROR_FIRST || PASSING_STATUSES.includes(response.status);
}

/** The errors in the body of a refusal; without any, the problem itself. */
async function refusalOf(problem: unknown): Promise<unknown> {
  const response = problem instanceof NetworkError ? (problem as NetworkError<Response>).response : undefined;
  if (!response) return problem;
  try {
    const { errors } = (await response.json()) as LiveResult;
    return Array.isArray(errors) && errors.length > 0 ? errors : problem;
  } catch {
    return problem;
  }
}
