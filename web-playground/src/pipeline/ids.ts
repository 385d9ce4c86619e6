/** What an id is of: its first byte says so, see `crates/events/src/ids.rs`. */
const TYPES: Readonly<Record<number, string>> = {
  1: 'User',
  2: 'Post',
  3: 'Comment',
  4: 'Product',
  5: 'Order',
  6: 'Wallet',
  7: 'Transaction',
  8: 'TopUp',
  9: 'Erasure',
  64: 'Command',
  65: 'Session',
};
/** What `node` finds. */
const NODES = ['User', 'Post', 'Comment', 'Product', 'Order', 'Wallet'];
const ID_BYTES = 17;

/** What an id tells by itself. */
export interface ReadId {
  id: string;
  type: string;
  /** Where to look for it. */
  kind: 'command' | 'node' | 'none';
  /** When it was made: a UUID v7 begins with that. */
  madeAt: number;
}

/** Reads an opaque id; null if it is none of this API. */
export function readId(text: string): ReadId | null {
  const id = text.trim();
  const bytes = bytesOf(id);
  const type = bytes && TYPES[bytes[0] ?? 0];
  if (!bytes || !type) return null;
  return { id, type, kind: kindOf(type), madeAt: bytes.slice(1, 7).reduce((sum, byte) => sum * 256 + byte, 0) };
}

function kindOf(type: string): ReadId['kind'] {
  if (type === 'Command') return 'command';
  return NODES.includes(type) ? 'node' : 'none';
}

function bytesOf(id: string): number[] | null {
  if (!/^[A-Za-z0-9_-]+$/.test(id)) return null;
  try {
    const bytes = [...atob(id.replaceAll('-', '+').replaceAll('_', '/'))].map((character) => character.charCodeAt(0));
    return bytes.length === ID_BYTES ? bytes : null;
  } catch {
    return null;
  }
}
