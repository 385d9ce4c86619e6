import { firstError, type Answer, type Operation, type Send } from './endpoint.ts';
import { authorizationName } from './headers.ts';

/** A token this close to its end is replaced before it is used. */
const RENEW_BEFORE_END_MS = 20_000;

interface SignInData {
  signIn?: { session?: { accessToken: string; expiresAt: string } | null; errors?: { code: string; message: string }[] } | null;
}

/** The demo user's sign-in. Its token lives in this object only and is gone with the page. */
export class DemoSession {
  #authorization: string | null = null;
  #endsAtMs = 0;
  #given = new Set<string>();
  #pending: Promise<string> | null = null;
  /** Counts sign-outs: a token that was asked for before one must not come into use after it. */
  #turn = 0;
  #listeners = new Set<() => void>();
  readonly #send: Send;
  readonly #signInOperation: Operation;
  readonly #now: () => number;

  constructor(send: Send, signInOperation: Operation, now: () => number = Date.now) {
    this.#send = send;
    this.#signInOperation = signInOperation;
    this.#now = now;
  }

  /** The value of the Authorization header, null while nobody is signed in. */
  readonly authorization = (): string | null => this.#authorization;

  /** Whether this session gave out that authorization, now or earlier. */
  readonly isOurs = (authorization: string): boolean => this.#given.has(authorization);

  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Signs in and answers the authorization; calls at the same time share one request. */
  signIn(): Promise<string> {
    const turn = this.#turn;
    this.#pending ??= this.#requestToken(turn).finally(() => this.#isOver(turn));
    return this.#pending;
  }

  /** Also ends a sign-in that is under way: whoever waits for it is refused, and the next one asks anew. */
  signOut(): void {
    this.#turn++;
    this.#pending = null;
    this.#set(null, 0);
  }

  /** These headers with a fresh token, if they carry one of ours that has ended or is about to. Others are sent as typed. */
  async fresh(headers: Record<string, string>): Promise<Record<string, string>> {
    const name = authorizationName(headers);
    if (name === undefined || this.#authorization === null || !this.isOurs(headers[name] ?? '')) return headers;
    const hasTime = this.#now() < this.#endsAtMs - RENEW_BEFORE_END_MS;
    return { ...headers, [name]: hasTime ? this.#authorization : await this.signIn() };
  }

  async #requestToken(turn: number): Promise<string> {
    const answer = await this.#send(this.#signInOperation, {});
    if (turn !== this.#turn) throw new Error('Signed out meanwhile');
    const session = sessionIn(answer);
    const authorization = `Bearer ${session.accessToken}`;
    this.#set(authorization, Date.parse(session.expiresAt));
    return authorization;
  }

  /** After a sign-out what is pending is another request, which is left alone. */
  #isOver(turn: number): void {
    if (turn === this.#turn) this.#pending = null;
  }

  #set(authorization: string | null, endsAtMs: number): void {
    this.#authorization = authorization;
    this.#endsAtMs = endsAtMs;
    if (authorization !== null) this.#given.add(authorization);
    for (const listener of this.#listeners) listener();
  }
}

function sessionIn(answer: Answer): { accessToken: string; expiresAt: string } {
  const payload = (answer.data as SignInData | null | undefined)?.signIn;
  if (payload?.session) return payload.session;
  const refusal = payload?.errors?.[0];
  throw new Error(refusal ? `${refusal.message} (${refusal.code})` : (firstError(answer) ?? 'The server gave no session'));
}
