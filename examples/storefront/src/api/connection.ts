import { useSyncExternalStore } from 'react';

/** How the socket for live updates stands. It is closed while nothing on the page is live. */
export type Connection = 'closed' | 'connecting' | 'live' | 'reconnecting';

let connection: Connection = 'closed';
const listeners = new Set<() => void>();

function set(now: Connection): void {
  connection = now;
  for (const listener of listeners) listener();
}

/** For graphql-ws's `on`. A lost connection is told as `connecting` again. */
export const connectionEvents = {
  connecting: (isRetry: boolean) => set(isRetry ? 'reconnecting' : 'connecting'),
  connected: () => set('live'),
  closed: () => set('closed'),
};

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => connection);
}
