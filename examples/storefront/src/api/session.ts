import { stored } from './stored.ts';

/** A token this close to its end is replaced before it is used. */
const RENEW_BEFORE_END_MS = 20_000;
const STORED = 'millrace-storefront-session';

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresAt: string;
}

/** Gets new tokens for a refresh token; null if it is good no more. */
export type Refresh = (refreshToken: string) => Promise<Tokens | null>;

/**
 * Who is signed in. The tokens outlive a reload of the page, but not its tab: a script that got into the page could read them
 * anywhere, so where that matters more than a reload they belong in memory only.
 */
export class Session {
  #tokens: Tokens | null;
  #pending: Promise<void> | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #refresh: Refresh;
  readonly #storage: Storage;

  constructor(refresh: Refresh, storage: Storage) {
    this.#refresh = refresh;
    this.#storage = storage;
    this.#tokens = stored(storage, STORED);
  }

  readonly isSignedIn = (): boolean => this.#tokens !== null;

  /** Tells when somebody signs in or out, not when tokens are replaced. */
  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  begin(tokens: Tokens): void {
    this.#set(tokens);
    this.#tell();
  }

  end(): void {
    if (this.#tokens === null) return;
    this.#set(null);
    this.#tell();
  }

  /** The value of the Authorization header, with time left; null while nobody is signed in. */
  async authorization(): Promise<string | null> {
    if (this.#tokens !== null && Date.now() > Date.parse(this.#tokens.expiresAt) - RENEW_BEFORE_END_MS) await this.#renew();
    return this.#tokens === null ? null : `Bearer ${this.#tokens.accessToken}`;
  }

  /** The server takes the access token no more: another one is got before the next use. False if there is none to replace. */
  readonly distrust = (): boolean => {
    if (this.#tokens === null) return false;
    this.#set({ ...this.#tokens, expiresAt: new Date(0).toISOString() });
    return true;
  };

  /** Calls at the same time share one request. While the server is away the old token stays: it may be good yet. */
  #renew(): Promise<void> {
    const { refreshToken } = this.#tokens!;
    this.#pending ??= this.#refresh(refreshToken)
      .then((tokens) => (tokens === null ? this.end() : this.#set(tokens)))
      .catch(() => {})
      .finally(() => (this.#pending = null));
    return this.#pending;
  }

  #set(tokens: Tokens | null): void {
    this.#tokens = tokens;
    if (tokens === null) this.#storage.removeItem(STORED);
    else this.#storage.setItem(STORED, JSON.stringify(tokens));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
