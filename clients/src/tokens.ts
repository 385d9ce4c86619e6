/** The request header that brings consistency tokens, joined by commas. */
export const CONSISTENCY_HEADER = 'Millrace-Consistency';
/** So many the server takes of one request. */
const TOKENS_MAX = 16;
const HISTORY_GONE = 'HISTORY_GONE';

/** The parts of an answer that matter here. */
export interface Answer {
  errors?: readonly { extensions?: Record<string, unknown> }[] | undefined;
  extensions?: Record<string, unknown> | undefined;
}

/**
 * What a client has seen and done so far, as tokens that it brings along: whoever answers then shows at least that.
 *
 * Each answer's token holds what its request brought, what the answer shows and, of a mutation, what the command did. So it takes
 * the place of the tokens that were brought; those of other answers stay beside it, since answers come in any order.
 */
export class ConsistencyTokens {
  #tokens: readonly string[] = [];

  /** What a request that begins now should bring; null if nothing is known yet. */
  toBring(): string | null {
    return this.#tokens.length === 0 ? null : this.#tokens.join(',');
  }

  /** Takes in the answer to a request that brought these. */
  take(answer: Answer, brought: string | null): void {
    if (answer.errors?.some((error) => error.extensions?.code === HISTORY_GONE)) return this.forget();
    const { token } = (answer.extensions?.millrace ?? {}) as { token?: unknown };
    if (typeof token !== 'string') return;
    const covered = [token, ...(brought?.split(',') ?? [])];
    this.#tokens = [...this.#tokens.filter((kept) => !covered.includes(kept)), token].slice(-TOKENS_MAX);
  }

  /** Begins anew: after the log was put back to an older state, tokens from before mean nothing. */
  forget(): void {
    this.#tokens = [];
  }
}
