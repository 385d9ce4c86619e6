import { backoffMs } from '../../../clients/src/backoff.ts';
import type { LiveResult } from '../../../clients/src/resume.ts';
import { ask, liveClient, problemIn, session, wordsOf } from './api.ts';
import { NO_LAGS, withRows, withSample, type LagHistory, type LagRow } from './lags.ts';
import { LAGS, PIPELINE } from './operations.ts';
import type { PipelineSample } from './sample.ts';

/** A connection that has brought no sample for this long is given up: it may be broken without anybody having told. */
const SILENT_MAX_MS = 15_000;

/** What the page knows of its own connection, and the newest it was told. */
export interface FeedState {
  connection: 'connecting' | 'live' | 'lost' | 'refused';
  /** Why it was refused. */
  problem: string | null;
  sample: PipelineSample | null;
  /** When the sample came, by the page's clock. */
  cameAt: number;
  lags: LagHistory;
}

/** The feed of samples: begun once, it goes on until the page is gone. */
class Feed {
  #state: FeedState = { connection: 'connecting', problem: null, sample: null, cameAt: 0, lags: NO_LAGS };
  #listeners = new Set<() => void>();
  #failures = 0;
  #end = () => {};
  #silence: ReturnType<typeof setTimeout> | undefined;

  readonly state = (): FeedState => this.#state;

  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  begin(): void {
    const client = liveClient({
      // What was live once is lost until it is live again.
      connecting: (isRetry) => this.#set({ connection: isRetry || this.#state.sample !== null ? 'lost' : 'connecting' }),
      connected: () => this.#awaitSample(),
    });
    this.#end = client.subscribe(
      { query: PIPELINE },
      { next: (result) => this.#take(result), error: (problem) => this.#refuse(wordsOf(problem)), complete: () => this.#beginLater() },
    );
  }

  /** Whoever was refused may be let in as somebody else. */
  beginAnew(): void {
    this.#end();
    this.begin();
  }

  #take(result: LiveResult): void {
    const problem = problemIn(result);
    if (problem !== null) return result.errors?.every(isRetryable) ? this.#beginLater() : this.#refuse(problem);
    const { pipeline: sample } = result.data as { pipeline: PipelineSample };
    const isFirst = this.#state.connection !== 'live';
    this.#awaitSample();
    this.#failures = 0;
    this.#set({ connection: 'live', problem: null, sample, cameAt: Date.now(), lags: withSample(this.#state.lags, sample) });
    if (isFirst) void this.#fillLags();
  }

  #awaitSample(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#beginLater(), SILENT_MAX_MS);
  }

  /** The seconds that the page has not seen itself. */
  async #fillLags(): Promise<void> {
    try {
      const { data } = await ask<{ pipelineLags: LagRow[] }>(LAGS);
      this.#set({ lags: withRows(this.#state.lags, data.pipelineLags) });
    } catch (problem) {
      console.warn('The last 15 minutes are not known', problem);
    }
  }

  #refuse(problem: string): void {
    clearTimeout(this.#silence);
    this.#end();
    this.#set({ connection: 'refused', problem });
  }

  /** The server ended it, as when it is stopped. */
  #beginLater(): void {
    clearTimeout(this.#silence);
    this.#end();
    this.#set({ connection: 'lost' });
    const timer = setTimeout(() => this.begin(), backoffMs(this.#failures++));
    this.#end = () => clearTimeout(timer);
  }

  #set(change: Partial<FeedState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

const isRetryable = (error: { extensions?: Record<string, unknown> }) => error.extensions?.retryable === true;

export const feed = new Feed();
feed.begin();
session.onChange(() => feed.state().connection === 'refused' && session.authorization() !== null && feed.beginAnew());
