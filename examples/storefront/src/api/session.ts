import { stored } from './stored.ts';

/** A token this close to its end is replaced before it is used. */
const RENEW_BEFORE_END_MS = 20_000;
const STORED = 'millrace-storefront-sign-in';

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresAt: string;
}

/** Gets new tokens for a refresh token; null if it is good no more. */
export type Refresh = (refreshToken: string) => Promise<Tokens | null>;

/** One sign-in. Whatever was begun for another one has no say in it. */
interface SignIn {
  id: string;
  tokens: Tokens;
}

/** What tabs tell each other of a sign-in: its newest tokens, or that it is over. */
interface Told {
  id: string;
  tokens: Tokens | null;
}

/** Where tabs hear each other. */
export type Tabs = Pick<BroadcastChannel, 'postMessage' | 'addEventListener'>;

/**
 * Who is signed in. The tokens outlive a reload of the page, but not its tab: a script that got into the page could read them
 * anywhere, so where that matters more than a reload they belong in memory only. A duplicated tab has a copy of them. A refresh token
 * is good for one use, after which an older copy looks stolen, so tabs of one sign-in tell each other what has become of it.
 */
export class Session {
  #signIn: SignIn | null;
  readonly #renewals = new Map<string, Promise<void>>();
  readonly #listeners = new Set<() => void>();
  readonly #refresh: Refresh;
  readonly #storage: Storage;
  readonly #tabs: Tabs;

  constructor(refresh: Refresh, storage: Storage, tabs: Tabs) {
    this.#refresh = refresh;
    this.#storage = storage;
    this.#tabs = tabs;
    this.#signIn = stored(storage, STORED);
    tabs.addEventListener('message', ({ data }) => this.#hear(data as Told));
  }

  readonly isSignedIn = (): boolean => this.#signIn !== null;

  /** Tells when somebody signs in or out, not when tokens are replaced. */
  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  begin(tokens: Tokens): void {
    this.#set({ id: crypto.randomUUID(), tokens });
    this.#tellListeners();
  }

  /** Ends it in all tabs that share it. */
  end(): void {
    if (this.#signIn === null) return;
    this.#tellTabs({ id: this.#signIn.id, tokens: null });
    this.#forget();
  }

  /** The value of the Authorization header, with time left; null while nobody is signed in, or once somebody else is. */
  async authorization(): Promise<string | null> {
    const signIn = this.#signIn;
    if (signIn === null) return null;
    if (Date.now() > Date.parse(signIn.tokens.expiresAt) - RENEW_BEFORE_END_MS) await this.#renew(signIn);
    return this.#signIn?.id === signIn.id ? `Bearer ${this.#signIn.tokens.accessToken}` : null;
  }

  /** The server takes the access token no more: another one is got before the next use. False if there is none to replace. */
  readonly distrust = (): boolean => {
    if (this.#signIn === null) return false;
    const { id, tokens } = this.#signIn;
    this.#set({ id, tokens: { ...tokens, expiresAt: new Date(0).toISOString() } });
    return true;
  };

  /** Calls at the same time share one request. While the server is away the old token stays: it may be good yet. */
  #renew({ id, tokens }: SignIn): Promise<void> {
    const pending = this.#renewals.get(id);
    if (pending !== undefined) return pending;
    const renewal = this.#refresh(tokens.refreshToken)
      .then((answer) => this.#answered(id, answer))
      .catch(() => {})
      .finally(() => this.#renewals.delete(id));
    this.#renewals.set(id, renewal);
    return renewal;
  }

  /** Whoever has signed out meanwhile is not signed in again by a late answer, nor is whoever has signed in since signed out by it. */
  #answered(id: string, tokens: Tokens | null): void {
    if (this.#signIn?.id !== id) return;
    if (tokens === null) return this.end();
    if (this.#takeIfNewer(this.#signIn, tokens)) this.#tellTabs({ id, tokens });
  }

  #hear({ id, tokens }: Told): void {
    if (this.#signIn?.id !== id) return;
    if (tokens === null) this.#forget();
    else this.#takeIfNewer(this.#signIn, tokens);
  }

  /** Two tabs may have renewed at once: all of them take the same tokens, since the others are used up by the next renewal. */
  #takeIfNewer({ id, tokens }: SignIn, others: Tokens): boolean {
    const isNewer = isLater(others, tokens);
    if (isNewer) this.#set({ id, tokens: others });
    return isNewer;
  }

  #forget(): void {
    this.#set(null);
    this.#tellListeners();
  }

  #set(signIn: SignIn | null): void {
    this.#signIn = signIn;
    if (signIn === null) this.#storage.removeItem(STORED);
    else this.#storage.setItem(STORED, JSON.stringify(signIn));
  }

  #tellTabs(told: Told): void {
    this.#tabs.postMessage(told);
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** By their end; where that is the same, by anything that all tabs agree on. */
function isLater(left: Tokens, right: Tokens): boolean {
  const [leftEnd, rightEnd] = [Date.parse(left.expiresAt), Date.parse(right.expiresAt)];
  return leftEnd === rightEnd ? left.refreshToken > right.refreshToken : leftEnd > rightEnd;
}
