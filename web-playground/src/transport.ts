/** How subscriptions come. */
export type Transport = 'websocket' | 'sse';

export const TRANSPORTS: Readonly<Record<Transport, string>> = { websocket: 'WebSocket', sse: 'SSE' };

const KEY = 'liveTransport';

interface Kept {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** The choice that the visitor made, kept for the next visit. It counts from the next subscription on. */
export class TransportChoice {
  #listeners = new Set<() => void>();
  readonly #kept: Kept;

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  readonly chosen = (): Transport => (this.#kept.getItem(KEY) === 'sse' ? 'sse' : 'websocket');

  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  choose(transport: Transport): void {
    this.#kept.setItem(KEY, transport);
    for (const listener of this.#listeners) listener();
  }
}
