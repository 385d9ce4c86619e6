const KEY_BYTES = 16;

/**
 * The key that a command brings. It stays the same while the input does and until an answer says that the command was accepted: sent again
 * after an answer was lost, it takes effect once, and the same input after that is another wish.
 */
export class IdempotencyKey {
  #input: string | null = null;
  #key = '';

  of(input: unknown): string {
    const text = JSON.stringify(input);
    if (text !== this.#input) [this.#input, this.#key] = [text, newKey()];
    return this.#key;
  }

  /** The command with this key was accepted. Another one may be under way by now, which keeps its own. */
  accepted(key: string): void {
    if (key === this.#key) this.#input = null;
  }
}

/** `crypto.randomUUID` is there on secure origins only, and a phone in the same network is on none. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
